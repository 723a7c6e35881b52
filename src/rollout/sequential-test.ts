/**
 * Is the new version worse? Answered anew after every interval, without the errors that come of looking often.
 *
 * The idea: where both versions are equally good, a bad request comes from the new one as often as any request does.
 * An interval in which the canary had a tenth of the requests should have a tenth of its bad requests in the canary; how
 * many there are in all does not matter, so an incident that hits both versions says nothing. Intervals are never
 * pooled: with weights that grow over the hours, that would compare the canary at one time with the baseline at another.
 *
 * For each way to be worse (`WORSE_FACTORS`) the logarithm of a likelihood ratio is kept: how much more likely the
 * bad requests fell as they did than if the canary had just the bad share that is tolerated. The mean of the ratios is
 * an e-value: while the canary is no worse than tolerated, it ever reaches 1/α with a probability of at most α, however
 * often one looks (Ville's inequality). The same with the sides changed proves that the canary is not much worse.
 * Simplified from Lindon and Malek, Anytime-Valid Inference for Multinomial Count Data, NeurIPS 2022.
 *
 * A state is a few finite numbers and goes through JSON unchanged.
 */
import type { Pair } from "./counts.ts";

/** How strict the test is. */
export interface TestSettings {
  /** The canary may have so many times the baseline's bad share before it counts as worse, such as 1.25. */
  readonly toleratedRatio: number;
  /** A canary below so many times the baseline's bad share is safe, such as 2. */
  readonly safeRatio: number;
  /** From `overdispersionOf`: bad requests that come in bursts of five are a fifth of the evidence. */
  readonly overdispersion: number;
}

/** Natural logarithms of likelihood ratios, one for each factor. */
export interface SequentialTest {
  readonly logWorse: readonly number[];
  readonly logSafe: readonly number[];
}

/** By how much worse than tolerated a canary may be; the test is good at all of them and best at none. */
export const WORSE_FACTORS: readonly number[] = [1.5, 2, 3, 5, 10];

/** A test that has seen nothing. */
export function startTest(): SequentialTest {
  return { logWorse: WORSE_FACTORS.map(() => 0), logSafe: [0, 0] };
}

/** The test after one more interval. An interval in which only one version had requests says nothing. */
export function observe(test: SequentialTest, pair: Pair, settings: TestSettings): SequentialTest {
  const { canary, baseline } = pair;
  if (canary.completed <= 0 || baseline.completed <= 0) return test;
  const { toleratedRatio, safeRatio } = settings;
  const gain = (from: number, to: number) => logRatio(pair, from, to) / settings.overdispersion;
  return {
    logWorse: WORSE_FACTORS.map(
      (factor, index) => (test.logWorse[index] ?? 0) + gain(toleratedRatio, factor * toleratedRatio),
    ),
    logSafe: safeFactors(safeRatio).map((factor, index) => (test.logSafe[index] ?? 0) + gain(safeRatio, factor)),
  };
}

/** Ln E: how much more likely the data are if the canary is worse than if it is as bad as tolerated. */
export function worseEvidence(test: SequentialTest): number {
  return logMeanExp(test.logWorse);
}

/** The same for: better than `safeRatio` times the baseline, than just that. */
export function safeEvidence(test: SequentialTest): number {
  return logMeanExp(test.logSafe);
}

/** As good as the baseline, or between it and what is still safe. */
function safeFactors(safeRatio: number): readonly [number, number] {
  return [1, Math.sqrt(safeRatio)];
}

/** How likely the bad requests fell as they did with a canary of ratio `to`, against one of ratio `from`. */
function logRatio({ canary, baseline }: Pair, from: number, to: number): number {
  const shareIf = (ratio: number) => (ratio * canary.completed) / (ratio * canary.completed + baseline.completed);
  const [before, after] = [shareIf(from), shareIf(to)];
  return canary.bad * Math.log(after / before) + baseline.bad * Math.log((1 - after) / (1 - before));
}

/** The logarithm of a mean of numbers that are too large to write down. */
function logMeanExp(logs: readonly number[]): number {
  const largest = Math.max(...logs);
  const sum = logs.reduce((total, log) => total + Math.exp(log - largest), 0);
  return largest + Math.log(sum / logs.length);
}
