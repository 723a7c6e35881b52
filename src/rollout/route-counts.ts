/**
 * What both versions did on each route since the last look, as far as Envoys tell of single requests, and where each
 * replica's counts stand now.
 *
 * As with the reports of Envoys, the first that is heard of a replica shows where it stands; what comes after that counts
 * for the step that was measured last, also what is heard of it while it is rolled back. Nothing is decided by it.
 */
import type { RouteTally } from "../evidence/route-view.ts";
import { addTallies, nothingTallied } from "../evidence/route-view.ts";
import type { Observed } from "./observed.ts";
import type { RolloutRecord, StepRecord } from "./rollout-record.ts";

/** One route and both versions on it. */
export interface RouteCounts {
  /** `shop/main`. */
  readonly route: string;
  /** Where the config defines it: `routes.yaml:12`. */
  readonly at?: string | undefined;
  readonly canary: RouteTally;
  readonly baseline: RouteTally;
}

/** What one replica was told since it began to count. */
export interface SeenRoutes {
  readonly source: string;
  readonly routes: readonly RouteCounts[];
}

/** Of a step; those with bad requests stay. */
const ROUTES_MAX = 50;

/** The step begins to be measured: what was told before is of another. */
export function markRoutes(record: RolloutRecord, { routes }: Pick<Observed, "routes">): RolloutRecord {
  return { ...record, routeMarks: marksOf(routes) };
}

/** With what was told since. */
export function countRoutes(record: RolloutRecord, { routes: seen }: Pick<Observed, "routes">): RolloutRecord {
  const at = record.steps.findLastIndex(({ measuredFromMs }) => measuredFromMs !== undefined);
  const step = record.steps[at];
  const { routeMarks: marks = {} } = record;
  const told = seen.flatMap(({ source, routes }) => (marks[source] === undefined ? [] : since(marks[source], routes)));
  if (step === undefined || seen.length === 0) return record;
  const counted: StepRecord = { ...step, routes: added(step.routes ?? [], told) };
  return { ...record, steps: record.steps.with(at, counted), routeMarks: marksOf(seen) };
}

function marksOf(seen: readonly SeenRoutes[]): NonNullable<RolloutRecord["routeMarks"]> {
  return Object.fromEntries(seen.map(({ source, routes }) => [source, routes.map(({ at: _at, ...counts }) => counts)]));
}

function since(marked: readonly RouteCounts[], now: readonly RouteCounts[]): readonly RouteCounts[] {
  const before = new Map(marked.map((counts) => [counts.route, counts]));
  return now.map((counts) => {
    const mark = before.get(counts.route);
    if (mark === undefined) return counts;
    return {
      ...counts,
      canary: between(mark.canary, counts.canary),
      baseline: between(mark.baseline, counts.baseline),
    };
  });
}

function added(sums: readonly RouteCounts[], told: readonly RouteCounts[]): readonly RouteCounts[] {
  const all = new Map(sums.map((counts) => [counts.route, counts]));
  for (const { canary, baseline, ...of } of told) {
    if (canary.requests + baseline.requests <= 0) continue;
    const sum = all.get(of.route);
    all.set(of.route, {
      ...of,
      canary: addTallies([sum?.canary ?? nothingTallied, canary]),
      baseline: addTallies([sum?.baseline ?? nothingTallied, baseline]),
    });
  }
  const routes = [...all.values()];
  return routes.length <= ROUTES_MAX
    ? routes
    : routes.toSorted((a, b) => weightOf(b) - weightOf(a)).slice(0, ROUTES_MAX);
}

/** Bad requests of the canary first, then whatever is much. */
function weightOf({ canary, baseline }: RouteCounts): number {
  return (canary.errors + canary.slow) * 1e9 + canary.requests + baseline.requests;
}

function between(from: RouteTally, to: RouteTally): RouteTally {
  return {
    requests: to.requests - from.requests,
    errors: to.errors - from.errors,
    slow: to.slow - from.slow,
  };
}
