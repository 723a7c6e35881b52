/**
 * How long it is until times of day that others have set, counted by a clock that is never set.
 *
 * A time of day is looked at once, when it is first seen, and from then on it comes after so long, whatever somebody does
 * to the clock on the wall. There is one time for each thing that has one, and the newest counts.
 */
import type { Clock } from "./clock.ts";

export class WallDeadlines {
  readonly #clock: Clock;
  /** By what it is of: the time of day, and the same by the other clock. */
  readonly #seen = new Map<string, { readonly endsAtMs: number; readonly dueAtMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds until `endsAtMs`; below nought when it is over. */
  leftMs(of: string, endsAtMs: number): number {
    const nowMs = this.#clock.monotonicMs();
    const seen = this.#seen.get(of);
    if (seen?.endsAtMs === endsAtMs) return seen.dueAtMs - nowMs;
    const leftMs = endsAtMs - this.#clock.nowMs();
    this.#seen.set(of, { endsAtMs, dueAtMs: nowMs + leftMs });
    return leftMs;
  }
}
