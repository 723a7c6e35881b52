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
  const at = (percent: number) => sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
  return { p50Ms: at(50), p99Ms: at(99), maxMs: at(100) };
}
