/**
 * How fast an error budget is spent, and when a canary fails plainly.
 */
import { describe, expect, test } from "vitest";
import type { Sample } from "../../../src/rollout/burn-rate.ts";
import { burnOf, burnsFast, failsPlainly } from "../../../src/rollout/burn-rate.ts";
import type { Pair } from "../../../src/rollout/counts.ts";
import { addPair, emptyTally } from "../../../src/rollout/counts.ts";

const LOOK_MS = 10_000;

/** Samples ten seconds apart: a zero, and one after each look. */
function samplesOf(looks: readonly Pair[]): readonly Sample[] {
  const samples: Sample[] = [{ atMs: 0, ...emptyTally }];
  for (const look of looks) samples.push({ atMs: samples.length * LOOK_MS, ...addPair(samples.at(-1)!, look) });
  return samples;
}

/** The same look again and again: bad requests in a thousand. */
function steady(count: number, canaryBad: number, baselineBad = 1): readonly Pair[] {
  const look = { canary: { completed: 1_000, bad: canaryBad }, baseline: { completed: 1_000, bad: baselineBad } };
  return Array.from({ length: count }, () => look);
}

const settings = { budget: 0.001, overdispersion: 1, toleratedRatio: 1.25 };

describe("the burn rate", () => {
  test("is the bad share as a multiple of the budget, over five minutes and over one", () => {
    const burn = burnOf(samplesOf([...steady(24, 1), ...steady(6, 21)]), 0.001);
    expect(burn.long).toBeCloseTo(5);
    expect(burn.short).toBeCloseTo(21);
  });

  test("of what lies further back than five minutes is forgotten", () => {
    expect(burnOf(samplesOf([...steady(10, 500), ...steady(30, 2)]), 0.001).long).toBeCloseTo(2);
  });

  test("counts the time before the start as one in which nothing was spent", () => {
    const burn = burnOf(samplesOf(steady(3, 100)), 0.001);
    expect(burn.long).toBeCloseTo(100 * 0.1);
    expect(burn.short).toBeCloseTo(100 * 0.5);
  });

  test("is nothing without samples, and without requests", () => {
    expect(burnOf([], 0.001)).toEqual({ long: 0, short: 0 });
    expect(burnOf(samplesOf([]), 0.001)).toEqual({ long: 0, short: 0 });
  });

  test("reads a gap as what it is on average", () => {
    const all = samplesOf(steady(90, 3));
    expect(burnOf([all[0]!, all[90]!], 0.001).long).toBeCloseTo(3);
  });
});

describe("a canary spends its budget too fast", () => {
  test("when it does so in both windows", () => {
    expect(burnsFast(samplesOf(steady(30, 20)), settings)).toBe("canary");
  });

  test("not when it is over", () => {
    expect(burnsFast(samplesOf([...steady(24, 40), ...steady(6, 1)]), settings)).toBeUndefined();
  });

  test("not when it has just begun", () => {
    expect(burnsFast(samplesOf([...steady(28, 1), ...steady(2, 60)]), settings)).toBeUndefined();
  });

  test("not by a little more than what is allowed", () => {
    expect(burnsFast(samplesOf(steady(30, 15)), settings)).toBeUndefined();
  });

  test("not by a handful of requests", () => {
    const few = { canary: { completed: 5, bad: 1 }, baseline: { completed: 95, bad: 0 } };
    const none = { canary: { completed: 5, bad: 0 }, baseline: { completed: 95, bad: 0 } };
    expect(burnsFast(samplesOf([...Array.from({ length: 29 }, () => none), few]), settings)).toBeUndefined();
  });

  test("not by one burst, where bad requests come in bursts", () => {
    const looks = samplesOf([...steady(28, 1), ...steady(2, 300)]);
    expect(burnsFast(looks, settings)).toBe("canary");
    expect(burnsFast(looks, { ...settings, overdispersion: 100 })).toBeUndefined();
  });
});

describe("both versions spend their budget too fast", () => {
  test("when the baseline does as well", () => {
    expect(burnsFast(samplesOf(steady(30, 20, 20)), settings)).toBe("both");
  });

  test("also when most of the canary's requests fell into the incident because its weight had grown", () => {
    const quiet = { canary: { completed: 50, bad: 0 }, baseline: { completed: 9_950, bad: 10 } };
    const incident = { canary: { completed: 5_000, bad: 1_000 }, baseline: { completed: 5_000, bad: 1_000 } };
    const looks = [...Array.from({ length: 27 }, () => quiet), incident, incident, incident];
    expect(burnsFast(samplesOf(looks), settings)).toBe("both");
  });
});

test("without a baseline the canary is held to its budget alone", () => {
  const alone = { canary: { completed: 1_000, bad: 20 }, baseline: { completed: 0, bad: 0 } };
  expect(burnsFast(samplesOf(Array.from({ length: 30 }, () => alone)), settings)).toBe("canary");
});

describe("a canary fails plainly", () => {
  const look = (canary: readonly [number, number], baseline: readonly [number, number] = [180, 1]): Pair => ({
    canary: { completed: canary[0], bad: canary[1] },
    baseline: { completed: baseline[0], bad: baseline[1] },
  });

  test("when a fifth of its requests fail in two looks one after the other", () => {
    const fails = failsPlainly(samplesOf([look([20, 0]), look([20, 8]), look([30, 9])]), 1);
    expect(fails).toMatchObject({ canary: { completed: 50, bad: 17 }, baseline: { completed: 360, bad: 2 } });
  });

  test.each([
    ["in one look only", [look([20, 10]), look([20, 0])]],
    ["long ago", [look([20, 10]), look([20, 10]), look([20, 0])]],
    ["in less than twenty requests a look", [look([19, 10]), look([19, 10])]],
    ["as the baseline does", [look([40, 12], [180, 50]), look([40, 12], [180, 50])]],
    ["by chance, where a tenth of the requests fail anyway", [look([20, 4], [180, 18]), look([20, 4], [180, 18])]],
  ])("not %s", (_name, looks) => {
    expect(failsPlainly(samplesOf(looks), 1)).toBeUndefined();
  });

  test("not by bursts, where bad requests come in bursts", () => {
    const looks = samplesOf([look([50, 20]), look([50, 20])]);
    expect(failsPlainly(looks, 1)).toBeDefined();
    expect(failsPlainly(looks, 20)).toBeUndefined();
  });
});
