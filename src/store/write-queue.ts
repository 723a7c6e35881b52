/**
 * Writes one after the other, the newest of each slot only.
 *
 * A write that still waits is replaced by a later one of the same slot, and both callers learn how the
 * later one went. So the queue is never longer than there are slots, however fast the callers are.
 */
interface WaitingWrite {
  payload: Uint8Array;
  done: Promise<void>;
}

export class WriteQueue {
  readonly #write: (slot: string, payload: Uint8Array) => Promise<void>;
  readonly #waiting = new Map<string, WaitingWrite>();
  #tail: Promise<void> = Promise.resolve();

  constructor(write: (slot: string, payload: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when these bytes, or later ones of the slot, are written. */
  put(slot: string, payload: Uint8Array): Promise<void> {
    const before = this.#waiting.get(slot);
    if (before !== undefined) {
      before.payload = payload;
      return before.done;
    }
    const waiting: WaitingWrite = { payload, done: Promise.resolve() };
    this.#waiting.set(slot, waiting);
    waiting.done = this.#tail.then(() => {
      this.#waiting.delete(slot);
      return this.#write(slot, waiting.payload);
    });
    // One failed write is its caller's concern and must not stop those behind it.
    this.#tail = waiting.done.catch(() => {});
    return waiting.done;
  }

  /** Resolves when nothing waits. */
  async drained(): Promise<void> {
    await this.#tail;
  }
}
