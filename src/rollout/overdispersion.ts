/**
 * How much more bad requests come together than if each came by chance.
 *
 * A client that retries, a host that hangs, a batch: one cause makes several bad requests at once, all in one version,
 * and a test that takes them for independent sees a difference where there is luck. So the evidence is divided by how
 * uneven the baseline's bad requests were from one interval to the next before the rollout began: 1 for chance, 5 when
 * each cause makes five.
 *
 * Neighbours are compared, not each interval with the mean, so that a slow change counts for nothing and an incident
 * only where it begins and where it ends.
 */
import type { Counts } from "./counts.ts";

/**
 * Where nothing is known, because the baseline was not watched before: as if each cause made three. Too much for most
 * services, which then wait longer for their verdict.
 */
export const OVERDISPERSION_UNKNOWN = 3;

/** Fewer pairs of neighbours say nothing. */
const PAIRS_MIN = 4;

/**
 * Of fewer bad requests one cannot say how they come; that they are so rare is known, and that a verdict takes bad
 * requests in several looks keeps a single cause from deciding (`LOOKS_MIN` in verdict.ts).
 */
const BAD_MIN = 5;

/**
 * The factor for a test, at least 1, from what the baseline did in intervals one after the other, the oldest first, of
 * the length that the test will have. Thirty of them are good; with fewer the factor grows by what they leave open.
 */
export function overdispersionOf(before: readonly Counts[]): number {
  const intervals = before
    .filter(({ completed }) => completed > 0)
    .map(({ completed, bad }) => ({ completed, bad: Math.max(bad, 0) }));
  const pairsCount = intervals.length - 1;
  if (pairsCount < PAIRS_MIN) return OVERDISPERSION_UNKNOWN;
  if (intervals.reduce((sum, { bad }) => sum + bad, 0) < BAD_MIN) return 1;
  let squares = 0;
  let events = 0;
  for (const [index, right] of intervals.entries()) {
    const left = intervals[index - 1];
    if (left === undefined) continue;
    // Of the bad requests of two neighbours, the left one has this share by chance.
    const share = left.completed / (left.completed + right.completed);
    const both = left.bad + right.bad;
    squares += (left.bad - both * share) ** 2 / (share * (1 - share));
    events += both;
  }
  return Math.max(1, (squares / events) * allowance(pairsCount));
}

/**
 * By how much the estimate may be too low: in two cases of three the truth is below the estimate times this, which is
 * 1.25 for 30 intervals and 2.2 for 5. The estimate is spread like χ² with two degrees of freedom for three pairs,
 * because neighbours share an interval; the quantile is by Wilson and Hilferty.
 */
function allowance(pairsCount: number): number {
  const degrees = (pairsCount * 2) / 3;
  const spread = 2 / (9 * degrees);
  return 1 / (1 - spread - 0.5 * Math.sqrt(spread)) ** 3;
}
