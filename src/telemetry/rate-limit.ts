/**
 * How often the same thing may be said.
 *
 * Each key may pass `burst` times in a window; what is held back is counted and reported with the next one
 * that passes. The keys are bounded: when there are too many, the one that began its window first is
 * forgotten, so that a flood of new keys costs repetition, never memory.
 */

export interface RateLimit {
  /** `suppressedCount` is how many were held back since the last that passed; only of interest when admitted. */
  admit(key: string, nowMs: number): { readonly admitted: boolean; readonly suppressedCount: number };
}

interface Window {
  readonly sinceMs: number;
  readonly admittedCount: number;
  readonly suppressedCount: number;
}

/** A limit of `burst` per key and `windowMs`. */
export function createRateLimit(options: {
  readonly burst: number;
  readonly windowMs: number;
  readonly keysMax: number;
}): RateLimit {
  const windows = new Map<string, Window>();
  return {
    admit(key, nowMs) {
      const known = windows.get(key);
      const window =
        known === undefined || nowMs - known.sinceMs >= options.windowMs
          ? { sinceMs: nowMs, admittedCount: 0, suppressedCount: known?.suppressedCount ?? 0 }
          : known;
      const admitted = window.admittedCount < options.burst;
      // A new window moves to the end, so that the first key of the map is always the oldest window.
      if (window !== known) windows.delete(key);
      windows.set(key, {
        sinceMs: window.sinceMs,
        admittedCount: window.admittedCount + (admitted ? 1 : 0),
        suppressedCount: admitted ? 0 : window.suppressedCount + 1,
      });
      if (windows.size > options.keysMax) dropFirst(windows);
      return { admitted, suppressedCount: window.suppressedCount };
    },
  };
}

function dropFirst(windows: Map<string, Window>): void {
  const first = windows.keys().next();
  if (!first.done) windows.delete(first.value);
}
