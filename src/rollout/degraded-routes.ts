/**
 * Which routes a version makes worse, at most three, the one with the most bad requests too many first.
 *
 * Every bad request is told, so the question needs no totals: if the canary were as bad as tolerated, its part of a
 * route's bad requests would be its part of the requests. It is worse where that part is surely larger. How many requests
 * there were is estimated from the sample of both versions together, because chance splits each route as it splits all.
 */
import type { MetricName } from "./canary-evidence.ts";
import type { Share } from "./compare-versions.ts";
import { shareOf } from "./counts.ts";
import type { Gates } from "./gates.ts";
import { shareOfBoth } from "./report-steps.ts";
import type { RolloutRecord, StepRecord } from "./rollout-record.ts";
import { wilsonInterval } from "./wilson.ts";

/** What is known of routes. */
export interface RoutesReport {
  /** False when no Envoy has told of a single request. */
  readonly isKnown: boolean;
  /** Those that had requests. */
  readonly comparedCount: number;
  /** Those that are worse. */
  readonly worseCount: number;
  /** The worst of these. */
  readonly worst: readonly DegradedRoute[];
}

export interface DegradedRoute {
  readonly route: string;
  /** Where the config defines it, where that is known. */
  readonly at?: string | undefined;
  /** In what it is worse. */
  readonly worseIn: readonly MetricName[];
  /** Bad requests that it would not have had with the baseline's shares. */
  readonly tooMany: number;
  readonly canary: RouteVersion;
  readonly baseline: RouteVersion;
}

export interface RouteVersion {
  /** About so many. */
  readonly requests: number;
  /** Exactly so many, and their share with its 95 % interval. */
  readonly errors: RouteShare;
  /** Absent where the plan does not ask about slow ones. */
  readonly slow?: RouteShare | undefined;
}

export interface RouteShare extends Share {
  readonly count: number;
}

const WORST_MAX = 3;
/** One mishap, told twice by a retry, is no degraded route. */
const BAD_MIN = 3;
/** 99 %, one-sided, because there are many routes that chance may choose from. */
const Z = 2.33;

/** Absent before anything was measured. */
export function routesOf(record: RolloutRecord): RoutesReport | undefined {
  const measured = record.steps.filter(({ measuredFromMs }) => measuredFromMs !== undefined);
  if (measured.length === 0) return undefined;
  const sums = [...sumsOf(measured, record).values()];
  const compared = sums.map((sum) => degradedRoute(sum, record.plan.gates));
  const worse = compared.filter(({ worseIn }) => worseIn.length > 0);
  return {
    isKnown: sums.length > 0,
    comparedCount: sums.length,
    worseCount: worse.length,
    worst: worse.toSorted((a, b) => b.tooMany - a.tooMany || (a.route < b.route ? -1 : 1)).slice(0, WORST_MAX),
  };
}

/** One route over all steps; `alike` are the canary's, if its part of the bad requests were its part of all. */
interface RouteSum {
  readonly route: string;
  readonly at?: string | undefined;
  readonly requests: { readonly canary: number; readonly baseline: number };
  readonly errors: BadSum;
  readonly slow: BadSum;
}

interface BadSum {
  readonly canary: number;
  readonly baseline: number;
  readonly alike: number;
}

const noBad: BadSum = { canary: 0, baseline: 0, alike: 0 };

function sumsOf(steps: readonly StepRecord[], record: RolloutRecord): ReadonlyMap<string, RouteSum> {
  const sums = new Map<string, RouteSum>();
  for (const step of steps) {
    const part = canaryPart(step, record);
    if (part <= 0 || part >= 1) continue;
    for (const { route, at, canary, baseline } of step.routes ?? []) {
      const sum = sums.get(route) ?? { route, requests: { canary: 0, baseline: 0 }, errors: noBad, slow: noBad };
      const requests = canary.requests + baseline.requests;
      const bad = (of: MetricName): BadSum => ({
        canary: sum[of].canary + canary[of],
        baseline: sum[of].baseline + baseline[of],
        alike: sum[of].alike + part * (canary[of] + baseline[of]),
      });
      sums.set(route, {
        route,
        at: at ?? sum.at,
        requests: {
          canary: sum.requests.canary + part * requests,
          baseline: sum.requests.baseline + (1 - part) * requests,
        },
        errors: bad("errors"),
        slow: bad("slow"),
      });
    }
  }
  return sums;
}

/** Of the requests of the step: as they were, or by the weights where others than theirs reach the canary. */
function canaryPart(step: StepRecord, record: RolloutRecord): number {
  const { canary, baseline, kind, share } = step;
  const all = canary.completed + baseline.completed;
  return kind === "weight" && all > 0 ? canary.completed / all : shareOfBoth(share, record);
}

function degradedRoute(sum: RouteSum, gates: Gates): DegradedRoute {
  const { route, at } = sum;
  const asked: readonly MetricName[] = gates.slow === undefined ? ["errors"] : ["errors", "slow"];
  const worseIn = asked.filter((name) => isWorse(sum[name], gates[name]?.toleratedRatio ?? 1));
  return {
    route,
    ...(at === undefined ? {} : { at }),
    worseIn,
    tooMany: worseIn.reduce((total, name) => total + tooMany(sum[name]), 0),
    canary: versionOf(sum, "canary", gates),
    baseline: versionOf(sum, "baseline", gates),
  };
}

function isWorse({ canary, baseline, alike }: BadSum, toleratedRatio: number): boolean {
  if (canary < BAD_MIN) return false;
  const completed = canary + baseline;
  const part = alike / completed;
  const tolerated = (toleratedRatio * part) / (toleratedRatio * part + 1 - part);
  return wilsonInterval({ completed, bad: canary }, Z).lower > tolerated;
}

/** What the canary has beyond what the baseline's would be with the canary's requests. */
function tooMany({ canary, baseline, alike }: BadSum): number {
  const part = alike / (canary + baseline);
  return canary - (baseline * part) / (1 - part);
}

function versionOf(sum: RouteSum, version: "canary" | "baseline", gates: Gates): RouteVersion {
  const most = Math.max(sum.requests[version], sum.errors[version], sum.slow[version]);
  const share = (count: number): RouteShare => {
    const counts = { completed: most, bad: count };
    return { count, share: shareOf(counts), ...wilsonInterval(counts) };
  };
  return {
    requests: Math.round(most),
    errors: share(sum.errors[version]),
    ...(gates.slow === undefined ? {} : { slow: share(sum.slow[version]) }),
  };
}
