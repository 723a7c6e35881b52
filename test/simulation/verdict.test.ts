/**
 * The promises of the verdict, held by seeded simulation: how rarely it rolls back a canary that is as good as the
 * baseline, how soon one that is worse, and how rarely it calls a bad one good.
 *
 * Every rollout is judged at each of its 60 looks. `npm run sim:verdict` prints the same for more rollouts, beside what
 * others do.
 */
import { describe, expect, test } from "vitest";
import type { Gates } from "../../src/rollout/gates.ts";
import { defaultGates, defaultMetricGate } from "../../src/rollout/gates.ts";
import { createRandom } from "../support/random.ts";
import { binomial } from "../support/random-counts.ts";
import { alike, worse } from "./canary-scenarios.ts";
import type { TrafficScenario } from "./canary-traffic.ts";
import { byVerdict, playRollouts } from "./play-rollout.ts";
import { byBayes, byThreshold, byZTest } from "./rival-verdicts.ts";

const RUNS = 2_000;
/** Enough where something happens in nearly every run. */
const FEW_RUNS = 400;

/** Everything that can be asked for, of a service that is far from what it promises in most scenarios. */
const allGates: Gates = {
  ...defaultGates,
  errors: { ...defaultMetricGate, objective: 0.999 },
  slow: { ...defaultMetricGate, objective: 0.99, thresholdMs: 300 },
};

describe("two versions that are the same", () => {
  test.each(Object.entries(alike))("are rolled back at most once in a hundred rollouts: %s", (_name, scenario) => {
    expect(playRollouts(scenario, { runs: RUNS, seed: 1, by: byVerdict() }).failedShare).toBeLessThanOrEqual(0.01);
  });

  test.each(Object.entries(alike))("are rolled back as rarely with all gates at once: %s", (_name, scenario) => {
    const { failedShare } = playRollouts(scenario, { runs: FEW_RUNS, seed: 2, by: byVerdict(allGates) });
    expect(failedShare).toBeLessThanOrEqual(0.01);
  });

  test("are rolled back as rarely when the canary is worse by what is tolerated", () => {
    const scenario = { requestsPerSecond: 100, badShare: 0.01, ratio: 1.25 };
    expect(playRollouts(scenario, { runs: RUNS, seed: 1, by: byVerdict() }).failedShare).toBeLessThanOrEqual(0.01);
  });

  test("would be rolled back more often if bursts counted for what they seem", () => {
    const scenario = scenarioOf(alike, "1 % errors in bursts of 5");
    const careless = byVerdict(defaultGates, { overdispersion: 1 });
    expect(playRollouts(scenario, { runs: FEW_RUNS, seed: 1, by: careless }).failedShare).toBeGreaterThan(0.05);
  });
});

describe("a canary that is worse is rolled back", () => {
  test.each([
    ["50 % errors, where there were 0.1 %", 20, 1],
    ["the same with 5 requests a second", 40, 1],
    ["5 times 1 %", 60, 1],
    ["5 times 1 % in bursts of 5", 210, 1],
    ["10 times 0.1 %", 150, 1],
    ["twice 1 %", 430, 0.85],
    ["3 times 0.1 %, 1,000 requests a second", 180, 1],
  ])("%s: within %d s in half of the rollouts", (name, withinS, shareMin) => {
    const outcomes = playRollouts(scenarioOf(worse, name), { runs: FEW_RUNS, seed: 1, by: byVerdict() });
    expect(outcomes.failedMedianS).toBeLessThanOrEqual(withinS);
    expect(outcomes.failedShare).toBeGreaterThanOrEqual(shareMin);
  });

  test("in a third of the rollouts at least where hardly a request tells: 3 times 0.1 %", () => {
    const outcomes = playRollouts(scenarioOf(worse, "3 times 0.1 %"), { runs: FEW_RUNS, seed: 1, by: byVerdict() });
    expect(outcomes.failedShare).toBeGreaterThan(0.33);
  });

  test("sooner where nothing is tolerated, still with at most one mistake in a hundred", () => {
    const strict = byVerdict({ ...defaultGates, errors: { ...defaultMetricGate, toleratedRatio: 1 } });
    const twice = playRollouts(scenarioOf(worse, "twice 1 %"), { runs: FEW_RUNS, seed: 1, by: strict });
    expect(twice.failedMedianS).toBeLessThanOrEqual(300);
    const same = playRollouts(scenarioOf(alike, "1 % errors"), { runs: RUNS, seed: 1, by: strict });
    expect(same.failedShare).toBeLessThanOrEqual(0.01);
  });
});

