/**
 * The sequential test: what it is worth in cases that can be reckoned by hand, and what holds for all counts.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Pair } from "../../../src/rollout/counts.ts";
import type { SequentialTest, TestSettings } from "../../../src/rollout/sequential-test.ts";
import {
  WORSE_FACTORS,
  observe,
  safeEvidence,
  startTest,
  worseEvidence,
} from "../../../src/rollout/sequential-test.ts";

const settings: TestSettings = { toleratedRatio: 1.25, safeRatio: 2, overdispersion: 1 };

function pairOf([canaryCompleted, canaryBad]: [number, number], [completed, bad]: [number, number]): Pair {
  return { canary: { completed: canaryCompleted, bad: canaryBad }, baseline: { completed, bad } };
}

function after(pairs: readonly Pair[], by: TestSettings = settings): SequentialTest {
  return pairs.reduce((state, pair) => observe(state, pair, by), startTest());
}

const counts = fc
  .tuple(fc.integer({ min: 1, max: 5_000 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([completed, share]) => ({ completed, bad: Math.floor(completed * share * share) }));
const pair = fc.record({ canary: counts, baseline: counts });

describe("by hand", () => {
  test("nothing seen is worth nothing", () => {
    expect(worseEvidence(startTest())).toBe(0);
    expect(safeEvidence(startTest())).toBe(0);
  });

  test("one bad request of the canary, with half the traffic, is worth the mean of 2k/(k+1)", () => {
    const state = after([pairOf([10, 1], [10, 0])], { ...settings, toleratedRatio: 1 });
    const ratios = WORSE_FACTORS.map((factor) => (2 * factor) / (factor + 1));
    expect(Math.exp(worseEvidence(state))).toBeCloseTo(ratios.reduce((sum, ratio) => sum + ratio, 0) / 5, 12);
  });

  test("one bad request of the baseline, with half the traffic, is worth the mean of 2/(k+1)", () => {
    const state = after([pairOf([10, 0], [10, 1])], { ...settings, toleratedRatio: 1 });
    const ratios = WORSE_FACTORS.map((factor) => 2 / (factor + 1));
    expect(Math.exp(worseEvidence(state))).toBeCloseTo(ratios.reduce((sum, ratio) => sum + ratio, 0) / 5, 12);
  });

  test("one bad request of the baseline speaks for a canary that is not twice as bad", () => {
    const state = after([pairOf([10, 0], [10, 1])]);
    expect(Math.exp(safeEvidence(state))).toBeCloseTo((3 / 2 + 3 / (1 + Math.SQRT2)) / 2, 12);
  });

  test("bad requests in bursts of five are worth the root of the fifth degree", () => {
    const one = after([pairOf([10, 5], [90, 5])], { ...settings, overdispersion: 5 });
    const raw = after([pairOf([10, 1], [90, 1])]);
    one.logWorse.forEach((log, index) => expect(log).toBeCloseTo(raw.logWorse[index]!, 12));
    one.logSafe.forEach((log, index) => expect(log).toBeCloseTo(raw.logSafe[index]!, 12));
  });

  test("huge evidence stays a number", () => {
    const state = after([pairOf([1_000_000, 900_000], [1_000_000, 0])]);
    expect(worseEvidence(state)).toBeGreaterThan(1_000);
    expect(Number.isFinite(worseEvidence(state))).toBe(true);
    expect(Number.isFinite(safeEvidence(state))).toBe(true);
  });
});

test("while the canary is exactly as bad as tolerated, the expected worth stays 1: nobody gets richer by looking", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 60 }),
      fc.integer({ min: 1, max: 900 }),
      fc.integer({ min: 1, max: 900 }),
      fc.double({ min: 1, max: 3, noNaN: true }),
      (badCount, canaryCompleted, completed, ratio) => {
        const share = (ratio * canaryCompleted) / (ratio * canaryCompleted + completed);
        let expected = 0;
        let probability = (1 - share) ** badCount;
        for (let x = 0; x <= badCount; x += 1) {
          const state = after([pairOf([canaryCompleted, x], [completed, badCount - x])], {
            ...settings,
            toleratedRatio: ratio,
          });
          expected += probability * Math.exp(worseEvidence(state));
          probability *= ((badCount - x) / (x + 1)) * (share / (1 - share));
        }
        expect(expected).toBeCloseTo(1, 6);
      },
    ),
  );
});

describe("for all counts", () => {
  test("one more bad request of the canary makes it look worse, one of the baseline better", () => {
    fc.assert(
      fc.property(pair, ({ canary, baseline }) => {
        const state = after([{ canary, baseline }]);
        const worse = after([{ canary: { ...canary, bad: canary.bad + 1 }, baseline }]);
        const better = after([{ canary, baseline: { ...baseline, bad: baseline.bad + 1 } }]);
        expect(worseEvidence(worse)).toBeGreaterThan(worseEvidence(state));
        expect(safeEvidence(worse)).toBeLessThan(safeEvidence(state));
        expect(worseEvidence(better)).toBeLessThan(worseEvidence(state));
        expect(safeEvidence(better)).toBeGreaterThan(safeEvidence(state));
      }),
    );
  });

  test("an interval is worth what its parts are, while the canary's share of the traffic is the same in them", () => {
    fc.assert(
      fc.property(pair, fc.integer({ min: 2, max: 6 }), fc.nat(), (part, times, badFirst) => {
        const { canary, baseline } = part;
        const first = Math.min(badFirst, canary.bad);
        const parts = Array.from({ length: times }, (_, index) => ({
          canary: { completed: canary.completed, bad: index === 0 ? first : index === 1 ? canary.bad - first : 0 },
          baseline: { completed: baseline.completed, bad: index === 0 ? baseline.bad : 0 },
        }));
        const whole = {
          canary: { completed: canary.completed * times, bad: canary.bad },
          baseline: { completed: baseline.completed * times, bad: baseline.bad },
        };
        expectAlike(after(parts), after([whole]));
      }),
    );
  });

  test("the order of intervals does not matter", () => {
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 8 }), (pairs) =>
        expectAlike(after(pairs), after(pairs.slice().reverse())),
      ),
    );
  });

  test("how much traffic there was does not matter, only how it was shared", () => {
    fc.assert(
      fc.property(pair, fc.integer({ min: 2, max: 50 }), ({ canary, baseline }, times) => {
        const more = {
          canary: { ...canary, completed: canary.completed * times },
          baseline: { ...baseline, completed: baseline.completed * times },
        };
        expectAlike(after([more]), after([{ canary, baseline }]));
      }),
    );
  });

  test("an interval in which only one version had requests says nothing", () => {
    fc.assert(
      fc.property(counts, (one) => {
        const none = { completed: 0, bad: 0 };
        expect(after([{ canary: one, baseline: none }])).toEqual(startTest());
        expect(after([{ canary: none, baseline: one }])).toEqual(startTest());
        expect(after([{ canary: none, baseline: none }])).toEqual(startTest());
      }),
    );
  });

  test("what is too much in one interval is taken back by a count below nought in the next", () => {
    fc.assert(
      fc.property(pair, fc.integer({ min: 1, max: 50 }), ({ canary, baseline }, extra) => {
        const over = { canary: { ...canary, bad: canary.bad + extra }, baseline };
        const back = { canary: { ...canary, bad: -extra }, baseline: { ...baseline, bad: 0 } };
        const quiet = { canary: { ...canary, bad: 0 }, baseline: { ...baseline, bad: 0 } };
        expectAlike(after([over, back]), after([{ canary, baseline }, quiet]));
      }),
    );
  });

  test("a state goes through JSON unchanged", () => {
    fc.assert(
      fc.property(fc.array(pair, { maxLength: 8 }), (pairs) => {
        const state = after(pairs);
        expect(JSON.parse(JSON.stringify(state))).toEqual(state);
      }),
    );
  });
});

/** Alike but for rounding, which grows with the numbers. */
function expectAlike(one: SequentialTest, other: SequentialTest): void {
  const logs = (state: SequentialTest) => [...state.logWorse, ...state.logSafe];
  logs(one).forEach((log, index) => {
    const there = logs(other)[index]!;
    expect(Math.abs(log - there)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(log)));
  });
}
