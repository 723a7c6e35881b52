/**
 * What is served, and how a build becomes it: the guard, the history, and what is held or refused.
 *
 * A reducer without I/O: `publish` takes the outcome of a build or an operator's confirmation and returns
 * the next state with the decisions made, for the shell to save, push and report. What is served changes
 * only here, so a rollback or an emergency change passes the same checks as any other.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { NodeGroup } from "../model/intent.ts";
import type { Confirmation } from "./confirmation.ts";
import type { SnapshotHistory } from "./history.ts";
import { emptyHistory, remember } from "./history.ts";
import type { LivingNames, RemovalFinding, RemovalVerdict } from "./removal-guard.ts";
import { checkRemoval, checkRemovalFrom } from "./removal-guard.ts";
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
  /** What the other replicas serve, where that is newer than what is known here; until a first build was let through. */
  readonly fleet: ReadonlyMap<GroupName, LivingNames>;
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
  /** At the start, where there are other replicas: what they serve, as far as the guard looks at it. */
  | { readonly kind: "fleet"; readonly living: ReadonlyMap<GroupName, LivingNames> }
  /** What other replicas serve to groups whose first build is held; what an earlier run served where they say nothing. */
  | { readonly kind: "stood-in"; readonly snapshots: readonly Snapshot[] }
  /** The config cannot be built and nothing is served yet: serve the last known good. */
  | { readonly kind: "fallback"; readonly groups: readonly NodeGroup[]; readonly snapshots: readonly Snapshot[] }
  | {
      readonly kind: "built";
      readonly groups: readonly NodeGroup[];
      readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
      readonly warnings: readonly Diagnostic[];
      readonly atMs: number;
    }
  /** What is served already, built with other weights while a newer config is refused or held: that stays so. */
  | { readonly kind: "rebuilt"; readonly snapshots: ReadonlyMap<GroupName, Snapshot> }
  | ({ readonly kind: "refused" } & RefusedBuild)
  | { readonly kind: "confirmed"; readonly confirmation: Confirmation };

/** What was decided, in order. */
export type PublicationDecision =
  | { readonly kind: "accepted"; readonly snapshot: Snapshot; readonly before: Snapshot | undefined }
  | { readonly kind: "held"; readonly held: HeldChange }
  | { readonly kind: "hold-withdrawn"; readonly held: HeldChange }
  | {
      readonly kind: "confirmed";
      readonly snapshot: Snapshot;
      readonly before: Snapshot | undefined;
      readonly confirmation: Confirmation;
    };

/** Nothing served yet. */
export const emptyPublication: Publication = {
  groups: [],
  served: new Map(),
  baseline: new Map(),
  fleet: new Map(),
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
    case "fleet":
      return { state: { ...state, fleet: input.living }, decisions: [] };
    case "stood-in":
      return standIn(state, input.snapshots);
    case "fallback":
      return fallBack(state, input);
    case "built":
      return takeBuild(state, input);
    case "rebuilt":
      return takeRebuilt(state, input.snapshots);
    case "refused":
      return { state: { ...state, refused: input }, decisions: [] };
    case "confirmed":
      return confirm(state, input.confirmation);
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
  const fleetLeft = new Map(state.fleet);
  const decisions: PublicationDecision[] = [];
  let { history } = state;
  for (const [group, snapshot] of input.snapshots) {
    const before = state.served.get(group) ?? state.baseline.get(group);
    const fleet = state.fleet.get(group);
    const guard = input.groups.find(({ name }) => name === group)?.removalGuard ?? { mode: "on" };
    const verdict = judge(fleet ?? before, snapshot, guard);
    const earlier = state.held.get(group);
    if (verdict.kind === "held") {
      const same = earlier?.snapshot.version === snapshot.version;
      const change = { snapshot, findings: verdict.findings, sinceMs: same ? earlier.sinceMs : input.atMs };
      held.set(group, change);
      if (!same) decisions.push({ kind: "held", held: change });
      // After a restart the guard compares with the disk: until somebody confirms, that is what is served.
      if (!served.has(group) && fleet === undefined && before !== undefined) {
        served.set(group, before);
        decisions.push({ kind: "accepted", snapshot: before, before: undefined });
      }
      continue;
    }
    if (earlier !== undefined) decisions.push({ kind: "hold-withdrawn", held: earlier });
    served.set(group, snapshot);
    fleetLeft.delete(group);
    if (state.served.get(group)?.version === snapshot.version) continue;
    history = remember(history, snapshot);
    decisions.push({ kind: "accepted", snapshot, before });
  }
  const { groups, warnings } = input;
  const stale = new Set([...state.stale].filter((group) => !input.snapshots.has(group)));
  const rest = { warnings, refused: undefined, stale, fleet: fleetLeft };
  return { state: { ...state, groups, served, held, history, ...rest }, decisions };
}

