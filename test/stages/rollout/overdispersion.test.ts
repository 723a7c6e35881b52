/**
 * How uneven bad requests come, learnt from intervals before a rollout.
 */
import { describe, expect, test } from "vitest";
import type { Counts } from "../../../src/rollout/counts.ts";
import { overdispersionOf } from "../../../src/rollout/overdispersion.ts";
import { createRandom } from "../../support/random.ts";
import { binomial } from "../../support/random-counts.ts";

function intervals(count: number, of: (index: number) => Counts): readonly Counts[] {
  return Array.from({ length: count }, (_, index) => of(index));
}

/** The mean factor over many services that are alike. */
function meanOver(runs: number, of: (random: ReturnType<typeof createRandom>) => readonly Counts[]): number {
  const random = createRandom(1);
  let sum = 0;
  for (let run = 0; run < runs; run += 1) sum += overdispersionOf(of(random));
  return sum / runs;
}

describe("with thirty intervals", () => {
  test.each([
    ["rare", 1_000, 0.001],
    ["usual", 1_000, 0.01],
    ["plenty", 10_000, 0.01],
  ])("bad requests that come by chance and are %s give little more than 1", (_name, completed, share) => {
    const mean = meanOver(400, (random) =>
      intervals(30, () => ({ completed, bad: binomial(random, completed, share) })),
    );
    expect(mean).toBeGreaterThan(1.1);
    expect(mean).toBeLessThan(1.4);
  });

  test("bursts of five give a little more than 5", () => {
    const mean = meanOver(400, (random) =>
      intervals(30, () => ({ completed: 1_000, bad: 5 * binomial(random, 200, 0.01) })),
    );
    expect(mean).toBeGreaterThan(5);
    expect(mean).toBeLessThan(7.5);
  });

  test("uneven traffic is no burst", () => {
    const mean = meanOver(400, (random) =>
      intervals(30, (index) => {
        const completed = index % 3 === 0 ? 200 : 3_000;
        return { completed, bad: binomial(random, completed, 0.01) };
      }),
    );
    expect(mean).toBeLessThan(1.4);
  });

  test("a slow change over all of them is no burst either", () => {
    const mean = meanOver(400, (random) =>
      intervals(30, (index) => ({ completed: 1_000, bad: binomial(random, 1_000, 0.005 + index / 1_000) })),
    );
    expect(mean).toBeLessThan(1.5);
  });
});

test("fewer intervals give a larger factor for the same bursts", () => {
  const meanOf = (count: number) =>
    meanOver(400, (random) => intervals(count, () => ({ completed: 1_000, bad: 5 * binomial(random, 200, 0.02) })));
  expect(meanOf(6)).toBeGreaterThan(1.3 * meanOf(60));
});

describe("with nothing to tell from", () => {
  test.each([
    ["no interval", []],
    ["one interval", intervals(1, () => ({ completed: 1_000, bad: 3 }))],
    ["four intervals", intervals(4, () => ({ completed: 1_000, bad: 3 }))],
    ["intervals without a request", intervals(30, () => ({ completed: 0, bad: 0 }))],
  ])("%s: it is taken for three", (_name, before) => {
    expect(overdispersionOf(before)).toBe(3);
  });

  test("hardly any bad request in many: it is taken for chance", () => {
    expect(overdispersionOf(intervals(30, () => ({ completed: 1_000, bad: 0 })))).toBe(1);
    expect(overdispersionOf(intervals(30, (index) => ({ completed: 1_000, bad: index === 7 ? 4 : 0 })))).toBe(1);
  });

  test("counts a little below nought are none", () => {
    expect(overdispersionOf(intervals(30, () => ({ completed: 1_000, bad: -2 })))).toBe(1);
  });
});

test("even bad requests never give less than 1", () => {
  expect(overdispersionOf(intervals(30, () => ({ completed: 1_000, bad: 10 })))).toBe(1);
});
