/**
 * Waiting for a condition: look often, give up at a deadline, and say what was seen last.
 */
import { setTimeout as pause } from "node:timers/promises";

/** What is waited for and how long. */
export interface WaitOptions {
  /** Completes the sentence "gave up after 5 s waiting for …". */
  readonly what: string;
  readonly timeoutMs?: number;
  /**
   * Between two looks. Absent means 5 ms at first, because most waits here end within milliseconds, and then a tenth of
   * the wait so far, up to 25 ms: who waits for seconds must not take the processor from what it waits for.
   */
  readonly everyMs?: number;
}

const PAUSE_MS_MIN = 5;
const PAUSE_MS_MAX = 25;

/** How long to leave alone what has been waited for since then, on the clock of `performance.now()`. */
export function pauseMs(startMs: number): number {
  return Math.min(PAUSE_MS_MAX, Math.max(PAUSE_MS_MIN, (performance.now() - startMs) / 10));
}

/**
 * The first value of `look` that is neither `undefined` nor `false`. A look that throws counts as not
 * yet, because what is asked is often a server that is still starting; its error is the cause at the end.
 */
export async function waitUntil<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: WaitOptions,
): Promise<T> {
  const { what, timeoutMs = 10_000, everyMs } = options;
  const startMs = performance.now();
  const deadline = startMs + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      cause = undefined;
    } catch (error) {
      if (error instanceof StopWaiting) throw error;
      cause = error;
    }
    if (performance.now() >= deadline) throw new Error(`gave up after ${timeoutMs} ms waiting for ${what}`, { cause });
    await pause(everyMs ?? pauseMs(startMs));
  }
}

/** Thrown by a look to end the wait at once, for example when the program that is waited for has died. */
export class StopWaiting extends Error {
  override readonly name = "StopWaiting";
}
