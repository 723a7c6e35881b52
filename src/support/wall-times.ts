/**
 * Moments that were noted by the clock that is never set, as times of day: by the clock on the wall as it is now.
 *
 * Who keeps times of day itself keeps wrong ones once somebody sets the clock, and what was an hour ago seems to be now.
 */
import type { Clock } from "./clock.ts";

/** Clocks are corrected by a little all the time, and a time must not change with each look at it. */
const CORRECTED_MS = 100;

export class WallTimes {
  readonly #clock: Clock;
  #aheadMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#aheadMs = clock.nowMs() - clock.monotonicMs();
  }

  /** Whole milliseconds since 1970 of a moment by `monotonicMs`. */
  at(monotonicMs: number): number {
    const aheadMs = this.#clock.nowMs() - this.#clock.monotonicMs();
    if (Math.abs(aheadMs - this.#aheadMs) > CORRECTED_MS) this.#aheadMs = aheadMs;
    return Math.round(monotonicMs + this.#aheadMs);
  }
}
