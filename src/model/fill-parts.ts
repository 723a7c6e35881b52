/**
 * Policies and rules with what their filters need from outside of the config: the files that they name, and secrets
 * that Envoy has no SDS for.
 *
 * What was filled with the same stays the same object, so that later stages recognise it.
 */
import { sameItems } from "../support/same-content.ts";
import type { DocumentParts } from "./build-document.ts";
import type { DraftRoute } from "./build-route.ts";
import type { Diagnostic } from "./diagnostic.ts";
import type { Outside } from "./filter-part.ts";
import { fillFilterParts, needsOutside } from "./filter-parts.ts";
import type { Policy } from "./intent-policy.ts";
import type { CredentialList } from "./intent-secret.ts";
import type { ReferencedContent } from "./resolve-secrets.ts";
import { readBytes } from "./resolve-secrets.ts";

type Parts = readonly DocumentParts[];

/** What became of each policy, route and file the last time; keep it between calls. */
export interface FillMemo {
  readonly items: WeakMap<Policy | DraftRoute, FilledItem>;
  readonly files: WeakMap<Parts, { readonly items: readonly object[]; readonly parts: Parts }>;
}

interface FilledItem {
  /** What was asked for, and what it was. */
  readonly asked: ReadonlyMap<string, unknown>;
  readonly item: Policy | DraftRoute;
  readonly diagnostics: readonly Diagnostic[];
}

export function createFillMemo(): FillMemo {
  return { items: new WeakMap(), files: new WeakMap() };
}

/** Files, and the secrets that they became. */
export type FillContent = Pick<ReferencedContent, "files" | "problems"> & {
  readonly credentials: readonly CredentialList[];
};

/** The parts of each file in the same order; those that need nothing are the same objects. */
export interface FilledParts {
  readonly files: readonly Parts[];
  readonly diagnostics: readonly Diagnostic[];
  /** Whether something was filled anew, so that a name may mean something else than before. */
  readonly isNew: boolean;
  /** Whether something had to be left as it is for want of content. */
  readonly isUnread: boolean;
}

export function fillParts(files: readonly Parts[], content: FillContent | undefined, memo: FillMemo): FilledParts {
  const needing = files.map((parts) => parts.some((part) => itemsOf(part).length > 0));
  if (!needing.includes(true)) return { files, diagnostics: [], isNew: false, isUnread: false };
  if (content === undefined) return { files, diagnostics: [], isNew: false, isUnread: true };
  const read = reader(content);
  const diagnostics: Diagnostic[] = [];
  let isNew = false;
  const fill = <Item extends Policy | DraftRoute>(item: Item): Item => {
    const known = memo.items.get(item);
    const isKnown = known !== undefined && [...known.asked].every(([key, value]) => read.again(key) === value);
    const filled = isKnown ? known : fillItem(item, read);
    memo.items.set(item, filled);
    isNew ||= !isKnown;
    diagnostics.push(...filled.diagnostics);
    return filled.item as Item;
  };
  const filled = files.map((parts, index) => (needing[index] === true ? fillFile(parts, fill, memo) : parts));
  return { files: filled, diagnostics, isNew, isUnread: false };
}

const needed = new WeakMap<DocumentParts, readonly (Policy | DraftRoute)[]>();

/** Those of a document that need something. */
function itemsOf(part: DocumentParts): readonly (Policy | DraftRoute)[] {
  const known = needed.get(part);
  if (known !== undefined) return known;
  const found = [
    ...part.policies.filter(({ httpFilters }) => needsOutside(httpFilters)),
    ...part.routes.filter(({ rules }) => rules.some(({ httpFilters }) => needsOutside(httpFilters))),
  ];
  needed.set(part, found);
  return found;
}

function fillFile(parts: Parts, fill: <Item extends Policy | DraftRoute>(item: Item) => Item, memo: FillMemo): Parts {
  const filled = new Map(parts.flatMap(itemsOf).map((item) => [item as object, fill(item)]));
  const items = [...filled.values()];
  const known = memo.files.get(parts);
  if (known !== undefined && sameItems(known.items, items)) return known.parts;
  const now = <Item extends object>(item: Item): Item => (filled.get(item) as Item | undefined) ?? item;
  const result = parts.map((part) => ({ ...part, policies: part.policies.map(now), routes: part.routes.map(now) }));
  memo.files.set(parts, { items, parts: result });
  return result;
}

function fillItem(item: Policy | DraftRoute, read: Reader): FilledItem {
  const asked = new Map<string, unknown>();
  const diagnostics: Diagnostic[] = [];
  const bytes: Outside["bytes"] = (path, at) => {
    const found = read.file(path);
    asked.set(`file ${path}`, read.again(`file ${path}`));
    if ("bytes" in found) return found.bytes;
    diagnostics.push({ ...found.problem, severity: "error", at });
    return undefined;
  };
  const outside: Outside = {
    bytes,
    file: (path, at) => {
      const found = bytes(path, at);
      return found === undefined ? undefined : new TextDecoder().decode(found);
    },
    credentials: (name) => {
      const key = `secret ${name}`;
      const list = read.again(key) as CredentialList | undefined;
      asked.set(key, list);
      return list?.entries ?? [];
    },
    report: (diagnostic) => void diagnostics.push(diagnostic),
  };
  return { asked, item: fillAll(item, outside), diagnostics };
}

function fillAll(item: Policy | DraftRoute, outside: Outside): Policy | DraftRoute {
  const filled = <Holder extends Pick<Policy, "httpFilters">>(holder: Holder): Holder => {
    const httpFilters = fillFilterParts(holder.httpFilters, outside);
    return httpFilters === undefined ? holder : { ...holder, httpFilters };
  };
  return "rules" in item ? { ...item, rules: item.rules.map(filled) } : filled(item);
}

interface Reader {
  readonly file: (path: string) => ReturnType<typeof readBytes>;
  /** Something that differs when what was read differs; by `file path` or `secret name`. */
  readonly again: (key: string) => unknown;
}

function reader(content: FillContent): Reader {
  const files = new Map(content.files.map((file) => [file.path, file]));
  const problems = new Map(content.problems.map((problem) => [problem.path, problem]));
  const known = new Map<string, unknown>([
    ...content.files.map(({ path, hash }) => [`file ${path}`, hash] as const),
    ...content.problems.map(({ path, message }) => [`file ${path}`, message] as const),
    ...content.credentials.map((list) => [`secret ${list.name}`, list] as const),
  ]);
  return { file: (path) => readBytes(path, { files, problems }), again: (key) => known.get(key) };
}
