/**
 * From documents to intent, or to everything that is wrong with them.
 *
 * Each file is parsed and checked alone and remembered by its path and hash, so that an edit of one file in
 * a thousand costs one file, and those that use what it defines; then the intent is built. All
 * problems of all files come at once, in the order of their places. While a file cannot be read at all,
 * dangling references are not told: the names may well be in that file.
 */
import type { Document, SourceProblem } from "../config/source.ts";
import { sameItems } from "../support/same-content.ts";
import type { DocumentParts } from "./build-document.ts";
import { buildDocument } from "./build-document.ts";
import { checkAttachments } from "./check-attachments.ts";
import { checkDocument } from "./check-document.ts";
import { checkConflicts } from "./check-conflicts.ts";
import { checkL4Routes } from "./check-l4-routes.ts";
import { checkReferences, groupNames } from "./check-references.ts";
import { collectDiagnostics, isError } from "./collect-diagnostics.ts";
import type { Definition, Reference } from "./collect-names.ts";
import { collectFiles } from "./collect-files.ts";
import { collectDefinitions, collectReferences } from "./collect-names.ts";
import type { Diagnostic, Place } from "./diagnostic.ts";
import type { EnvoyApi } from "./envoy-api.ts";
import type { InstanceIndex } from "./instance-index.ts";
import type { Intent } from "./intent.ts";
import type { Split } from "./intent-split.ts";
import type { LiveWeights } from "./live-weights.ts";
import { liveWarnings } from "./live-weights.ts";
import { extensionsWritten } from "./extensions-within.ts";
import type { FillMemo } from "./fill-parts.ts";
import { createFillMemo, fillParts } from "./fill-parts.ts";
import { lintCertificates } from "./lint-certificates.ts";
import { textsOf } from "./lint-unused.ts";
import { mergeDocuments } from "./merge-documents.ts";
import { NameIndex } from "./name-index.ts";
import { byName } from "./sort.ts";
import { parseDocument } from "./parse-document.ts";
import { reuseParts } from "./reuse-parts.ts";
import type { ResolvedDrafts } from "./resolve-intent.ts";
import type { ReferencedContent } from "./resolve-secrets.ts";
import { resolveSecrets } from "./resolve-secrets.ts";
import type { SecretValidity } from "./validity.ts";
import { createResolvedDrafts, resolveIntent } from "./resolve-intent.ts";

/** Each is watched; no host of certificates that we know of has so many. */
const FILES_MAX = 10_000;

/** Checked files by path; made by `createParseCache`, kept between calls with the same API. */
export interface ParseCache {
  readonly files: Map<string, CheckedFile>;
  readonly names: NameIndex<CheckedFile>;
  readonly texts: RememberedTexts;
  readonly resolved: ResolvedDrafts;
  readonly filled: FillMemo;
}

/** The texts of raw resources, patches and extensions, and the documents that hold any. */
interface RememberedTexts {
  parts: readonly DocumentParts[];
  texts: ReadonlySet<string>;
}

/** One file, parsed and checked alone. */
export interface CheckedFile {
  readonly hash: string;
  readonly diagnostics: readonly Diagnostic[];
  /** False when a part could not be read, so that nobody knows what it defines. */
  readonly complete: boolean;
  readonly definitions: readonly Definition[];
  readonly references: readonly Reference[];
  /** The files that it names; see `collectFiles`. */
  readonly files: readonly string[];
  /** Absent when the file has an error. */
  readonly parts: readonly DocumentParts[] | undefined;
}

export function createParseCache(): ParseCache {
  return {
    files: new Map(),
    names: new NameIndex(),
    texts: { parts: [], texts: new Set() },
    resolved: createResolvedDrafts(),
    filled: createFillMemo(),
  };
}

