/**
 * What clients say while a push goes out: kept until it is out, then taken in turn.
 *
 * The first nodes acknowledge a push while the last ones have not been sent it. To look at an acknowledgement
 * costs as much as to send a push, so that looking at once would let the last ones wait twice as long.
 * The order of what one client says is kept, and so is the order of them all.
 * Holds: nothing is kept for long, and the number and the bytes of what is kept are bounded.
 */
import type { Clock } from "../support/clock.ts";

/** Who is told what was kept for it. */
export interface Receiver {
  /** Fails by itself and not by throwing. */
  receive(bytes: Buffer): void;
}

/** A push to five thousand nodes takes about as long; one that takes longer must not make the others look dead. */
const KEPT_MS_MAX = 200;

/** An acknowledgement by each of the greatest fleet that one control plane is made for. */
const KEPT_MAX = 10_000;

/** Acknowledgements have a hundred bytes; longer messages are few, or no acknowledgements. */
const KEPT_BYTES_MAX = 8 * 1024 * 1024;

/** What is taken before the event loop gets a turn. */
const TURN_MS_MAX = 5;

/** One for each server. */
export class Backlog {
  readonly #clock: Clock;
  #kept: { readonly receiver: Receiver; readonly bytes: Buffer }[] = [];
  #keptBytes = 0;
  /** While a push goes out, when it has taken too long. */
  #closesAtMs: number | undefined;
  #next: NodeJS.Immediate | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A push goes out from now on. */
  open(): void {
    this.#closesAtMs = this.#clock.monotonicMs() + KEPT_MS_MAX;
  }

  /** The push is out; what was kept is taken soon. */
  close(): void {
    this.#closesAtMs = undefined;
    this.#schedule();
  }

  /** Keeps a message for later, or returns false: then it is to be taken now. */
  keep(receiver: Receiver, bytes: Buffer): boolean {
    if (this.#closesAtMs === undefined && this.#kept.length === 0) return false;
    if (this.#closesAtMs !== undefined && this.#clock.monotonicMs() >= this.#closesAtMs) this.close();
    if (this.#kept.length >= KEPT_MAX || this.#keptBytes + bytes.length > KEPT_BYTES_MAX) {
      this.takeAll();
      return false;
    }
    this.#kept.push({ receiver, bytes });
    this.#keptBytes += bytes.length;
    return true;
  }

  /** Takes everything that is kept, at once. */
  takeAll(): void {
    this.#take(Infinity);
  }

  #schedule(): void {
    if (this.#kept.length === 0 || this.#next !== undefined) return;
    this.#next = setImmediate(() => {
      this.#next = undefined;
      // The next push has begun and goes first.
      if (this.#closesAtMs !== undefined) return;
      this.#take(this.#clock.monotonicMs() + TURN_MS_MAX);
      this.#schedule();
    });
  }

  #take(untilMs: number): void {
    const kept = this.#kept;
    this.#kept = [];
    let count = 0;
    for (const { receiver, bytes } of kept) {
      receiver.receive(bytes);
      count += 1;
      this.#keptBytes -= bytes.length;
      if (this.#clock.monotonicMs() >= untilMs) break;
    }
    // Nothing can have been kept meanwhile: messages come from the event loop alone.
    this.#kept = count === kept.length ? [] : kept.slice(count);
  }
}