function takeRebuilt(
  state: Publication,
  snapshots: ReadonlyMap<GroupName, Snapshot>,
): { readonly state: Publication; readonly decisions: readonly PublicationDecision[] } {
  const served = new Map(state.served);
  const decisions: PublicationDecision[] = [];
  let { history } = state;
  for (const [group, snapshot] of snapshots) {
    const before = state.served.get(group);
    const guard = state.groups.find(({ name }) => name === group)?.removalGuard ?? { mode: "on" };
    if (before === undefined || before.version === snapshot.version) continue;
    if (judge(state.fleet.get(group) ?? before, snapshot, guard).kind === "held") continue;
    served.set(group, snapshot);
    history = remember(history, snapshot);
    decisions.push({ kind: "accepted", snapshot, before });
  }
  return { state: { ...state, served, history }, decisions };
}

function judge(
  before: Snapshot | LivingNames | undefined,
  snapshot: Snapshot,
  guard: NodeGroup["removalGuard"],
): RemovalVerdict {
  if (before === undefined) return { kind: "allowed" };
  return "tables" in before ? checkRemoval(before, snapshot, guard) : checkRemovalFrom(before, snapshot, guard);
}

/** Whether nodes are matched as before. */
export function sameGroups(a: readonly NodeGroup[], b: readonly NodeGroup[]): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** The groups whose first build is held and that are served nothing yet. */
export function heldWithoutServed({ held, served }: Publication): readonly GroupName[] {
  return [...held.keys()].filter((group) => !served.has(group));
}

function standIn(
  state: Publication,
  snapshots: readonly Snapshot[],
): { readonly state: Publication; readonly decisions: readonly PublicationDecision[] } {
  const served = new Map(state.served);
  const fleet = new Map(state.fleet);
  const decisions: PublicationDecision[] = [];
  let { history } = state;
  for (const group of heldWithoutServed(state)) {
    const theirs = snapshots.find((each) => each.group === group);
    const snapshot = theirs ?? state.baseline.get(group);
    if (snapshot === undefined) continue;
    if (theirs !== undefined) fleet.delete(group);
    served.set(group, snapshot);
    history = remember(history, snapshot);
    decisions.push({ kind: "accepted", snapshot, before: undefined });
  }
  return { state: { ...state, served, fleet, history }, decisions };
}

function confirm(
  state: Publication,
  confirmation: Confirmation,
): { readonly state: Publication; readonly decisions: readonly PublicationDecision[] } {
  const served = new Map(state.served);
  const held = new Map(state.held);
  const fleet = new Map(state.fleet);
  const decisions: PublicationDecision[] = [];
  let { history } = state;
  for (const [group, { snapshot }] of state.held) {
    if (snapshot.version !== confirmation.version || !confirmation.groups.includes(group)) continue;
    held.delete(group);
    fleet.delete(group);
    decisions.push({ kind: "confirmed", snapshot, before: served.get(group), confirmation });
    served.set(group, snapshot);
    history = remember(history, snapshot);
  }
  return { state: { ...state, served, held, fleet, history }, decisions };
}
