/**
 * Waiting for a condition instead of for a time.
 *
 * A test that sleeps is slow when the machine is fast and fails when the machine is slow. These ask
 * again until the condition holds, and when it never does they fail with what was being waited for.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { pauseMs } from "../../demo/kit/wait-until.ts";

export interface EventuallyOptions {
  /** Far above what is needed, because shared machines stall; nobody waits for it when all is well. */
  readonly timeoutMs?: number;
  /** Absent means 5 ms at first, then a tenth of the wait so far, up to 25 ms: asking takes processor time too. */
  readonly intervalMs?: number;
}

/** Resolves once `condition` holds; rejects with `message`, and its last error, when the time is up. */
export async function eventually(
  message: string,
  condition: () => boolean | Promise<boolean>,
  options: EventuallyOptions = {},
): Promise<void> {
  await eventuallyValue(message, async () => ((await condition()) ? true : undefined), options);
}

/** The first value of `read` that is not undefined. */
export async function eventuallyValue<T>(
  message: string,
  read: () => T | undefined | Promise<T | undefined>,
  options: EventuallyOptions = {},
): Promise<T> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const startMs = performance.now();
  const deadlineMs = startMs + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await read();
      if (value !== undefined) return value;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadlineMs) {
      throw new Error(`waited ${timeoutMs} ms in vain: ${message}`, { cause });
    }
    await sleep(options.intervalMs ?? pauseMs(startMs));
  }
}

/**
 * Resolves if `condition` holds all the time for `forMs`; rejects with `message` as soon as it does not.
 * For the claim that something does not happen, which no condition can show.
 */
export async function throughout(
  message: string,
  condition: () => boolean | Promise<boolean>,
  forMs: number,
): Promise<void> {
  const deadlineMs = performance.now() + forMs;
  while (performance.now() < deadlineMs) {
    if (!(await condition())) throw new Error(`did not stay so: ${message}`);
    await sleep(5);
  }
}
