/**
 * How far a split's weights are: set, built, served, and at which Envoys.
 */
import type { Convergence, Laggard } from "../fleet/convergence.ts";
import type { Place } from "../model/diagnostic.ts";
import type { Split } from "../model/intent-split.ts";
import type { SplitDocument } from "./split-document.ts";

/** Whether requests that a split shares can be copied, and where that is done already. */
export interface SplitCopying {
  /** Rules of HTTP share requests by it. */
  readonly isPossible: boolean;
  /** By backend: the rule, whichever it is, with a filter that mirrors to the same cluster. */
  readonly mirroredAt: Readonly<Record<string, Place>>;
}

/** What is known of a split. */
export interface KnownSplit {
  /** As the files say it. */
  readonly split: Split;
  /** Those whose nodes share requests by it. */
  readonly groups: readonly string[];
  readonly copying: SplitCopying;
  /** The number of the change that is in what is served. */
  readonly servedNumber: number;
  readonly document: SplitDocument;
  /** The config is refused since the start, and this is what was served before. */
  readonly isLastKnownGood?: boolean | undefined;
}

/** Where a group is with it. */
export interface GroupStanding {
  readonly group: string;
  /** What the guard holds is not served. */
  readonly isHeld: boolean;
  /** Undefined while nothing is served. */
  readonly convergence: Convergence | undefined;
}

/** How far the last change is. */
export interface SplitStanding extends KnownSplit {
  /**
   * applied: every Envoy that is connected has acknowledged it; pending: it is on its way; refused: the config is, so
   * nothing new is served; held: the guard holds a change of the config; rejected: an Envoy has refused it.
   */
  readonly state: "applied" | "pending" | "refused" | "held" | "rejected";
  readonly acknowledgedCount: number;
  readonly pendingCount: number;
  readonly rejectedCount: number;
  /** Of all groups, as many as a person reads. */
  readonly laggards: readonly Laggard[];
}

const LAGGARDS_MAX = 20;

/** The standing of a split; `isRefused` when the config as it is now cannot be used. */
export function splitStanding(
  known: KnownSplit,
  groups: readonly GroupStanding[],
  { isRefused }: { readonly isRefused: boolean },
): SplitStanding {
  const convergences = groups.flatMap(({ convergence }) => convergence ?? []);
  const sum = (count: (of: Convergence) => number) => convergences.reduce((total, each) => total + count(each), 0);
  const isServed = known.servedNumber === known.document.number;
  const connectedCount = sum((each) => each.acknowledgedCount + each.pendingCount + each.rejectedCount);
  const counts = isServed
    ? {
        acknowledgedCount: sum((each) => each.acknowledgedCount),
        pendingCount: sum((each) => each.pendingCount),
        rejectedCount: sum((each) => each.rejectedCount),
      }
    : { acknowledgedCount: 0, pendingCount: connectedCount, rejectedCount: 0 };
  const laggards = convergences.flatMap((each) => each.laggards).slice(0, LAGGARDS_MAX);
  return { ...known, ...counts, laggards, state: stateOf() };

  function stateOf(): SplitStanding["state"] {
    if (!isServed) return isRefused ? "refused" : groups.some(({ isHeld }) => isHeld) ? "held" : "pending";
    if (groups.some(({ convergence }) => convergence === undefined)) return "pending";
    if (counts.rejectedCount > 0) return "rejected";
    return counts.pendingCount > 0 ? "pending" : "applied";
  }
}
