/**
 * What happened between two reports of an Envoy, also when one was lost or the Envoy restarted.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TrafficCounters } from "../../../src/evidence/traffic-counters.ts";
import { countedBetween } from "../../../src/evidence/traffic-counters.ts";

function counters(completed: number, errors: number, latency?: readonly number[]): TrafficCounters {
  if (latency === undefined) return { completed, errors };
  return { completed, errors, latency: { edgesMs: [10, 100], counts: latency, sumMs: 10 * completed } };
}

test("the difference of two reports is what happened between them", () => {
  expect(countedBetween(counters(100, 3, [50, 40, 7]), counters(150, 4, [80, 55, 11]))).toEqual(
    counters(50, 1, [30, 15, 4]),
  );
});

test("a report that was lost costs nothing", () => {
  const deltas = fc.array(fc.record({ completed: fc.nat(1_000), errors: fc.nat(50) }), { minLength: 2, maxLength: 10 });
  fc.assert(
    fc.property(deltas, fc.nat(), (steps, lostAt) => {
      const reports: TrafficCounters[] = [counters(0, 0)];
      for (const step of steps) {
        const { completed, errors } = reports.at(-1)!;
        reports.push(counters(completed + step.completed, errors + step.errors));
      }
      const seen = reports.filter(
        (_, index) => index === 0 || index === steps.length || index !== lostAt % steps.length,
      );
      let sum = 0;
      seen.forEach((report, index) => (sum += index === 0 ? 0 : countedBetween(seen[index - 1], report).completed));
      expect(sum).toBe(steps.reduce((total, { completed }) => total + completed, 0));
    }),
  );
});

test("an Envoy that is seen for the first time only shows where it stands", () => {
  expect(countedBetween(undefined, counters(100_000, 4_000, [90_000, 5_000, 5_000]))).toEqual(counters(0, 0));
});

describe("an Envoy that restarted has counted all that it shows since then", () => {
  const before = counters(1_000, 20, [900, 70, 10]);
  test.each([
    ["fewer requests", counters(60, 1, [50, 5, 4])],
    ["fewer errors, though more requests", counters(1_200, 3, [1_100, 80, 20])],
    ["less in one bucket", counters(1_300, 20, [1_250, 10, 10])],
  ])("%s", (_name, now) => {
    expect(countedBetween(before, now)).toEqual(now);
  });

  test("other buckets", () => {
    const now = { completed: 2_000, errors: 30, latency: { edgesMs: [10, 250], counts: [1_900, 90, 10], sumMs: 9 } };
    expect(countedBetween(before, now)).toEqual(now);
  });
});

test("times that come or go between two reports are not known for that interval", () => {
  expect(countedBetween(counters(100, 1), counters(200, 2, [150, 30, 10]))).toEqual(counters(100, 1));
  expect(countedBetween(counters(100, 1, [80, 10, 5]), counters(200, 2))).toEqual(counters(100, 1));
});
