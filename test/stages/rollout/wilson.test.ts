/**
 * Intervals of shares, against values that others have published.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { requestsToProve, upperShare, wilsonInterval } from "../../../src/rollout/wilson.ts";

describe("Wilson's interval", () => {
  // Newcombe, Two-sided confidence intervals for the single proportion (1998), table I, method 3.
  test.each([
    [{ completed: 263, bad: 81 }, 0.2553, 0.3662],
    [{ completed: 148, bad: 15 }, 0.0624, 0.1605],
    [{ completed: 20, bad: 0 }, 0, 0.1611],
    [{ completed: 29, bad: 1 }, 0.0061, 0.1718],
  ])("of %o is the published one", (counts, lower, upper) => {
    const interval = wilsonInterval(counts);
    expect(interval.lower).toBeCloseTo(lower, 4);
    expect(interval.upper).toBeCloseTo(upper, 4);
  });

  test("holds the share, lies in 0 to 1, and is narrower with more requests", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0, max: 1, noNaN: true }), (completed, share) => {
        const bad = Math.floor(completed * share);
        const { lower, upper } = wilsonInterval({ completed, bad });
        const more = wilsonInterval({ completed: completed * 4, bad: bad * 4 });
        expect(lower).toBeGreaterThanOrEqual(0);
        expect(lower).toBeLessThanOrEqual(bad / completed + 1e-12);
        expect(upper).toBeGreaterThanOrEqual(bad / completed - 1e-12);
        expect(upper).toBeLessThanOrEqual(1);
        expect(more.upper - more.lower).toBeLessThan(upper - lower);
      }),
    );
  });

  test("is everything without requests, and takes a count below nought for none", () => {
    expect(wilsonInterval({ completed: 0, bad: 0 })).toEqual({ lower: 0, upper: 1 });
    expect(wilsonInterval({ completed: 50, bad: -3 })).toEqual(wilsonInterval({ completed: 50, bad: 0 }));
  });
});

describe("the upper bound", () => {
  test("of requests none of which were bad is three in so many", () => {
    expect(upperShare({ completed: 3_000, bad: 0 })).toBeCloseTo(0.001, 12);
    expect(upperShare({ completed: 2, bad: 0 })).toBe(1);
    expect(upperShare({ completed: 0, bad: 0 })).toBe(1);
  });

  test("is Wilson's once there was one", () => {
    expect(upperShare({ completed: 29, bad: 1 })).toBeCloseTo(0.1718, 4);
  });
});

test("an objective of 99.9 % takes 3,000 good requests to show", () => {
  expect(requestsToProve(1 - 0.999)).toBe(3_000);
  expect(requestsToProve(1 - 0.99)).toBe(300);
  expect(upperShare({ completed: requestsToProve(1 - 0.995), bad: 0 })).toBeLessThanOrEqual(1 - 0.995 + 1e-12);
});
