/**
 * Splits of which this replica knows less than a rollout has written already: another one has written it, and the change is
 * on its way, or lost with the watch that should have told it.
 */
import type { Observed } from "../rollout/observed.ts";
import type { RolloutRecord } from "../rollout/rollout-record.ts";
import type { Clock } from "../support/clock.ts";

/** Each time costs a listing. */
const LOOK_EACH_MS = 1_000;

/** A watch that hangs is ended within less: who has looked again for so long has seen all that there is. */
const LATE_MS_MAX = 60_000;

export interface LateSplitsOptions {
  readonly clock: Pick<Clock, "monotonicMs">;
  /** What it finds is seen at a later look. */
  lookAgain(): void;
}

export class LateSplits {
  readonly #options: LateSplitsOptions;
  /** By rollout. */
  readonly #sinceMs = new Map<string, number>();
  #lookedAtMs = -Infinity;

  constructor(options: LateSplitsOptions) {
    this.#options = options;
  }

  /** What is seen, and whether that is surely the newest; asks for it when it is not. */
  caughtUp({ id, splitNumber }: Pick<RolloutRecord, "id" | "splitNumber">, seen: Observed): Observed {
    const { clock, lookAgain } = this.#options;
    if (seen.split === undefined || seen.split.document.number >= splitNumber) {
      this.#sinceMs.delete(id);
      return seen;
    }
    const nowMs = clock.monotonicMs();
    const sinceMs = this.#sinceMs.get(id) ?? nowMs;
    this.#sinceMs.set(id, sinceMs);
    if (nowMs - this.#lookedAtMs >= LOOK_EACH_MS) {
      this.#lookedAtMs = nowMs;
      lookAgain();
    }
    return nowMs - sinceMs < LATE_MS_MAX ? seen : { ...seen, split: { ...seen.split, isNewest: true } };
  }
}
