/**
 * What others do to judge a canary, played over the same made-up traffic: each looks at every look, as the real verdict
 * does, and fails the canary once it is convinced.
 *
 * They are here to show what looking often and pooling over weights cost, and are part of nothing else.
 */
import type { Pair } from "../../src/rollout/counts.ts";
import { addPair, emptyTally } from "../../src/rollout/counts.ts";
import type { Judgement } from "./play-rollout.ts";

/** Too few bad requests for a normal distribution to mean anything. */
const BAD_MIN = 5;

/** The usual test of two proportions over all requests so far, two-sided, and then: is it the canary that is worse? */
export function byZTest(zMin: number): Judgement {
  return whenConvinced((sums) => {
    const { canary, baseline } = sums;
    const bad = canary.bad + baseline.bad;
    const pooled = bad / (canary.completed + baseline.completed);
    const deviation = Math.sqrt(pooled * (1 - pooled) * (1 / canary.completed + 1 / baseline.completed));
    return bad >= BAD_MIN && (canary.bad / canary.completed - baseline.bad / baseline.completed) / deviation > zMin;
  });
}

/** How probable it is that the canary is worse, by two beta distributions with flat priors, taken for normal ones. */
export function byBayes(zMin: number): Judgement {
  return whenConvinced(({ canary, baseline }) => {
    const [one, other] = [canary, baseline].map(({ completed, bad }) => {
      const mean = (bad + 1) / (completed + 2);
      return { mean, variance: (mean * (1 - mean)) / (completed + 3) };
    });
    if (one === undefined || other === undefined || canary.bad + baseline.bad < BAD_MIN) return false;
    return (one.mean - other.mean) / Math.sqrt(one.variance + other.variance) > zMin;
  });
}

/** A limit for the canary's bad share in a look, which so many looks may exceed. */
export function byThreshold(shareMax: number, looksMax: number): Judgement {
  return ({ looks }) => {
    let exceeded = 0;
    for (const [index, { canary }] of looks.entries()) {
      if (canary.bad > shareMax * canary.completed) exceeded += 1;
      if (exceeded >= looksMax) return { failedAt: index + 1, provedAt: undefined };
    }
    return { failedAt: undefined, provedAt: undefined };
  };
}

function whenConvinced(isWorse: (sums: Pair) => boolean): Judgement {
  return ({ looks }) => {
    let sums = emptyTally;
    for (const [index, look] of looks.entries()) {
      sums = addPair(sums, look);
      if (sums.canary.completed > 0 && sums.baseline.completed > 0 && isWorse(sums)) {
        return { failedAt: index + 1, provedAt: undefined };
      }
    }
    return { failedAt: undefined, provedAt: undefined };
  };
}
