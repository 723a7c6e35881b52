/**
 * What goes wrong beside the pipeline and is worth a sentence: a file that is skipped, a write behind the pushes that fails.
 *
 * Each becomes an event, so that it is in the log in its format and in the timeline. The same sentence is told once in a
 * while, and all together so many in a minute; what was held back is counted with the next one.
 */
import type { Clock } from "../support/clock.ts";
import type { FairwayEvent } from "./event.ts";
import { createRateLimit } from "./rate-limit.ts";

const PER_TEXT = { burst: 1, windowMs: 10 * 60_000, keysMax: 1_000 };
const IN_ALL = { burst: 50, windowMs: 60_000, keysMax: 1 };

/** What tells a warning; there is one for the process. */
export function createWarnings(options: {
  readonly clock: Clock;
  record(event: Extract<FairwayEvent, { readonly kind: "warning" }>): void;
}): (text: string) => void {
  const perText = createRateLimit(PER_TEXT);
  const inAll = createRateLimit(IN_ALL);
  return (text) => {
    const atMs = options.clock.monotonicMs();
    const same = perText.admit(text, atMs);
    if (!same.admitted) return;
    const all = inAll.admit("", atMs);
    if (!all.admitted) return;
    const suppressedCount = same.suppressedCount + all.suppressedCount;
    options.record({ kind: "warning", atMs, text, ...(suppressedCount > 0 ? { suppressedCount } : {}) });
  };
}
