/**
 * Percentiles by the nearest rank: always a value that was measured.
 */

/** What is said of a list of times. */
export interface Spread {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** The spread of at least one value. */
export function spread(valuesMs: readonly number[]): Spread {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  return { p50Ms: rank(sorted, 50), p99Ms: rank(sorted, 99), maxMs: rank(sorted, 100) };
}

/** The value that so many percent of the sorted values do not exceed; NaN when there are none. */
export function rank(sorted: readonly number[], percent: number): number {
  // The product of a percentage with a tenth and a count is not always whole in binary: 99.9 % of 41,000 is 40,959.
  const position = Math.ceil((sorted.length * percent) / 100 - 1e-9);
  return sorted[Math.max(0, position - 1)] ?? Number.NaN;
}
