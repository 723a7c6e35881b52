/**
 * What one Envoy has counted of its requests to one version, since it started.
 *
 * All are counters that only grow, so what happened between two reports is a difference, and a report that was lost
 * costs nothing: the next one has it all. Only a restart of the Envoy takes what it had counted since the last report.
 */
import type { LatencyHistogram } from "./latency-histogram.ts";

/** Counts of requests as users saw them: after retries, with those that found no host or ran out of time. */
export interface TrafficCounters {
  /** Envoy's `upstream_rq_completed`; not `upstream_rq_total`, which leaves out what was never sent. */
  readonly completed: number;
  /** Of these, answered with a status of 500 or above. */
  readonly errors: number;
  /** Of these, those that were answered, by time. Absent where the Envoy does not report it. */
  readonly latency?: LatencyHistogram;
  /** Those that were answered, and of these those within the one time that is asked about, where no more is known of times. */
  readonly timed?: { readonly answered: number; readonly inTime: number };
}

/**
 * What was counted between two reports of one Envoy. An Envoy that was not seen before only shows where it stands. One
 * that shows less than before, or other buckets, has restarted, and counted all that it shows since then.
 */
export function countedBetween(before: TrafficCounters | undefined, now: TrafficCounters): TrafficCounters {
  if (before === undefined) return { completed: 0, errors: 0 };
  if (hasRestarted(before, now)) return now;
  const counts = {
    completed: now.completed - before.completed,
    errors: now.errors - before.errors,
    ...(now.timed === undefined ? {} : { timed: timedBetween(before.timed, now.timed) }),
  };
  if (now.latency === undefined) return counts;
  // Envoy has no histogram before the first request, and then all that is in it came since.
  if (before.latency === undefined) return before.completed === 0 ? { ...counts, latency: now.latency } : counts;
  const { edgesMs, sumMs } = now.latency;
  const earlier = before.latency;
  return {
    ...counts,
    latency: {
      edgesMs,
      counts: now.latency.counts.map((count, index) => count - (earlier.counts[index] ?? 0)),
      sumMs: sumMs - earlier.sumMs,
    },
  };
}

type Timed = NonNullable<TrafficCounters["timed"]>;

const untimed: Timed = { answered: 0, inTime: 0 };

function timedBetween(before: Timed | undefined = untimed, now: Timed | undefined = untimed): Timed {
  return { answered: now.answered - before.answered, inTime: now.inTime - before.inTime };
}

/** Whether counters show less than before. */
export function hasRestarted(before: TrafficCounters, now: TrafficCounters): boolean {
  if (now.completed < before.completed || now.errors < before.errors) return true;
  const timed = timedBetween(before.timed, now.timed);
  if (timed.answered < 0 || timed.inTime < 0) return true;
  const [earlier, later] = [before.latency, now.latency];
  if (earlier === undefined || later === undefined) return false;
  const sameEdges =
    earlier.edgesMs.length === later.edgesMs.length &&
    earlier.edgesMs.every((edge, index) => edge === later.edgesMs[index]);
  return !sameEdges || earlier.counts.some((count, index) => count > (later.counts[index] ?? 0));
}
