/**
 * Streams and connections that were refused before they said whose they are, told as events that a storm cannot multiply.
 *
 * The first refusal for a reason is told at once; the ones that follow are counted and told together, once in
 * a while. So ten thousand refusals a second are one line in the log, and are all counted.
 */
import type { NodeProblem } from "./read-node.ts";

/** Often enough for a graph, and a storm of a day is still a log that people can read. */
const TELL_EVERY_MS = 5_000;

/** Why a stream was refused. */
export type TurnedAwayReason = "there are too many streams" | "too many streams are being opened" | NodeProblem;

/** At once, or since the last time. */
export interface Refusals<Reason extends string> {
  readonly atMs: number;
  readonly reason: Reason;
  readonly count: number;
  /** The address of the last of them, where it is known. */
  readonly peer: string | undefined;
}

export interface TurnedAwayPorts<Reason extends string> {
  nowMs(): number;
  tell(refusals: Refusals<Reason>): void;
}

/** Of one server; the reasons are a closed list, so that nothing that comes from outside grows the counts. */
export class TurnedAway<Reason extends string> {
  readonly #ports: TurnedAwayPorts<Reason>;
  /** By reason: refusals that were not told yet. A reason is here as long as its timer runs. */
  readonly #untold = new Map<Reason, { count: number; peer: string | undefined; readonly timer: NodeJS.Timeout }>();

  constructor(ports: TurnedAwayPorts<Reason>) {
    this.#ports = ports;
  }

  add(reason: Reason, peer?: string): void {
    const known = this.#untold.get(reason);
    if (known !== undefined) {
      known.count += 1;
      known.peer = peer;
      return;
    }
    this.#wait(reason);
    this.#tell(reason, { count: 1, peer });
  }

  /** Tells what is left. */
  close(): void {
    for (const [reason, { timer, ...untold }] of this.#untold) {
      clearTimeout(timer);
      if (untold.count > 0) this.#tell(reason, untold);
    }
    this.#untold.clear();
  }

  #wait(reason: Reason): void {
    const timer = setTimeout(() => {
      const untold = this.#untold.get(reason);
      this.#untold.delete(reason);
      if (untold === undefined || untold.count === 0) return;
      this.#wait(reason);
      this.#tell(reason, untold);
    }, TELL_EVERY_MS);
    timer.unref();
    this.#untold.set(reason, { count: 0, peer: undefined, timer });
  }

  #tell(reason: Reason, { count, peer }: Pick<Refusals<Reason>, "count" | "peer">): void {
    this.#ports.tell({ atMs: this.#ports.nowMs(), reason, count, peer });
  }
}
