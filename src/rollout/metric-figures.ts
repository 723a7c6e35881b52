/**
 * What is known of one metric of a canary, in numbers that a report can show and a verdict is made from.
 */
import type { Burn } from "./burn-rate.ts";
import { burnOf } from "./burn-rate.ts";
import type { MetricEvidence, MetricName } from "./canary-evidence.ts";
import type { Tally } from "./counts.ts";
import { thinned } from "./counts.ts";
import type { MetricGate } from "./gates.ts";
import { budgetOf } from "./gates.ts";
import { safeEvidence, worseEvidence } from "./sequential-test.ts";
import type { ShareInterval } from "./wilson.ts";
import { upperShare, wilsonInterval } from "./wilson.ts";

/** Counts since the rollout began; shares are from 0 to 1, and as uncertain as bursts of bad requests make them. */
export interface MetricFigures extends Tally {
  readonly name: MetricName;
  readonly gate: MetricGate;
  readonly canaryShare: ShareInterval;
  readonly baselineShare: ShareInterval;
  /** The canary's bad share is below this, with 95 % confidence. */
  readonly canaryAtMost: number;
  /** How many times more likely the data are if the canary is worse than tolerated, than if it is not. */
  readonly worse: number;
  /** The same for: it is surely not as bad as `safeRatio` times the baseline. */
  readonly safe: number;
  /** Undefined without an objective. */
  readonly burn: Burn | undefined;
  /** How the canary was shown to be good. */
  readonly proof: "compared" | "objective" | undefined;
}

/** False proofs: at most one in twenty. All metrics must be proved, so there is nothing to share. */
export const SAFE_MIN = 20;

/** The figures of a metric that was looked at. */
export function figuresOf(name: MetricName, evidence: MetricEvidence, gate: MetricGate): MetricFigures {
  const { canary, baseline, expected, test, samples, overdispersion } = evidence;
  const budget = budgetOf(gate);
  const rare = thinned(canary, overdispersion);
  const canaryAtMost = upperShare(rare);
  const keepsBudget = budget !== undefined && canary.completed > 0 && canaryAtMost <= budget;
  const safe = times(safeEvidence(test));
  return {
    name,
    gate,
    canary,
    baseline,
    expected,
    canaryShare: wilsonInterval(rare),
    baselineShare: wilsonInterval(thinned(baseline, overdispersion)),
    canaryAtMost,
    worse: times(worseEvidence(test)),
    safe,
    burn: budget === undefined ? undefined : burnOf(samples, budget),
    proof: safe >= SAFE_MIN ? "compared" : keepsBudget ? "objective" : undefined,
  };
}

/** A likelihood ratio from its logarithm, as far as a number goes. */
function times(log: number): number {
  return Math.min(Math.exp(log), Number.MAX_VALUE);
}
