/**
 * What both versions did since the last look, over all Envoys, and where their counters stand now.
 *
 * The first report of an Envoy that was made after the weights had settled shows where it stands; what comes after that is
 * counted, so a report that was lost costs nothing, and requests from before the step count for no version. Where counting
 * began anew meanwhile, all that is shown was counted since. A report that comes late, after one that was made later, counts
 * nothing; neither does one that shows less without a start of the Envoy to explain it.
 */
import { mergeHistograms, slowCount } from "../evidence/latency-histogram.ts";
import type { TrafficCounters } from "../evidence/traffic-counters.ts";
import { countedBetween, hasRestarted } from "../evidence/traffic-counters.ts";
import { isLater, isOfElder, isSequel } from "../evidence/report-order.ts";
import type { Outcomes } from "./canary-evidence.ts";
import type { NodeReport } from "./observed.ts";
import type { Mark } from "./rollout-record.ts";

/** What was counted. */
export interface Counted {
  readonly marks: Readonly<Record<string, Mark>>;
  readonly canary: TrafficCounters;
  readonly baseline: TrafficCounters;
  /** Whether any Envoy had something to say. */
  readonly isNew: boolean;
}

export const nothingCounted: TrafficCounters = { completed: 0, errors: 0 };

const nothingBefore = { canary: nothingCounted, baseline: nothingCounted };

/**
 * The newest reports against the marks; `fromMs` is when the step began to be measured. With `areSums` each report may be
 * the sum of several Envoys, of which one has begun anew when it falls: how much came since nobody knows, so it only shows
 * where it stands.
 */
export function countTraffic(
  reports: ReadonlyMap<string, NodeReport>,
  marks: Readonly<Record<string, Mark>>,
  { fromMs, areSums = false }: { readonly fromMs: number; readonly areSums?: boolean },
): Counted {
  const next: Record<string, Mark> = { ...marks };
  const canary: TrafficCounters[] = [];
  const baseline: TrafficCounters[] = [];
  let isNew = false;
  for (const [node, report] of reports) {
    if (report.reportedAtMs <= fromMs) continue;
    const mark = marks[node];
    const { reportedAtMs, countedAtMs, startedAtMs, countedSinceMs } = report;
    if (mark !== undefined && !isLater(report, mark)) continue;
    // Of two that report under one name, the one that began later counts.
    if (mark !== undefined && isOfElder(report, mark)) continue;
    const now = {
      reportedAtMs,
      ...(countedAtMs === undefined ? {} : { countedAtMs }),
      ...(startedAtMs === undefined ? {} : { startedAtMs }),
      ...(countedSinceMs === undefined ? {} : { countedSinceMs }),
      canary: report.canary ?? mark?.canary ?? nothingCounted,
      baseline: report.baseline ?? mark?.baseline ?? nothingCounted,
    };
    next[node] = now;
    if (mark === undefined) continue;
    const fell = hasRestarted(mark.canary, now.canary) || hasRestarted(mark.baseline, now.baseline);
    if ((areSums && fell) || !isSequel(report, mark, fell)) continue;
    isNew = true;
    const before = mark.countedSinceMs === countedSinceMs ? mark : nothingBefore;
    canary.push(countedBetween(before.canary, now.canary));
    baseline.push(countedBetween(before.baseline, now.baseline));
  }
  return { marks: next, canary: addTraffic(canary), baseline: addTraffic(baseline), isNew };
}

/** Sums over Envoys, or over looks. */
export function addTraffic(all: readonly TrafficCounters[]): TrafficCounters {
  const latencies = all.flatMap(({ latency }) => latency ?? []);
  const merged = mergeHistograms(latencies);
  const timed = all.flatMap((each) => each.timed ?? []);
  return {
    completed: all.reduce((sum, { completed }) => sum + completed, 0),
    errors: all.reduce((sum, { errors }) => sum + errors, 0),
    ...(merged === undefined ? {} : { latency: merged }),
    ...(timed.length === 0
      ? {}
      : {
          timed: {
            answered: timed.reduce((sum, { answered }) => sum + answered, 0),
            inTime: timed.reduce((sum, { inTime }) => sum + inTime, 0),
          },
        }),
  };
}

/** As a verdict looks at them; slow only where a threshold is asked for and times are known. */
export function outcomesOf(counters: TrafficCounters, thresholdMs: number | undefined): Outcomes {
  const { completed, errors, timed } = counters;
  if (thresholdMs !== undefined && timed !== undefined) {
    return { completed, errors, slow: timed.answered - timed.inTime, answered: timed.answered };
  }
  const slow = thresholdMs === undefined ? undefined : slowOf(counters, thresholdMs);
  return slow === undefined ? { completed, errors } : { completed, errors, slow };
}

function slowOf({ completed, errors, latency }: TrafficCounters, thresholdMs: number): number | undefined {
  // Without a single answer there are no times, and then all of them were too slow.
  if (latency === undefined) return errors === completed ? completed : undefined;
  const slow = slowCount(latency, { completed, thresholdMs });
  return slow.ok ? slow.value : undefined;
}
