/**
 * A plan for all groups, from two sides: what would be served, and what is served or was.
 */
import { newWarningsElsewhere } from "../model/new-warnings.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import type { NodeGroup } from "../model/intent.ts";
import type { KnownSnapshot } from "../snapshot/known-snapshot.ts";
import type { Contents, GroupPlan, PlanInput } from "../snapshot/plan.ts";
import { planGroup } from "../snapshot/plan.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";

/** One group with what is known of its nodes. */
export interface ReportedGroup extends GroupPlan {
  /** How many are connected; absent without a server. */
  readonly nodesCount?: number;
  readonly notes: readonly string[];
}

/** All of it. */
export interface PlanReport {
  /** The server's address, or a directory. */
  readonly comparedWith: string;
  /** How a server is asked to release what its guard holds, as far as the version. */
  readonly confirmCommand: string;
  /** Sorted by name; those in which nothing changes have no changes. */
  readonly groups: readonly ReportedGroup[];
  /** Those that the config no longer has. */
  readonly goneGroups: readonly { readonly group: string; readonly nodesCount?: number }[];
  /** Those that were not there before. */
  readonly warnings: readonly Diagnostic[];
  /** What was not compared, and why, and what is unusual. */
  readonly notes: readonly string[];
}

/** What a group is compared with. */
export interface EarlierGroup {
  /** Absent when the group is served nothing yet. */
  readonly snapshot: KnownSnapshot | undefined;
  readonly contents: Contents;
  readonly nodesCount?: number;
  readonly notes: readonly string[];
}

/** Both sides. */
export interface ReportInput {
  readonly comparedWith: string;
  readonly confirmCommand: string;
  readonly earlier: ReadonlyMap<string, EarlierGroup>;
  readonly snapshots: ReadonlyMap<GroupName, Snapshot>;
  readonly groups: readonly NodeGroup[];
  readonly contentsAfter: (snapshot: Snapshot) => Contents;
  readonly contentsMax: number;
  readonly lineOf: (group: string) => NonNullable<PlanInput["lineOf"]>;
  /** Absent without a server. */
  readonly liveSharesOf?: NonNullable<PlanInput["liveSharesOf"]>;
  readonly warnings: { readonly before: readonly Diagnostic[] | undefined; readonly now: readonly Diagnostic[] };
  readonly notes: readonly string[];
}

export function createReport(input: ReportInput): PlanReport {
  const { comparedWith, confirmCommand, earlier, snapshots, notes, warnings } = input;
  const plans = [...snapshots.values()].map((snapshot) => reportGroup(snapshot, earlier.get(snapshot.group), input));
  const gone = [...earlier].filter(([name]) => !snapshots.has(name as GroupName));
  return {
    comparedWith,
    confirmCommand,
    groups: plans.toSorted((a, b) => (a.group < b.group ? -1 : 1)),
    goneGroups: gone.map(([group, { nodesCount }]) => ({ group, ...counted(nodesCount) })),
    warnings: warnings.before === undefined ? [] : newWarningsElsewhere(warnings.before, warnings.now),
    notes,
  };
}

/** Whether anything would change for anybody. */
export function hasChanges({ groups, goneGroups }: PlanReport): boolean {
  return goneGroups.length > 0 || groups.some(({ changes }) => changes.length > 0);
}

function reportGroup(snapshot: Snapshot, earlier: EarlierGroup | undefined, input: ReportInput): ReportedGroup {
  const plan = planGroup({
    before: earlier?.snapshot,
    after: snapshot,
    contentBefore: earlier?.contents ?? (() => undefined),
    contentAfter: input.contentsAfter(snapshot),
    guard: input.groups.find(({ name }) => name === snapshot.group)?.removalGuard ?? { mode: "on" },
    contentsMax: input.contentsMax,
    lineOf: input.lineOf(snapshot.group),
    ...(input.liveSharesOf === undefined ? {} : { liveSharesOf: input.liveSharesOf }),
  });
  return { ...plan, ...counted(earlier?.nodesCount), notes: earlier?.notes ?? [] };
}

function counted(nodesCount: number | undefined): { readonly nodesCount?: number } {
  return nodesCount === undefined ? {} : { nodesCount };
}
