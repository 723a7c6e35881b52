/**
 * The building thread: documents in, snapshots out, so that parsing, checking and hashing never delay a
 * stream.
 *
 * It keeps what it parsed and encoded, because most builds change one file of many.
 */
import { parentPort, workerData } from "node:worker_threads";
import { unpackEntries } from "../config/registry-change.ts";
import type { Document } from "../config/source.ts";
import { collectDiagnostics } from "../model/collect-diagnostics.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { InstanceIndex } from "../model/instance-index.ts";
import type { Split } from "../model/intent-split.ts";
import type { LiveWeights } from "../model/live-weights.ts";
import type { ParseCache, RegisteredService } from "../model/parse-intent.ts";
import { createParseCache, parseIntent } from "../model/parse-intent.ts";
import { buildSnapshots } from "../snapshot/build-snapshots.ts";
import { createResourceEncoder } from "../snapshot/encode-resource.ts";
import { packResources } from "../snapshot/packed-resources.ts";
import { persistSnapshot } from "../snapshot/persisted-snapshot.ts";
import { changedExtensions } from "../snapshot/changed-extensions.ts";
import { recreatedClusters } from "../snapshot/recreated-clusters.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import type { SnapshotChange } from "../snapshot/snapshot-change.ts";
import { describeChange } from "../snapshot/snapshot-change.ts";
import { present } from "../support/assert.ts";
import { sameContent } from "../support/same-content.ts";
import { createLintMemo, lintIntent } from "../translate/lint.ts";
import type {
  BuildReply,
  BuildRequest,
  BuildWorkerStart,
  DocumentsChange,
  ResourcePart,
  SplitsInput,
} from "./build-protocol.ts";
import { builtSplits } from "./built-splits.ts";
import { loadEnvoyApi } from "./envoy-api-file.ts";
import { ExplainAnswers } from "./explain-answers.ts";
import type { ExplainQuestion } from "./explain-protocol.ts";

/** Resources in one part: the serving thread takes about a millisecond for as many. */
const RESOURCES_PER_PART = 200;

/** A tool that registers nothing but rubbish must not fill the log. */
const PROBLEMS_TOLD_MAX = 100;

/** Up to here a snapshot is made ready for the disk before it is served; above it would cost too much time. */
const PERSIST_FIRST_BYTES_MAX = 256 * 1024;

const port = present(parentPort, "this file is the entry point of a worker thread");
const { parts, explain, sets } = workerData as BuildWorkerStart;
const api = loadEnvoyApi(sets);
const encoder = createResourceEncoder(api);
const cache: ParseCache = createParseCache();
const lintMemo = createLintMemo();
const documents = new Map<string, Document>();
const files = new Map<string, Document>();
const instances = new InstanceIndex();
/** Keys that were told to be no instances, with their revision. */
const toldInstances = new Map<string, number>();
const answers = new ExplainAnswers(api);
let liveBefore: ReadonlyMap<string, LiveWeights> = new Map();
let built: ReadonlyMap<GroupName, Snapshot> = new Map();

port.on("message", (request: BuildRequest) => build(request));
explain.on("message", (question: ExplainQuestion) => explain.postMessage(answers.answer(question)));
reply({ kind: "ready" });

function build(request: BuildRequest): void {
  const startedMs = performance.now();
  const { buildId, cause, config, registry } = request;
  const live = liveOf(request.splits);
  takeDocuments(documents, config);
  takeDocuments(files, request.files);
  if (registry !== undefined) instances.take({ ...registry, upserted: unpackEntries(registry.upserted) });
  const parsed = parseIntent({
    documents: [...documents.values()],
    problems: [...config.problems, ...(registry?.problems ?? [])],
    api,
    cache,
    instances,
    live,
    content: {
      files: [...files.values()],
      problems: request.files.problems,
      environment: process.env,
      nowMs: cause.atMs,
    },
  });
  const filesRead = new Set(request.filesRead);
  const prefixes = [...new Set(parsed.registered.map(({ prefix }) => prefix))];
  const followed = new Set(registry?.prefixes);
  const needsPrefix = registry !== undefined && prefixes.some((prefix) => !followed.has(prefix));
  if (needsPrefix || parsed.files.some((path) => !filesRead.has(path))) {
    reply({ kind: "needs", buildId, paths: parsed.files, prefixes });
    return;
  }
  const missing = [
    ...(registry === undefined ? parsed.registered.map(withoutEtcd) : []),
    ...unknownWeights(parsed.splits, request.splits),
  ];
  if (missing.length > 0) {
    reply({ kind: "refused", buildId, diagnostics: collect(parsed.diagnostics, missing) });
    return;
  }
  if (parsed.intent === undefined) return reply({ kind: "refused", buildId, diagnostics: parsed.diagnostics });
  const result = buildSnapshots({ intent: parsed.intent, encoder, cause, previous: built });
  if (!result.ok) {
    reply({ kind: "refused", buildId, diagnostics: collect(parsed.diagnostics, result.error) });
    return;
  }
  const { snapshots, warnings } = result.value;
  const changed = [...snapshots.values()].filter((snapshot) => built.get(snapshot.group) !== snapshot);
  const changes = [...snapshots.values()].map((snapshot) => sendResources(snapshot));
  for (const snapshot of changed) if (isSmall(snapshot)) persist(buildId, snapshot);
  reply({
    kind: "built",
    buildId,
    groups: parsed.intent.groups,
    changes,
    warnings: collect(parsed.diagnostics, [
      ...warnings,
      ...lintIntent(parsed.intent, lintMemo),
      ...recreatedClusters(built, snapshots, api),
      ...changedExtensions(built, snapshots, api),
    ]),
    buildMs: performance.now() - startedMs,
    validities: parsed.validities,
    splits: builtSplits(parsed.splits, parsed.intent, live),
    ...refusedBelow(prefixes),
    fewerPrefixes: followed.size > prefixes.length ? prefixes : undefined,
  });
  for (const snapshot of changed) if (!isSmall(snapshot)) persist(buildId, snapshot);
  built = snapshots;
  answers.remember(parsed.intent, snapshots);
}

