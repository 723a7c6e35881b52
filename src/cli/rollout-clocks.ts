/**
 * By how much the clock on the wall was set since this replica wrote a rollout last, told by the clock that never is.
 */
import { CLOCKS_DIFFER_MS, movedBy } from "../rollout/moved-clock.ts";
import type { RolloutRecord } from "../rollout/rollout-record.ts";
import type { Clock } from "../support/clock.ts";

export class RolloutClocks {
  readonly #clock: Clock;
  /** By split: which rollout, and how far the clock on the wall was ahead. */
  readonly #written = new Map<string, { readonly id: string; readonly aheadMs: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** This replica has written it now. */
  wrote({ id, plan }: Pick<RolloutRecord, "id" | "plan">): void {
    this.#written.set(plan.split, { id, aheadMs: this.#aheadMs() });
  }

  /** Another one has; what is known of it is of no use. */
  lost(split: string): void {
    this.#written.delete(split);
  }

  /** The same record, or, when the clock was set since it was written here, with its times moved. */
  byClock(record: RolloutRecord): RolloutRecord {
    const written = this.#written.get(record.plan.split);
    if (written?.id !== record.id) return record;
    const setByMs = Math.round(this.#aheadMs() - written.aheadMs);
    return Math.abs(setByMs) <= CLOCKS_DIFFER_MS ? record : movedBy(record, setByMs, this.#clock.nowMs());
  }

  #aheadMs(): number {
    return this.#clock.nowMs() - this.#clock.monotonicMs();
  }
}
