/**
 * Config directories read once and built, for the commands that look and do not serve.
 */
import { DirectorySource } from "../config/directory-source.ts";
import type { SourceState } from "../config/source.ts";
import { collectDiagnostics } from "../model/collect-diagnostics.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { NodeGroup } from "../model/intent.ts";
import { parseIntent } from "../model/parse-intent.ts";
import { buildSnapshots } from "../snapshot/build-snapshots.ts";
import { createResourceEncoder } from "../snapshot/encode-resource.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import { systemClock } from "../support/clock.ts";
import { lintIntent } from "../translate/lint.ts";

/** What the directories hold: the snapshots, unless there is an error among the diagnostics. */
export interface LoadedConfig {
  readonly diagnostics: readonly Diagnostic[];
  readonly groups: readonly NodeGroup[];
  readonly snapshots: ReadonlyMap<GroupName, Snapshot> | undefined;
}

/** Reads and builds; the same code as `serve`, in this thread. */
export async function loadConfig(roots: readonly string[], api: EnvoyApi): Promise<LoadedConfig> {
  const { documents, problems } = await readOnce(roots);
  const { diagnostics, intent } = parseIntent({ documents, problems, api });
  if (intent === undefined) return { diagnostics, groups: [], snapshots: undefined };
  const cause = { text: "read once", atMs: systemClock.nowMs() };
  const built = buildSnapshots({ intent, encoder: createResourceEncoder(api), cause });
  const { groups } = intent;
  const found = built.ok ? [...built.value.warnings, ...lintIntent(intent)] : built.error;
  return {
    diagnostics: collectDiagnostics([...diagnostics, ...found], documents),
    groups,
    snapshots: built.ok ? built.value.snapshots : undefined,
  };
}

async function readOnce(roots: readonly string[]): Promise<SourceState> {
  const source = new DirectorySource({ roots, clock: systemClock });
  try {
    return await new Promise<SourceState>((resolve, reject) => {
      source.start(resolve).catch(reject);
    });
  } finally {
    await source.close();
  }
}
