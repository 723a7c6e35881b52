/**
 * Config directories read once and built, for the commands that look and do not serve.
 */
import type { DirectorySourceOptions } from "../config/directory-source.ts";
import { DirectorySource } from "../config/directory-source.ts";
import { referencedFiles } from "../config/referenced-files.ts";
import type { SourceState } from "../config/source.ts";
import { collectDiagnostics } from "../model/collect-diagnostics.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
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

/** What the directories hold: the snapshots, unless there is an error among the diagnostics. */
export interface LoadedConfig {
  readonly diagnostics: readonly Diagnostic[];
  readonly groups: readonly NodeGroup[];
  /** What the snapshots were made from; absent when the files cannot be understood. */
  readonly intent: Intent | undefined;
  readonly snapshots: ReadonlyMap<GroupName, Snapshot> | undefined;
  /** The secrets that come from the environment of this process, by name. */
  readonly fromEnvironment: readonly string[];
}

/** Reads and builds; the same code as `serve`, in this thread. With snapshots from before, warns of what the change costs. */
export async function loadConfig(
  roots: readonly string[],
  api: EnvoyApi,
  before: ReadonlyMap<GroupName, Snapshot> = new Map(),
): Promise<LoadedConfig> {
  const { documents, problems } = await readOnce({ roots });
  const { diagnostics, intent, fromEnvironment } = await parse({ documents, problems, api, cache: createParseCache() });
  if (intent === undefined) return { diagnostics, groups: [], intent, snapshots: undefined, fromEnvironment };
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
    fromEnvironment,
  };
}

/** Parses twice when files are named, because only the first time shows which. */
async function parse(input: ParseInput): Promise<ParsedIntent> {
  const content = { files: [], problems: [], environment: process.env, nowMs: systemClock.nowMs() };
  const first = parseIntent({ ...input, content });
  if (first.files.length === 0) return first;
  const { documents, problems } = await readOnce(referencedFiles(first.files));
  return parseIntent({ ...input, content: { ...content, files: documents, problems } });
}

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
