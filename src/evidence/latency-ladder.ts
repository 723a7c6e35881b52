/**
 * The steps in which Envoys count how long requests take.
 *
 * One ladder for all Envoys, so that the counts of many can be added: a quantile of a fleet is read from the sum of its
 * buckets, never from quantiles of its Envoys. What people promise (100, 250, 300, 500 ms, a second) is an edge, because
 * only at an edge is the count of slower requests exact.
 *
 * No edge has more than two digits before its zeros: Envoy's histograms keep two, and an edge between two of their
 * bins would be counted as the lower one.
 */

/** Upper edges in milliseconds, inclusive; what takes longer than the last is counted after it. */
export const latencyEdgesMs: readonly number[] = [
  0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 250, 300, 400, 500, 750, 1_000, 1_500, 2_000,
  2_500, 3_000, 4_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 60_000,
];
