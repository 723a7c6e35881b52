/**
 * What one call has still to send: whole frames in order, written in chunks under back pressure.
 *
 * A frame may be shared by thousands of calls and is never copied here. At most about two chunks are with the
 * socket at a time, and all calls together have a budget for that. A client that takes nothing gives its
 * share back after a while and is reported as stalled a while later: it costs the others nothing.
 */
import type { ByteBudget } from "./byte-budget.ts";
import { CHUNK_BYTES, SMALL_BYTES_MAX } from "./limits.ts";

/** What an outbox writes to. */
export interface OutboxPorts {
  readonly budget: ByteBudget;
  /** Hands bytes to the socket; `written` is called, in order, when they have left or never will. */
  write(chunk: Buffer, written: () => void): void;
  /** Nothing is queued or in flight any more. */
  emptied(): void;
}

/** Of one call. */
export class Outbox {
  readonly #ports: OutboxPorts;
  readonly #frames: Buffer[] = [];
  /** How much of the first frame was written. */
  #offset = 0;
  #queuedBytes = 0;
  #inFlightBytes = 0;
  /** Of those in flight, what counts in the budget; by chunk in the order of writing. */
  readonly #inFlight: { readonly bytes: number; budgetBytes: number }[] = [];
  /** Sweeps since the client took anything. */
  #stalledSweeps = 0;
  #closed = false;

  constructor(ports: OutboxPorts) {
    this.#ports = ports;
  }

  /** Queued or in flight. */
  get bufferedBytes(): number {
    return this.#queuedBytes + this.#inFlightBytes;
  }

  push(frame: Buffer): void {
    if (this.#closed) return;
    this.#frames.push(frame);
    this.#queuedBytes += frame.length;
    this.#pump();
  }

  /** Once a sweep; how many sweeps ago the client took something, 0 when it owes nothing. */
  sweep(yieldSweeps: number): number {
    if (this.#inFlight.length === 0) return 0;
    this.#stalledSweeps += 1;
    if (this.#stalledSweeps === yieldSweeps) this.#yield();
    return this.#stalledSweeps;
  }

  /** The call is over: nothing is written any more, and nothing is held. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#frames.length = 0;
    this.#queuedBytes = 0;
    this.#ports.budget.leave(this.#again);
    this.#yield();
    this.#inFlight.length = 0;
    this.#inFlightBytes = 0;
  }

  readonly #again = (): void => this.#pump();

  readonly #written = (): void => {
    const chunk = this.#inFlight.shift();
    if (this.#closed || chunk === undefined) return;
    this.#inFlightBytes -= chunk.bytes;
    this.#stalledSweeps = 0;
    if (chunk.budgetBytes > 0) this.#ports.budget.give(chunk.budgetBytes);
    this.#pump();
    if (this.bufferedBytes === 0) this.#ports.emptied();
  };

  #pump(): void {
    while (this.#inFlightBytes < CHUNK_BYTES) {
      const frame = this.#frames[0];
      if (frame === undefined) return;
      const end = Math.min(frame.length, this.#offset + CHUNK_BYTES);
      const bytes = end - this.#offset;
      const budgetBytes = this.#inFlightBytes + bytes <= SMALL_BYTES_MAX ? 0 : bytes;
      if (budgetBytes > 0 && !this.#ports.budget.take(budgetBytes, this.#again)) return;
      const chunk = bytes === frame.length ? frame : frame.subarray(this.#offset, end);
      if (end === frame.length) this.#frames.shift();
      this.#offset = end === frame.length ? 0 : end;
      this.#queuedBytes -= bytes;
      this.#inFlightBytes += bytes;
      this.#inFlight.push({ bytes, budgetBytes });
      this.#ports.write(chunk, this.#written);
    }
  }

  /** Gives the share of the budget back; the bytes themselves stay where they are. */
  #yield(): void {
    let bytes = 0;
    for (const chunk of this.#inFlight) {
      bytes += chunk.budgetBytes;
      chunk.budgetBytes = 0;
    }
    if (bytes > 0) this.#ports.budget.give(bytes);
  }
}
