/**
 * Time as a port: the pure stages are handed a clock, so that a test can stop it or run it fast.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch, for what people read. */
  nowMs(): number;
  /**
   * Milliseconds that never go backwards, for waits and deadlines. They count from the Unix epoch as the
   * machine knew it when the process started, so that they can be shown to people as well.
   */
  monotonicMs(): number;
}

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.timeOrigin + performance.now(),
};
