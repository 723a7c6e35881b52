/**
 * Streams that were refused before anything was read from them, told as events that a storm cannot multiply.
 *
 * The first refusal for a reason is told at once; the ones that follow are counted and told together, once in
 * a while. So ten thousand refusals a second are one line in the log, and are all counted.
 */
import type { StreamsTurnedAway } from "./stream-event.ts";

/** Often enough for a graph, and a storm of a day is still a log that people can read. */
const TELL_EVERY_MS = 5_000;

/** Why a stream was refused; a closed list, so that nothing that comes from outside grows the counts. */
export type TurnedAwayReason = "there are too many streams" | "too many streams are being opened";

export interface TurnedAwayPorts {
  nowMs(): number;
  tell(event: StreamsTurnedAway): void;
}

/** Of one server. */
export class TurnedAway {
  readonly #ports: TurnedAwayPorts;
  /** By reason: refusals that were not told yet. A reason is here as long as its timer runs. */
  readonly #untold = new Map<TurnedAwayReason, { count: number; readonly timer: NodeJS.Timeout }>();

  constructor(ports: TurnedAwayPorts) {
    this.#ports = ports;
  }

  add(reason: TurnedAwayReason): void {
    const known = this.#untold.get(reason);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    this.#wait(reason);
    this.#tell(reason, 1);
  }

  /** Tells what is left. */
  close(): void {
    for (const [reason, { count, timer }] of this.#untold) {
      clearTimeout(timer);
      if (count > 0) this.#tell(reason, count);
    }
    this.#untold.clear();
  }

  #wait(reason: TurnedAwayReason): void {
    const timer = setTimeout(() => {
      const count = this.#untold.get(reason)?.count ?? 0;
      this.#untold.delete(reason);
      if (count === 0) return;
      this.#wait(reason);
      this.#tell(reason, count);
    }, TELL_EVERY_MS);
    timer.unref();
    this.#untold.set(reason, { count: 0, timer });
  }

  #tell(reason: TurnedAwayReason, count: number): void {
    this.#ports.tell({ kind: "streams-turned-away", atMs: this.#ports.nowMs(), reason, count });
  }
}
