/**
 * How long requests took, counted in buckets: sums over Envoys, means, quantiles, and how many were too slow.
 *
 * Counts of several Envoys are added bucket by bucket. A quantile is a place in its bucket, as if the requests in it
 * were spread evenly, so it is as exact as the ladder is fine.
 *
 * Envoy counts here only what was answered. What timed out or found no host has no time, so "too slow" is everything
 * that was completed and is not in a bucket up to the threshold; else the worst requests would count as none.
 */
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** Requests by how long they took. */
export interface LatencyHistogram {
  /** Upper edges of the buckets, rising. */
  readonly edgesMs: readonly number[];
  /** Of each bucket by itself, and at the end of what took longer than the last edge. */
  readonly counts: readonly number[];
  /** Of the times of all. */
  readonly sumMs: number;
}

/** A quantile: exact enough to show, or only known to be above the last edge. */
export interface Quantile {
  readonly ms: number;
  readonly isAbove: boolean;
}

/** All of them together, at the edges that all have; undefined without any. */
export function mergeHistograms(histograms: readonly LatencyHistogram[]): LatencyHistogram | undefined {
  const [first, ...others] = histograms;
  if (first === undefined) return undefined;
  const edgesMs = first.edgesMs.filter((edge) => others.every((other) => other.edgesMs.includes(edge)));
  const counts = Array.from({ length: edgesMs.length + 1 }, () => 0);
  let sumMs = 0;
  for (const histogram of histograms) {
    sumMs += histogram.sumMs;
    histogram.counts.forEach((count, index) => {
      const upper = histogram.edgesMs[index] ?? Infinity;
      const at = edgesMs.findIndex((edge) => edge >= upper);
      const bucket = at === -1 ? edgesMs.length : at;
      counts[bucket] = (counts[bucket] ?? 0) + count;
    });
  }
  return { edgesMs, counts, sumMs };
}

/** How many requests were answered, and so have a time. */
export function answeredCount({ counts }: LatencyHistogram): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The mean time in milliseconds; undefined when nothing was answered. */
export function meanMs(histogram: LatencyHistogram): number | undefined {
  const answered = answeredCount(histogram);
  return answered > 0 ? histogram.sumMs / answered : undefined;
}

/** The time within which a share of the requests was answered, such as 0.99; undefined when nothing was answered. */
export function quantile(histogram: LatencyHistogram, share: number): Quantile | undefined {
  const { edgesMs, counts } = histogram;
  const rank = answeredCount(histogram) * share;
  if (rank <= 0) return undefined;
  let below = 0;
  for (const [index, edge] of edgesMs.entries()) {
    const count = counts[index] ?? 0;
    if (count > 0 && below + count >= rank) {
      const from = edgesMs[index - 1] ?? 0;
      return { ms: from + ((edge - from) * (rank - below)) / count, isAbove: false };
    }
    below += count;
  }
  return { ms: edgesMs.at(-1) ?? 0, isAbove: true };
}

/**
 * How many of `completed` requests were not answered within a time, which must be an edge; else the error names the
 * edges around it. It may be a few below nought, because Envoy does not read all counters at one moment.
 */
export function slowCount(
  histogram: LatencyHistogram,
  { completed, thresholdMs }: { readonly completed: number; readonly thresholdMs: number },
): Result<number, string> {
  const { edgesMs, counts } = histogram;
  const index = edgesMs.indexOf(thresholdMs);
  if (index === -1) return err(`no bucket ends at ${thresholdMs} ms; ${nearestEdges(edgesMs, thresholdMs)}`);
  const inTime = counts.slice(0, index + 1).reduce((sum, count) => sum + count, 0);
  return ok(completed - inTime);
}

function nearestEdges(edgesMs: readonly number[], thresholdMs: number): string {
  const below = edgesMs.findLast((edge) => edge < thresholdMs);
  const above = edgesMs.find((edge) => edge > thresholdMs);
  const near = [below, above].filter((edge) => edge !== undefined).map((edge) => `${edge} ms`);
  if (near.length === 0) return "times are not counted";
  return near.length === 1
    ? `the nearest that does ends at ${near.join()}`
    : `the nearest end at ${near.join(" and ")}`;
}