/** What is parsed. */
export interface ParseInput {
  readonly documents: readonly Document[];
  readonly problems: readonly SourceProblem[];
  readonly api: EnvoyApi;
  readonly cache?: ParseCache;
  /** What the documents name outside of themselves; without it there is no intent if there are secrets. */
  readonly content?: ReferencedContent;
  /** What has registered; without it services that are found in etcd have no endpoints. */
  readonly instances?: InstanceIndex | undefined;
  /** What was set of the weights of splits, by split; without it those of the files are in force. */
  readonly live?: ReadonlyMap<string, LiveWeights> | undefined;
}

/** What came of it. */
export interface ParsedIntent {
  /** Sorted by file, line and column. */
  readonly diagnostics: readonly Diagnostic[];
  /** Absent when there is an error. */
  readonly intent: Intent | undefined;
  /** The files that the documents name, sorted; whoever parses reads them and parses again. */
  readonly files: readonly string[];
  /** Services whose instances register; sorted by name. */
  readonly registered: readonly RegisteredService[];
  /** The secrets whose text is in no file, by name: it is in the environment or the etcd of whoever serves. */
  readonly outside: readonly string[];
  /** When the certificates that were read are valid. */
  readonly validities: readonly SecretValidity[];
  /** As the files say them; sorted by name. */
  readonly splits: readonly Split[];
}

/** Where a service's instances register. */
export interface RegisteredService {
  readonly name: string;
  readonly prefix: string;
  readonly at: Place;
}

/** The intent, unless there is an error. */
export function parseIntent(input: ParseInput): ParsedIntent {
  const cache = input.cache ?? createParseCache();
  const { resolved, names } = cache;
  const files = checkFiles(input, cache);
  const readable = files.flatMap((file) => (file.parts === undefined ? [] : [{ file, parts: file.parts }]));
  const drafts = readable.flatMap(({ parts: each }) => each.flatMap((part) => part.secrets));
  const secrets = input.content === undefined ? undefined : resolveSecrets(drafts, input.content, resolved.secrets);
  const filled = fillParts(
    readable.map(({ parts: each }) => each),
    input.content && { ...input.content, credentials: secrets?.credentials ?? [] },
    cache.filled,
  );
  const partsOfFiles = filled.files;
  const changed = names.update(files);
  for (const [index, { file }] of readable.entries()) {
    const each = partsOfFiles[index];
    if (each !== undefined && (filled.isNew || changed.has(file))) resolved.files.delete(each);
  }
  const parts = partsOfFiles.flat();
  const named = [...new Set(files.flatMap((file) => file.files))].toSorted();
  const complete = input.problems.length === 0 && files.every((file) => file.complete);
  const diagnostics = [
    ...input.problems.map(sourceDiagnostic),
    ...noDocuments(input),
    ...files.flatMap((file) => file.diagnostics),
    ...(names.isRight() ? [] : namingProblems(files, complete)),
    ...checkConflicts(parts, groupNames(names.definitions)),
    ...checkL4Routes(parts, groupNames(names.definitions)),
    ...(secrets?.diagnostics ?? []),
    ...filled.diagnostics,
    ...tooManyFiles(named),
  ];
  const allFiles = named.slice(0, FILES_MAX);
  const validities = secrets?.validities ?? [];
  const registered = parts.flatMap(registeredServices).toSorted(byName);
  const splits = parts.flatMap((part) => part.splits).toSorted(byName);
  const live = input.live ?? new Map<string, LiveWeights>();
  const outside = drafts.filter(({ parts: of }) => of.some(({ from }) => from === "fromEnv" || from === "fromEtcd"));
  const rest = {
    files: allFiles,
    registered,
    validities,
    splits,
    outside: outside.map(({ name }) => name),
  };
  if (diagnostics.some(isError)) {
    return { ...rest, diagnostics: collectDiagnostics(diagnostics, input.documents), intent: undefined };
  }
  const unused = names.unused(textsOnce(parts, cache.texts));
  const certificates = lintCertificates(parts, secrets?.secrets ?? []);
  const isRead = !filled.isUnread && (secrets !== undefined || drafts.length === 0);
  return {
    diagnostics: collectDiagnostics(
      [...diagnostics, ...unused, ...certificates, ...liveWarnings(splits, live)],
      input.documents,
    ),
    intent: isRead
      ? resolveIntent(partsOfFiles, { secrets: secrets?.secrets ?? [], instances: input.instances, live }, resolved)
      : undefined,
    ...rest,
  };
}