describe("a canary is shown to be good", () => {
  test("when it is, within four minutes at 1 % errors and 100 requests a second", () => {
    const outcomes = playRollouts(scenarioOf(alike, "1 % errors"), { runs: FEW_RUNS, seed: 1, by: byVerdict() });
    expect(outcomes.provedMedianS).toBeLessThanOrEqual(240);
    expect(outcomes.provedShare).toBeGreaterThan(0.98);
  });

  test.each([
    ["1 % errors", 100, 0.01, 1],
    ["0.1 % errors", 100, 0.001, 1],
    ["1 % errors in bursts", 100, 0.01, 5],
  ])("when it is twice as bad at most once in twenty rollouts: %s", (_name, requestsPerSecond, badShare, burst) => {
    const scenario = { requestsPerSecond, badShare, burst, ratio: 2 };
    const { provedShare } = playRollouts(scenario, { runs: RUNS, seed: 1, by: byVerdict() });
    expect(provedShare).toBeLessThanOrEqual(0.05);
  });
});

describe("what others do, looking as often", () => {
  test.each([
    ["a z-test at 95 %", "1 % errors", byZTest(1.96), 0.15],
    ["a Bayesian comparison at 95 %", "1 % errors", byBayes(1.645), 0.15],
    ["a z-test at 99 %", "0.1 % errors, an incident of a minute that hits both", byZTest(2.576), 0.4],
    ["a threshold", "1 % errors", byThreshold(0.01, 5), 0.9],
  ])("%s rolls back versions that are the same: %s", (_rival, name, by, shareMin) => {
    expect(playRollouts(scenarioOf(alike, name), { runs: FEW_RUNS, seed: 1, by }).failedShare).toBeGreaterThan(
      shareMin,
    );
  });
});

describe("the made-up traffic", () => {
  test.each([
    [20, 0.02],
    [1_000, 0.001],
    [1_000, 0.009],
    [1_000, 0.02],
    [1_000, 0.5],
    [1_000, 0.97],
    [60, 0.4],
    [100_000, 0.2],
  ])("has as many of %d requests bad as chance makes of %d, in the mean and in the spread", (count, probability) => {
    const random = createRandom(3);
    const draws = Array.from({ length: 40_000 }, () => binomial(random, count, probability));
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / (draws.length - 1);
    const spread = count * probability * (1 - probability);
    expect(Math.abs(mean - count * probability)).toBeLessThan(4 * Math.sqrt(spread / draws.length));
    expect(variance / spread).toBeGreaterThan(0.96);
    expect(variance / spread).toBeLessThan(1.04);
    expect(draws.every((draw) => Number.isInteger(draw) && draw >= 0 && draw <= count)).toBe(true);
  });

  test.each([
    [30, 0.1],
    [40, 0.4],
  ])("has each number of bad requests as often as it should, of %d at %d", (count, probability) => {
    const random = createRandom(4);
    const draws = 100_000;
    const seen = Array.from({ length: count + 1 }, () => 0);
    for (let draw = 0; draw < draws; draw += 1) seen[binomial(random, count, probability)]! += 1;
    let expected = draws * (1 - probability) ** count;
    for (const [bad, times] of seen.entries()) {
      expect(Math.abs(times - expected)).toBeLessThan(4.5 * Math.sqrt(expected) + 3);
      expected *= ((count - bad) / (bad + 1)) * (probability / (1 - probability));
    }
  });

  test("is the same from the same seed", () => {
    const play = () => playRollouts(scenarioOf(worse, "twice 1 %"), { runs: 50, seed: 9, by: byVerdict() });
    expect(play()).toEqual(play());
  });
});

function scenarioOf(scenarios: Readonly<Record<string, TrafficScenario>>, name: string): TrafficScenario {
  const scenario = scenarios[name];
  if (scenario === undefined) throw new Error(`there is no scenario ${name}`);
  return scenario;
}
