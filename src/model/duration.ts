/**
 * `250ms`, `3s`, `1.5s`, `2m`, `1h`: durations as people write them.
 *
 * At most three decimals and seven digits, so that every duration is a whole number of milliseconds and
 * fits Envoy's range.
 */
import { present } from "../support/assert.ts";

export const durationPattern = /^(?:[0-9]{1,7}ms|[0-9]{1,7}(?:\.[0-9]{1,3})?[smh])$/;
/** The same without zero. */
export const positiveDurationPattern = /^(?=[^a-z]*[1-9])(?:[0-9]{1,7}ms|[0-9]{1,7}(?:\.[0-9]{1,3})?[smh])$/;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a text that matches `durationPattern`. */
export function durationMs(text: string): number {
  const unit = present(/[a-z]+$/.exec(text), "the schema has checked the duration")[0];
  return Math.round(Number(text.slice(0, -unit.length)) * present(unitMs[unit], "the pattern names every unit"));
}

/** Milliseconds as proto3 JSON writes a google.protobuf.Duration: `1.5s`. */
export function protoDuration(milliseconds: number): string {
  return `${milliseconds / 1_000}s`;
}
