/**
 * How many streams may be opened: so many a second, after a burst.
 *
 * A fleet that comes back at once is a burst; what goes on at that rate is a loop in some client, and would
 * take the processor from the streams that are open.
 */

/** The greatest fleet that one control plane is made for, and as many again. */
const BURST = 10_000;

/** Each costs about a tenth of a millisecond until it is refused or admitted: a fifth of the processor. */
const PER_SECOND = 2_000;

/** A bucket that fills with time. */
export class StreamRate {
  #tokens = BURST;
  #atMs: number | undefined;

  /** Whether one more may be opened now. */
  take(atMs: number): boolean {
    const sinceMs = atMs - (this.#atMs ?? atMs);
    this.#tokens = Math.min(BURST, this.#tokens + (sinceMs * PER_SECOND) / 1_000);
    this.#atMs = atMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