function registeredServices({ services }: DocumentParts): readonly RegisteredService[] {
  return services.flatMap(({ name, at, registry }) => (registry === undefined ? [] : [{ name, at, ...registry }]));
}

/** Every repeated name, dangling reference and policy that clashes with another. */
function namingProblems(files: readonly CheckedFile[], complete: boolean): readonly Diagnostic[] {
  const { definitions, diagnostics } = mergeDocuments(files.flatMap((file) => file.definitions));
  const references = files.flatMap((file) => file.references);
  return [
    ...diagnostics,
    ...(complete ? checkReferences(references, definitions) : []),
    ...checkAttachments(references, definitions),
  ];
}

function textsOnce(all: readonly DocumentParts[], known: RememberedTexts): ReadonlySet<string> {
  const parts = all.filter(
    (part) =>
      part.rawResources.length + part.patches.length + extensionsWritten(part).length > 0 ||
      part.gateways.some(({ grpcListeners }) => grpcListeners.length > 0),
  );
  if (!sameItems(parts, known.parts)) {
    known.parts = parts;
    known.texts = textsOf(parts);
  }
  return known.texts;
}

/** Checks the files that are new or changed and forgets those that are gone. */
function checkFiles({ documents, api }: ParseInput, cache: ParseCache): readonly CheckedFile[] {
  const checked = new Map<string, CheckedFile>();
  for (const document of documents) {
    const known = cache.files.get(document.path);
    checked.set(document.path, known?.hash === document.hash ? known : checkFile(document, api, known));
  }
  cache.files.clear();
  for (const [path, file] of checked) cache.files.set(path, file);
  return [...checked.values()];
}

function checkFile(document: Document, api: EnvoyApi, before: CheckedFile | undefined): CheckedFile {
  const parsed = parseDocument(document);
  const diagnostics = [...parsed.diagnostics, ...parsed.documents.flatMap((part) => checkDocument(part, api))];
  return {
    hash: document.hash,
    diagnostics,
    complete: parsed.complete,
    definitions: parsed.documents.flatMap(collectDefinitions),
    references: parsed.documents.flatMap(collectReferences),
    files: parsed.documents.flatMap(collectFiles),
    parts: diagnostics.some(isError) ? undefined : reuseParts(before?.parts, parsed.documents.map(buildDocument)),
  };
}

/**
 * An empty directory is a mount that is missing or a checkout that has not happened, not the wish to serve
 * nothing: taken at its word it would empty every Envoy that connects.
 */
function noDocuments(input: {
  readonly documents: readonly Document[];
  readonly problems: readonly SourceProblem[];
}): readonly Diagnostic[] {
  if (input.documents.length > 0 || input.problems.length > 0) return [];
  return [
    {
      code: "source-missing",
      severity: "error",
      message: "there is no config file: nothing with the ending .yaml, .yml or .json was found",
      at: { file: "(config)", line: 1, column: 1 },
      hint: "to serve nothing on purpose, write a file with `services: {}`; with etcd, `fairway push` writes below /fairway/config/",
    },
  ];
}

function tooManyFiles(named: readonly string[]): readonly Diagnostic[] {
  if (named.length <= FILES_MAX) return [];
  const message = `the documents name ${named.length} files; at most ${FILES_MAX} are read`;
  return [{ code: "source-too-many", severity: "error", message, at: { file: "(config)", line: 1, column: 1 } }];
}

function sourceDiagnostic(problem: SourceProblem): Diagnostic {
  return {
    code: problem.code,
    severity: "error",
    message: problem.message,
    at: { file: problem.path, line: 1, column: 1 },
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  };
}
