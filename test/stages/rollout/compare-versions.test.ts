/**
 * Two versions side by side, as a report shows them.
 */
import { describe, expect, test } from "vitest";
import { compareVersions } from "../../../src/rollout/compare-versions.ts";

const latency = { edgesMs: [10, 100, 1_000], counts: [500, 400, 50, 10], sumMs: 48_000 };
const v1 = { completed: 9_000, errors: 9 };
const v2 = { completed: 1_000, errors: 20, slow: 90, latency };

test("shares come with what they may really be", () => {
  const { canary, baseline } = compareVersions(v2, v1, 0.1);
  expect(canary.errors.share).toBeCloseTo(0.02);
  expect(canary.success.share).toBeCloseTo(0.98);
  expect(canary.errors.lower).toBeCloseTo(0.013, 3);
  expect(canary.errors.upper).toBeCloseTo(0.0307, 3);
  expect(canary.success.lower).toBeCloseTo(1 - canary.errors.upper, 12);
  expect(canary.slow?.share).toBeCloseTo(0.09);
  expect(baseline.errors.share).toBeCloseTo(0.001);
});

test("times are those of requests that were answered", () => {
  expect(compareVersions(v2, v1, 0.1).canary.latency).toEqual({
    answered: 960,
    meanMs: 50,
    p50: { ms: 9.6, isAbove: false },
    p95: { ms: 316, isAbove: false },
    p99: { ms: 1_000, isAbove: true },
  });
});

test("what was not measured is not shown", () => {
  const { canary, baseline } = compareVersions({ ...v2, latency: { ...latency, counts: [0, 0, 0, 0] } }, v1, 0.1);
  expect(baseline).toMatchObject({ slow: undefined, latency: undefined });
  expect(canary.latency).toBeUndefined();
});

describe("the split", () => {
  test("is what the canary had of all requests", () => {
    expect(compareVersions(v2, v1, 0.1).split).toMatchObject({
      observed: { share: 0.1 },
      configured: 0.1,
      isAsConfigured: true,
    });
  });

  test.each([
    ["a little more than the weight says", 1_080, 8_920, true],
    ["much more than it says", 2_000, 8_000, false],
    ["much less", 500, 9_500, false],
    ["so few requests that it may be chance", 3, 12, true],
    ["no request", 0, 0, true],
  ])("of %s", (_name, canary, baseline, isAsConfigured) => {
    const comparison = compareVersions({ completed: canary, errors: 0 }, { completed: baseline, errors: 0 }, 0.1);
    expect(comparison.split.isAsConfigured).toBe(isAsConfigured);
  });
});
