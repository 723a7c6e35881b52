/**
 * Where in a listener or in routes code is run, or asked, that is not Envoy's own, and what of it changes.
 *
 * Each place counts: a script that has been there for long and is attached to one more route is as new to that route as
 * one that was written today.
 */
import type { JsonValue } from "../model/intent.ts";
import { extensionCode } from "../model/extension-code.ts";
import { isExtensionName } from "../translate/http-filter-extensions.ts";
import { sameContent } from "../support/same-content.ts";
import { isMap } from "./field-changes.ts";

/** One place at which something differs. */
export interface ExtensionChange {
  readonly kind: "added" | "changed" | "removed";
  /** `Lua`, `WebAssembly`, `the filter extension.stats/p`. */
  readonly code: string;
  /** The route, virtual host or filter chain that it is at; absent when it is at none that has a name. */
  readonly place?: string;
}

interface Mark {
  readonly code: string;
  readonly place: string | undefined;
  readonly content: JsonValue;
}

/** Of two renderings of one resource; either may be absent. */
export function extensionChanges(
  before: JsonValue | undefined,
  after: JsonValue | undefined,
): readonly ExtensionChange[] {
  const [old, now] = [marksIn(before ?? {}), marksIn(after ?? {})];
  const come = [...now].flatMap(([key, mark]): readonly ExtensionChange[] => {
    const known = old.get(key);
    if (known === undefined) return [told("added", mark)];
    return sameContent(known.content, mark.content) ? [] : [told("changed", mark)];
  });
  const gone = [...old].flatMap(([key, mark]) => (now.has(key) ? [] : [told("removed", mark)]));
  return [...come, ...gone];
}

function told(kind: ExtensionChange["kind"], { code, place }: Mark): ExtensionChange {
  return { kind, code, ...(place === undefined ? {} : { place }) };
}

/** Lists whose items have names that people know. */
const namedPlaces: ReadonlySet<string> = new Set(["virtual_hosts", "routes", "filter_chains"]);

/** By where it is, told by names, so that what stands before it does not matter. */
function marksIn(message: JsonValue): ReadonlyMap<string, Mark> {
  const found = new Map<string, Mark>();
  const add = (path: string, mark: Mark): void => {
    let key = `${path} ${mark.code}`;
    while (found.has(key)) key += "+";
    found.set(key, mark);
  };
  const visit = (value: JsonValue, path: string, place: string | undefined): void => {
    if (Array.isArray(value)) {
      for (const item of value as readonly JsonValue[]) {
        const name = isMap(item) && typeof item["name"] === "string" ? item["name"] : undefined;
        const list = path.slice(path.lastIndexOf(".") + 1);
        visit(item, `${path}[${name ?? ""}]`, namedPlaces.has(list) ? (name ?? place) : place);
      }
      return;
    }
    if (!isMap(value)) return;
    for (const code of codesOf(value)) add(path, { code, place, content: value });
    for (const [key, inner] of Object.entries(value)) {
      if (path.endsWith(".typed_per_filter_config") && isExtensionName(key)) {
        add(`${path}.${key}`, { code: `the filter ${key}`, place, content: inner });
      }
      visit(inner, `${path}.${key}`, place);
    }
  };
  visit(message, "", undefined);
  return found;
}

/** What a message is by its type, and by its name in a chain of filters. */
function codesOf({ "@type": type, name }: { readonly [key: string]: JsonValue }): readonly string[] {
  const code = typeof type === "string" ? extensionCode(type) : undefined;
  return [
    ...(code === undefined ? [] : [code]),
    ...(typeof name === "string" && isExtensionName(name) ? [`the filter ${name}`] : []),
  ];
}
