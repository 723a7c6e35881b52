/**
 * Config directories read once and built, for the commands that look and do not serve.
 */
import type { DirectorySourceOptions } from "../config/directory-source.ts";
import { DirectorySource } from "../config/directory-source.ts";
import { placeOfPath, secretKeyOf } from "../config/etcd-secret-keys.ts";
import { referencedFiles } from "../config/referenced-files.ts";
import type { SourceState } from "../config/source.ts";
import { collectDiagnostics } from "../model/collect-diagnostics.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { Split } from "../model/intent-split.ts";
import type { LiveWeights } from "../model/live-weights.ts";
import type { Intent, NodeGroup } from "../model/intent.ts";
import type { ParsedIntent, ParseInput } from "../model/parse-intent.ts";
import { createParseCache, parseIntent } from "../model/parse-intent.ts";
import { buildSnapshots } from "../snapshot/build-snapshots.ts";
import { createResourceEncoder } from "../snapshot/encode-resource.ts";
import { changedExtensions } from "../snapshot/changed-extensions.ts";
import { recreatedClusters } from "../snapshot/recreated-clusters.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import { systemClock } from "../support/clock.ts";
import { lintIntent } from "../translate/lint.ts";
import type { KeyReader } from "./read-secret-keys.ts";

/** What the directories hold: the snapshots, unless there is an error among the diagnostics. */
export interface LoadedConfig {
  readonly diagnostics: readonly Diagnostic[];
  readonly groups: readonly NodeGroup[];
  /** What the snapshots were made from; absent when the files cannot be understood. */
  readonly intent: Intent | undefined;
  readonly snapshots: ReadonlyMap<GroupName, Snapshot> | undefined;
  /** With the weights of the files, whatever is set. */
  readonly splits: readonly Split[];
  /** The secrets whose text is in no file, by name: a server has its own of them. */
  readonly outside: readonly string[];
  /** Keys of etcd that secrets name and that were not read; in the snapshots something stands in for them. */
  readonly unread: readonly string[];
}

export interface LoadOptions {
  /** Snapshots from before: warns of what the change costs. */
  readonly before?: ReadonlyMap<GroupName, Snapshot> | undefined;
  /** Reads the keys of etcd that secrets name; absent where nobody has said where etcd is. */
  readonly readKeys?: KeyReader | undefined;
  /** What a server has of the weights of splits; without it those of the files are in force. */
  readonly live?: ReadonlyMap<string, LiveWeights> | undefined;
}

/** Reads and builds; the same code as `serve`, in this thread. */
export async function loadConfig(
  roots: readonly string[],
  api: EnvoyApi,
  { before = new Map(), readKeys, live }: LoadOptions = {},
): Promise<LoadedConfig> {
  const { documents, problems } = await readOnce({ roots });
  const parsed = await parse({ documents, problems, api, live, cache: createParseCache() }, readKeys);
  const { diagnostics, intent, splits, unread, outside } = parsed;
  if (intent === undefined) return { diagnostics, groups: [], intent, snapshots: undefined, splits, unread, outside };
  const cause = { text: "read once", atMs: systemClock.nowMs() };
  const built = buildSnapshots({ intent, encoder: createResourceEncoder(api), cause });
  const { groups } = intent;
  const found = built.ok
    ? [
        ...built.value.warnings,
        ...lintIntent(intent),
        ...recreatedClusters(before, built.value.snapshots, api),
        ...changedExtensions(before, built.value.snapshots, api),
      ]
    : built.error;
  return {
    diagnostics: collectDiagnostics([...diagnostics, ...found], documents),
    groups,
    intent,
    snapshots: built.ok ? built.value.snapshots : undefined,
    splits,
    outside,
    unread,
  };
}

/** Parses twice when files are named, because only the first time shows which. */
async function parse(
  input: ParseInput,
  readKeys: KeyReader | undefined,
): Promise<ParsedIntent & Pick<LoadedConfig, "unread">> {
  const content = { files: [], problems: [], environment: process.env, nowMs: systemClock.nowMs() };
  const first = parseIntent({ ...input, content });
  if (first.files.length === 0) return { ...first, unread: [] };
  const keys = first.files.filter((path) => secretKeyOf(path) !== undefined);
  const files = first.files.filter((path) => secretKeyOf(path) === undefined);
  const read = files.length > 0 ? await readOnce(referencedFiles(files)) : nothingRead;
  const fromEtcd = keys.length > 0 ? ((await readKeys?.(keys)) ?? nothingRead) : nothingRead;
  const documents = [...read.documents, ...fromEtcd.documents];
  const problems = [...read.problems, ...fromEtcd.problems];
  const known = new Set([...documents, ...problems].map(({ path }) => path));
  const unread = keys.filter((path) => !known.has(path));
  const parsed = parseIntent({
    ...input,
    content: { ...content, files: documents, problems, unread: new Set(unread) },
  });
  return { ...parsed, unread: unread.map(placeOfPath) };
}

const nothingRead = { documents: [], problems: [] };

/** What is in directories at this moment. */
export async function readOnce(options: Pick<DirectorySourceOptions, "roots">): Promise<SourceState> {
  const source = new DirectorySource({ ...options, clock: systemClock });
  try {
    return await new Promise<SourceState>((resolve, reject) => {
      source.start(resolve).catch(reject);
    });
  } finally {
    await source.close();
  }
}
