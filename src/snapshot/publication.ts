/**
 * What is served, and how a build becomes it: the guard, the history, and what is held or refused.
 *
 * A reducer without I/O: `publish` takes the outcome of a build or an operator's confirmation and returns
 * the next state with the decisions made, for the shell to save, push and report. What is served changes
 * only here, so a rollback or an emergency change passes the same checks as any other.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { NodeGroup } from "../model/intent.ts";
import type { SnapshotHistory } from "./history.ts";
import { emptyHistory, remember } from "./history.ts";
import type { RemovalFinding } from "./removal-guard.ts";
import { checkRemoval } from "./removal-guard.ts";
import type { GroupName, Snapshot } from "./snapshot.ts";

/** A change that waits for somebody to confirm it. */
export interface HeldChange {
  readonly snapshot: Snapshot;
  readonly findings: readonly RemovalFinding[];
  readonly sinceMs: number;
}

/** Input that could not be built; what was served before stays. */
export interface RefusedBuild {
  readonly diagnostics: readonly Diagnostic[];
  readonly cause: string;
  readonly atMs: number;
}

/** The state; immutable. */
export interface Publication {
  /** The groups of the newest good build, or of the disk before there is one. */
  readonly groups: readonly NodeGroup[];
  /** By group. A group that left the config keeps its last snapshot for the nodes that are still in it. */
  readonly served: ReadonlyMap<GroupName, Snapshot>;
  /** Snapshots of an earlier run: what the guard compares the first build with. */
  readonly baseline: ReadonlyMap<GroupName, Snapshot>;
  readonly held: ReadonlyMap<GroupName, HeldChange>;
  readonly history: SnapshotHistory;
  /** The newest input, when it could not be built. */
  readonly refused: RefusedBuild | undefined;
  readonly warnings: readonly Diagnostic[];
  /** Groups that are served from disk because the config could not be built since the start. */
  readonly stale: ReadonlySet<GroupName>;
}

/** What can happen. */
export type PublicationInput =
  /** At the start: what an earlier run served last (for the guard), oldest first. */
  | { readonly kind: "remembered"; readonly snapshots: readonly Snapshot[] }
  /** The config cannot be built and nothing is served yet: serve the last known good. */
  | { readonly kind: "fallback"; readonly groups: readonly NodeGroup[]; readonly snapshots: readonly Snapshot[] }
  | {
      readonly kind: "built";
      readonly groups: readonly NodeGroup[];
      readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
      readonly warnings: readonly Diagnostic[];
      readonly atMs: number;
    }
  | ({ readonly kind: "refused" } & RefusedBuild)
  | { readonly kind: "confirmed"; readonly version: string };

/** What was decided, in order. */
export type PublicationDecision =
  | { readonly kind: "accepted"; readonly snapshot: Snapshot; readonly before: Snapshot | undefined }
  | { readonly kind: "held"; readonly held: HeldChange }
  | { readonly kind: "hold-withdrawn"; readonly held: HeldChange }
  | { readonly kind: "confirmed"; readonly snapshot: Snapshot; readonly before: Snapshot | undefined };

/** Nothing served yet. */
export const emptyPublication: Publication = {
  groups: [],
  served: new Map(),
  baseline: new Map(),
  held: new Map(),
  history: emptyHistory,
  refused: undefined,
  warnings: [],
  stale: new Set(),
};

/** Takes one input. */
export function publish(
  state: Publication,
  input: PublicationInput,
): { readonly state: Publication; readonly decisions: readonly PublicationDecision[] } {
  switch (input.kind) {
    case "remembered":
      return { state: rememberEarlier(state, input.snapshots), decisions: [] };
    case "fallback":
      return fallBack(state, input);
    case "built":
      return takeBuild(state, input);
    case "refused":
      return { state: { ...state, refused: input }, decisions: [] };
    case "confirmed":
      return confirm(state, input.version);
  }
}

function rememberEarlier(state: Publication, snapshots: readonly Snapshot[]): Publication {
  const baseline = new Map(state.baseline);
  let { history } = state;
  for (const snapshot of snapshots) {
    baseline.set(snapshot.group, snapshot);
    history = remember(history, snapshot);
  }
  return { ...state, baseline, history };
}

function fallBack(
  state: Publication,
  input: PublicationInput & { readonly kind: "fallback" },
): { readonly state: Publication; readonly decisions: readonly PublicationDecision[] } {
  const served = new Map(state.served);
  const decisions: PublicationDecision[] = [];
  let { history } = state;
  for (const snapshot of input.snapshots) {
    if (served.has(snapshot.group)) continue;
    served.set(snapshot.group, snapshot);
    history = remember(history, snapshot);
    decisions.push({ kind: "accepted", snapshot, before: undefined });
  }
  const stale = new Set(input.snapshots.map((snapshot) => snapshot.group));
  return { state: { ...state, groups: input.groups, served, history, stale }, decisions };
}

function takeBuild(
  state: Publication,
  input: PublicationInput & { readonly kind: "built" },
): { readonly state: Publication; readonly decisions: readonly PublicationDecision[] } {
  const served = new Map(state.served);
  const held = new Map<GroupName, HeldChange>();
  const decisions: PublicationDecision[] = [];
  let { history } = state;
  for (const [group, snapshot] of input.snapshots) {
    const before = state.served.get(group) ?? state.baseline.get(group);
    const guard = input.groups.find(({ name }) => name === group)?.removalGuard ?? { mode: "on" };
    const verdict = before === undefined ? { kind: "allowed" as const } : checkRemoval(before, snapshot, guard);
    const earlier = state.held.get(group);
    if (verdict.kind === "held") {
      const same = earlier?.snapshot.version === snapshot.version;
      const change = { snapshot, findings: verdict.findings, sinceMs: same ? earlier.sinceMs : input.atMs };
      held.set(group, change);
      if (!same) decisions.push({ kind: "held", held: change });
      // After a restart the guard compares with the disk: until somebody confirms, that is what is served.
      if (!served.has(group) && before !== undefined) {
        served.set(group, before);
        decisions.push({ kind: "accepted", snapshot: before, before: undefined });
      }
      continue;
    }
    if (earlier !== undefined) decisions.push({ kind: "hold-withdrawn", held: earlier });
    served.set(group, snapshot);
    if (state.served.get(group)?.version === snapshot.version) continue;
    history = remember(history, snapshot);
    decisions.push({ kind: "accepted", snapshot, before });
  }
  const { groups, warnings } = input;
  const stale = new Set([...state.stale].filter((group) => !input.snapshots.has(group)));
  return { state: { ...state, groups, served, held, history, warnings, refused: undefined, stale }, decisions };
}

function confirm(
  state: Publication,
  version: string,
): { readonly state: Publication; readonly decisions: readonly PublicationDecision[] } {
  const served = new Map(state.served);
  const held = new Map(state.held);
  const decisions: PublicationDecision[] = [];
  let { history } = state;
  for (const [group, { snapshot }] of state.held) {
    if (snapshot.version !== version) continue;
    held.delete(group);
    decisions.push({ kind: "confirmed", snapshot, before: served.get(group) });
    served.set(group, snapshot);
    history = remember(history, snapshot);
  }
  return { state: { ...state, served, held, history }, decisions };
}
