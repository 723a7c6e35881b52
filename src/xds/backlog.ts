/**
 * What clients say, taken in turns: a push goes out first, and the event loop is never held for long.
 *
 * The first nodes acknowledge a push while the last ones have not been sent it. To look at an acknowledgement
 * costs as much as to send a push, so that looking at once would let the last ones wait twice as long. And what a
 * thousand nodes say at the same time is more than the event loop should do in one go.
 * Holds: the order of all messages is kept; their number and their bytes are bounded; nothing waits for long.
 */
import { present } from "../support/assert.ts";
import type { Clock } from "../support/clock.ts";

/** Who is told what was kept for it. */
export interface Receiver {
  /** Fails by itself and not by throwing. */
  receive(bytes: Buffer): void;
}

/** A push to five thousand nodes takes about as long; one that takes longer must not make the others look dead. */
const PUSH_MS_MAX = 200;

/** An acknowledgement by each of the greatest fleet that one control plane is made for. */
const KEPT_MAX = 10_000;

/** Acknowledgements have a hundred bytes; longer messages are few, or no acknowledgements. */
const KEPT_BYTES_MAX = 8 * 1024 * 1024;

/** What is taken before the event loop gets a turn. */
const TURN_MS_MAX = 5;

interface Kept {
  readonly receiver: Receiver;
  readonly bytes: Buffer;
}

/** One for each server. */
export class Backlog {
  readonly #clock: Clock;
  #kept: Kept[] = [];
  /** How many of `#kept` were taken. */
  #takenCount = 0;
  #keptBytes = 0;
  /** While a push goes out: when it has taken too long. */
  #pushEndsAtMs: number | undefined;
  /** Of this turn of the event loop. */
  #turnStartedMs: number | undefined;
  #isTurnOver = false;
  #isScheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A push goes out from now on. */
  open(): void {
    this.#pushEndsAtMs = this.#clock.monotonicMs() + PUSH_MS_MAX;
  }

  /** The push is out; what was kept is taken soon. */
  close(): void {
    this.#pushEndsAtMs = undefined;
    if (this.#keptCount > 0) this.#schedule();
  }

  /** Gives the message to its receiver, now or soon. */
  accept(receiver: Receiver, bytes: Buffer): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#pushEndsAtMs !== undefined && nowMs >= this.#pushEndsAtMs) this.close();
    if (this.#pushEndsAtMs === undefined && this.#keptCount === 0 && !this.#isTurnOver) {
      this.#turnStartedMs ??= nowMs;
      receiver.receive(bytes);
      if (this.#clock.monotonicMs() - this.#turnStartedMs >= TURN_MS_MAX) this.#isTurnOver = true;
      this.#schedule();
      return;
    }
    // The oldest make room, so that the order stays what it was.
    while (this.#keptCount > 0 && !this.#hasRoom(bytes)) this.#takeOldest();
    if (!this.#hasRoom(bytes)) return receiver.receive(bytes);
    this.#kept.push({ receiver, bytes });
    this.#keptBytes += bytes.length;
    this.#schedule();
  }

  /** Takes everything that is kept, at once. */
  takeAll(): void {
    while (this.#keptCount > 0) this.#takeOldest();
  }

  get #keptCount(): number {
    return this.#kept.length - this.#takenCount;
  }

  #hasRoom(bytes: Buffer): boolean {
    return this.#keptCount < KEPT_MAX && this.#keptBytes + bytes.length <= KEPT_BYTES_MAX;
  }

  #takeOldest(): void {
    const { receiver, bytes } = present(this.#kept[this.#takenCount], "only called while there is one");
    this.#takenCount += 1;
    this.#keptBytes -= bytes.length;
    if (this.#takenCount === this.#kept.length || this.#takenCount === KEPT_MAX) {
      this.#kept = this.#kept.slice(this.#takenCount);
      this.#takenCount = 0;
    }
    receiver.receive(bytes);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#turn());
  }

  /** Once in each turn of the event loop in which there was anything. */
  #turn(): void {
    this.#isScheduled = false;
    this.#isTurnOver = false;
    this.#turnStartedMs = undefined;
    // The push goes first; its end schedules this again.
    if (this.#pushEndsAtMs !== undefined) return;
    const endsAtMs = this.#clock.monotonicMs() + TURN_MS_MAX;
    while (this.#keptCount > 0 && this.#clock.monotonicMs() < endsAtMs) this.#takeOldest();
    if (this.#keptCount > 0) this.#schedule();
  }
}
