/**
 * Requests of one version and how many were bad, in an interval or in all.
 *
 * Bad may be a few below nought in an interval: how many were slow is a difference of two counters that Envoy does not
 * read at one moment, and what is a little too much in one interval is taken back in the next.
 */

/** What "bad" is depends on the metric: an error, or slower than a threshold. */
export interface Counts {
  readonly completed: number;
  readonly bad: number;
}

/** The same for both versions, in the same time and with the same weights. */
export interface Pair {
  readonly canary: Counts;
  readonly baseline: Counts;
}

/** Sums over looks. */
export interface Tally extends Pair {
  /**
   * What the canary would have had with the baseline's bad share of each look: sums of both versions over steps of
   * different weights must not be compared, because they are of different times.
   */
  readonly expected: Counts;
}

const emptyCounts: Counts = { completed: 0, bad: 0 };

export const emptyTally: Tally = { canary: emptyCounts, baseline: emptyCounts, expected: emptyCounts };

/** The bad share, from 0 to 1; 0 without requests. */
export function shareOf({ completed, bad }: Counts): number {
  return completed > 0 ? Math.min(Math.max(bad / completed, 0), 1) : 0;
}

/** The sums with one more look. */
export function addPair({ canary, baseline, expected }: Tally, pair: Pair): Tally {
  const isCompared = pair.baseline.completed > 0;
  const alike = { completed: pair.canary.completed, bad: pair.canary.completed * shareOf(pair.baseline) };
  return {
    canary: sum(canary, pair.canary),
    baseline: sum(baseline, pair.baseline),
    expected: isCompared ? sum(expected, alike) : expected,
  };
}

/** What came between two sums. */
export function between(from: Tally, to: Tally): Tally {
  const of = (key: keyof Tally): Counts => ({
    completed: to[key].completed - from[key].completed,
    bad: to[key].bad - from[key].bad,
  });
  return { canary: of("canary"), baseline: of("baseline"), expected: of("expected") };
}

/** The counts as if each cause had made one bad request, for whom it matters how many there were. */
export function thinned({ completed, bad }: Counts, overdispersion: number): Counts {
  return { completed: completed / overdispersion, bad: bad / overdispersion };
}

function sum(one: Counts, other: Counts): Counts {
  return { completed: one.completed + other.completed, bad: one.bad + other.bad };
}
