/**
 * Means, quantiles and slow requests from buckets, against the times themselves.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LatencyHistogram } from "../../../src/evidence/latency-histogram.ts";
import {
  answeredCount,
  meanMs,
  mergeHistograms,
  quantile,
  slowCount,
} from "../../../src/evidence/latency-histogram.ts";
import { latencyEdgesMs } from "../../../src/evidence/latency-ladder.ts";

function histogramOf(timesMs: readonly number[], edgesMs: readonly number[] = latencyEdgesMs): LatencyHistogram {
  const counts = Array.from({ length: edgesMs.length + 1 }, () => 0);
  for (const time of timesMs) {
    const index = edgesMs.findIndex((edge) => time <= edge);
    counts[index === -1 ? edgesMs.length : index]! += 1;
  }
  return { edgesMs, counts, sumMs: timesMs.reduce((sum, time) => sum + time, 0) };
}

const times = fc.array(fc.double({ min: 0.01, max: 50_000, noNaN: true }), { minLength: 1, maxLength: 300 });

describe("a quantile", () => {
  test("is a place in its bucket, as if the requests in it were spread evenly", () => {
    const histogram = { edgesMs: [10, 20, 40], counts: [50, 40, 10, 0], sumMs: 1_500 };
    expect(quantile(histogram, 0.25)).toEqual({ ms: 5, isAbove: false });
    expect(quantile(histogram, 0.5)).toEqual({ ms: 10, isAbove: false });
    expect(quantile(histogram, 0.7)).toEqual({ ms: 15, isAbove: false });
    expect(quantile(histogram, 0.95)).toEqual({ ms: 30, isAbove: false });
    expect(quantile(histogram, 1)).toEqual({ ms: 40, isAbove: false });
    expect(meanMs(histogram)).toBe(15);
  });

  test("beyond the last edge is only known to be above it", () => {
    expect(quantile({ edgesMs: [10, 20], counts: [1, 0, 9], sumMs: 500 }, 0.5)).toEqual({ ms: 20, isAbove: true });
  });

  test("of nothing is unknown, and so is the mean", () => {
    const nothing = { edgesMs: [10, 20], counts: [0, 0, 0], sumMs: 0 };
    expect(quantile(nothing, 0.5)).toBeUndefined();
    expect(meanMs(nothing)).toBeUndefined();
  });

  test("lies in the bucket of the request that it is", () => {
    fc.assert(
      fc.property(times, fc.double({ min: 0.01, max: 1, noNaN: true }), (timesMs, share) => {
        const sorted = timesMs.slice().sort((a, b) => a - b);
        const exact = sorted[Math.ceil(sorted.length * share - 1e-9) - 1]!;
        const upper = latencyEdgesMs.find((edge) => exact <= edge)!;
        const lower = latencyEdgesMs.findLast((edge) => edge < upper) ?? 0;
        const found = quantile(histogramOf(timesMs), share)!;
        expect(found.ms).toBeGreaterThanOrEqual(lower);
        expect(found.ms).toBeLessThanOrEqual(upper);
      }),
    );
  });
});

describe("histograms of several Envoys", () => {
  test("are added bucket by bucket, as if one Envoy had had all requests", () => {
    fc.assert(
      fc.property(times, times, (some, others) => {
        const merged = mergeHistograms([histogramOf(some), histogramOf(others)])!;
        const whole = histogramOf([...some, ...others]);
        expect(merged.counts).toEqual(whole.counts);
        expect(merged.sumMs).toBeCloseTo(whole.sumMs, 3);
      }),
    );
  });

  test("with other edges are added at those that all have, and lose no request", () => {
    fc.assert(
      fc.property(times, times, (some, others) => {
        const coarse = [10, 100, 150, 1_000, 33_000];
        const merged = mergeHistograms([histogramOf(some), histogramOf(others, coarse)])!;
        expect(merged.edgesMs).toEqual([10, 100, 150, 1_000]);
        expect(merged.counts).toEqual(histogramOf([...some, ...others], merged.edgesMs).counts);
        expect(answeredCount(merged)).toBe(some.length + others.length);
      }),
    );
  });

  test("are nothing when there are none", () => {
    expect(mergeHistograms([])).toBeUndefined();
  });

  test("give another quantile than the mean of their quantiles, which is nobody's", () => {
    const quick = histogramOf(Array.from({ length: 990 }, () => 8));
    const slow = histogramOf(Array.from({ length: 10 }, () => 2_200));
    const averaged = (quantile(quick, 0.95)!.ms + quantile(slow, 0.95)!.ms) / 2;
    expect(quantile(mergeHistograms([quick, slow])!, 0.95)!.ms).toBeLessThan(10);
    expect(averaged).toBeGreaterThan(1_000);
  });
});

describe("slow requests", () => {
  test("are those that no bucket up to the threshold has, with all that never got an answer", () => {
    const histogram = histogramOf([5, 250, 300, 301, 4_000]);
    expect(slowCount(histogram, { completed: 12, thresholdMs: 300 })).toEqual({ ok: true, value: 9 });
  });

  test.each([
    [290, "no bucket ends at 290 ms; the nearest end at 250 ms and 300 ms"],
    [0.1, "no bucket ends at 0.1 ms; the nearest that does ends at 0.5 ms"],
    [90_000, "no bucket ends at 90000 ms; the nearest that does ends at 60000 ms"],
  ])("cannot be counted at %d ms, which is no edge", (thresholdMs, error) => {
    expect(slowCount(histogramOf([5]), { completed: 1, thresholdMs })).toEqual({ ok: false, error });
  });
});

describe("the ladder", () => {
  test("rises, and has the edges that people promise", () => {
    expect(latencyEdgesMs.slice().sort((a, b) => a - b)).toEqual(latencyEdgesMs);
    expect(new Set(latencyEdgesMs).size).toBe(latencyEdgesMs.length);
    expect([latencyEdgesMs[0], latencyEdgesMs.at(-1)]).toEqual([0.5, 60_000]);
    expect(latencyEdgesMs).toEqual(expect.arrayContaining([10, 50, 100, 200, 250, 300, 500, 1_000, 2_000, 5_000]));
  });

  test("has no edge between two bins of Envoy's histograms, which keep two digits", () => {
    expect(latencyEdgesMs.filter((edge) => Number(edge.toPrecision(2)) !== edge)).toEqual([]);
  });

  test("is fine enough that a step is at most twice the one before", () => {
    const steps = latencyEdgesMs.slice(1).map((edge, index) => edge / latencyEdgesMs[index]!);
    expect(Math.max(...steps)).toBeLessThanOrEqual(2);
  });
});