/** Where instances register, and nobody has said where etcd is. */
function withoutEtcd({ name, at }: RegisteredService): Diagnostic {
  const message = `the instances of \`${name}\` register in etcd, and Fairway was started without one`;
  return { code: "etcd-missing", severity: "error", message, at, hint: "start it with --etcd host:port" };
}

/** Those that have not changed stay the same objects, so that routes are recognised. */
function liveOf({ live }: SplitsInput): ReadonlyMap<string, LiveWeights> {
  const now = new Map(
    live.map((each) => {
      const known = liveBefore.get(each.split);
      return [each.split, known?.revision === each.revision && sameContent(known.watch, each.watch) ? known : each];
    }),
  );
  liveBefore = now;
  return now;
}

/** Without what was set the weights of the files would be served, and a canary that is long promoted would be undone. */
function unknownWeights([split]: readonly Split[], { failure }: SplitsInput): readonly Diagnostic[] {
  if (split === undefined || failure === undefined) return [];
  const message = `the weights that were set for split \`${split.name}\` are not known: ${failure}`;
  return [{ code: "etcd-unreachable", severity: "error", message, at: split.at }];
}

/** Of what is no instance, the first, and the first that were not told yet. */
function refusedBelow(
  prefixes: readonly string[],
): Pick<BuildReply & { readonly kind: "built" }, "refusedInstances" | "refusedNow"> {
  const standing = prefixes.flatMap((prefix) => instances.below(prefix).problems);
  const found = standing.filter(({ key, revision }) => toldInstances.get(key) !== revision);
  toldInstances.clear();
  for (const { key, revision } of standing) toldInstances.set(key, revision);
  return {
    refusedInstances: found.slice(0, PROBLEMS_TOLD_MAX),
    refusedNow: { count: standing.length, first: standing.slice(0, PROBLEMS_TOLD_MAX) },
  };
}

function collect(parsed: readonly Diagnostic[], found: readonly Diagnostic[]): readonly Diagnostic[] {
  return found.length === 0 ? parsed : collectDiagnostics([...parsed, ...found], [...documents.values()]);
}

function takeDocuments(known: Map<string, Document>, change: DocumentsChange): void {
  for (const document of change.documents) known.set(document.path, document);
  const wanted = new Set(change.paths.map(({ path }) => path));
  for (const path of known.keys()) if (!wanted.has(path)) known.delete(path);
}

/** Sends the resources ahead in parts and returns the change without them. */
function sendResources(snapshot: Snapshot): SnapshotChange {
  const change = describeChange(built.get(snapshot.group), snapshot);
  for (const { typeUrl, upserted } of change.tables) {
    for (let from = 0; from < upserted.length; from += RESOURCES_PER_PART) {
      const some = upserted.slice(from, from + RESOURCES_PER_PART);
      const packed = packResources(typeUrl, some);
      const part: ResourcePart = { group: snapshot.group, packed };
      parts.postMessage(part, [packed.bodies.buffer]);
    }
  }
  return { ...change, tables: change.tables.map((table) => ({ ...table, upserted: [] })) };
}

function isSmall(snapshot: Snapshot): boolean {
  let bytes = 0;
  for (const table of snapshot.tables.values()) {
    for (const { body } of table.resources.values()) bytes += body.byteLength;
  }
  return bytes <= PERSIST_FIRST_BYTES_MAX;
}

function persist(buildId: number, snapshot: Snapshot): void {
  const { group, version } = snapshot;
  reply({ kind: "persisted", buildId, group, version, bytes: persistSnapshot(snapshot) });
}

function reply(message: BuildReply): void {
  port.postMessage(message);
}
