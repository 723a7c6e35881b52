/**
 * Who of many nodes that come at once is served first.
 *
 * A first sync is the most expensive thing that a stream ever asks for. Only so many are under way at a time;
 * the others wait in line, nodes that hold nothing before those that only come back, because a node that holds
 * nothing serves nobody. A place is given up when the node is synced or gone, and after a while in any case,
 * so that nodes which never answer hold up no other.
 */
import type { Clock } from "../support/clock.ts";

/** Whoever waits. */
export interface Entrant {
  /** It is its turn; called once, and never from within `enter`. */
  admitted(): void;
}

/** As many as fill the sockets of a fast network; each has at most two chunks in flight and its own responses queued. */
const SYNCS_MAX = 128;

/** A healthy node takes its first responses in far less, and acknowledges them; what it takes after that is its own. */
const SYNC_MS_MAX = 2_000;

/** More than a control plane can have connections. */
const WAITING_MAX = 20_000;

/** Between two of these the event loop serves the others. */
const ADMITTED_PER_TURN = 16;

/** One for each server. */
export class Admission {
  readonly #clock: Clock;
  /** Since when, oldest first. */
  readonly #syncing = new Map<Entrant, number>();
  readonly #empty = new Set<Entrant>();
  readonly #returning = new Set<Entrant>();
  #next: NodeJS.Immediate | undefined;
  #expiry: NodeJS.Timeout | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get waitingCount(): number {
    return this.#empty.size + this.#returning.size;
  }

  /** Lets it in at once, puts it in line, or refuses it because the line is too long. */
  enter(entrant: Entrant, options: { readonly holdsNothing: boolean }): "now" | "later" | "refused" {
    this.#expire();
    if (this.waitingCount === 0 && this.#syncing.size < SYNCS_MAX) {
      this.#syncing.set(entrant, this.#clock.monotonicMs());
      return "now";
    }
    if (this.waitingCount >= WAITING_MAX) return "refused";
    (options.holdsNothing ? this.#empty : this.#returning).add(entrant);
    this.#schedule();
    return "later";
  }

  /** It is synced, or gone; whoever is not known is ignored. */
  leave(entrant: Entrant): void {
    this.#empty.delete(entrant);
    this.#returning.delete(entrant);
    if (this.#syncing.delete(entrant)) this.#schedule();
  }

  #schedule(): void {
    if (this.waitingCount === 0) return;
    if (this.#syncing.size < SYNCS_MAX && this.#next === undefined) this.#next = setImmediate(() => this.#admit());
    if (this.#expiry !== undefined) return;
    this.#expiry = setTimeout(() => {
      this.#expiry = undefined;
      this.#expire();
      this.#schedule();
    }, SYNC_MS_MAX);
    this.#expiry.unref();
  }

  #admit(): void {
    this.#next = undefined;
    for (let count = 0; count < ADMITTED_PER_TURN && this.#syncing.size < SYNCS_MAX; count += 1) {
      const line = this.#empty.size > 0 ? this.#empty : this.#returning;
      const [entrant] = line;
      if (entrant === undefined) return;
      line.delete(entrant);
      this.#syncing.set(entrant, this.#clock.monotonicMs());
      entrant.admitted();
    }
    this.#schedule();
  }

  #expire(): void {
    const beforeMs = this.#clock.monotonicMs() - SYNC_MS_MAX;
    for (const [entrant, sinceMs] of this.#syncing) {
      if (sinceMs > beforeMs) return;
      this.#syncing.delete(entrant);
    }
  }
}
