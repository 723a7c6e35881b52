/**
 * What one replica has in etcd for as long as it lives: a key of its id below each of some prefixes, all under one lease.
 *
 * So a replica has one name wherever it is told of, and everything of it goes at once when it dies. What is lost with the
 * lease, because etcd was away for longer or the replica hung, is written again with the next one.
 */
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { Contact } from "../etcd/follow-prefix.ts";
import { KeptLease } from "../etcd/kept-lease.ts";
import { LeasedKey } from "../etcd/leased-key.ts";
import type { Clock } from "../support/clock.ts";

/** A replica that is gone holds up whoever waits for it no longer than this; one that hangs for less keeps its place. */
const TTL_SECONDS = 10;

export interface ReplicaKeysOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  readonly random: () => number;
  /** Of each start its own: until the lease of one that was killed ends, its Envoys are on their way to others. */
  readonly id: string;
  /** Whether all of it is there, as far as is known; told when that is another than before. */
  readonly onContact: (contact: Contact) => void;
}

/** What somebody writes of a replica. */
export type ReplicaKey = Pick<LeasedKey, "set">;

/** `close` takes everything away. */
export class ReplicaKeys {
  readonly #options: ReplicaKeysOptions;
  readonly #lease: KeptLease;
  readonly #keys = new Map<string, LeasedKey>();
  /** The prefixes below which what is wanted may not be there. */
  readonly #lost = new Set<string>();

  constructor(options: ReplicaKeysOptions) {
    this.#options = options;
    this.#lease = new KeptLease({ ...options, ttlSeconds: TTL_SECONDS });
  }

  get id(): string {
    return this.#options.id;
  }

  /** The key below a prefix, which is there once it is set; it is written no more often than `gapMs` says. */
  open(prefix: string, { gapMs }: { readonly gapMs: number }): ReplicaKey {
    const key = new LeasedKey({
      ...this.#options,
      key: `${prefix}${this.id}`,
      lease: this.#lease,
      gapMs,
      onContact: (contact) => {
        // What a newer Fairway has written is told by whoever guards the schema; etcd itself is there.
        if (contact.kind !== "lost" || contact.error === "newer") this.#hold(prefix);
        else this.#lose(prefix, contact.reason);
      },
    });
    this.#keys.set(prefix, key);
    return key;
  }

  async close(): Promise<void> {
    await this.#lease.releaseAfter(Promise.all([...this.#keys.values()].map((key) => key.stop())));
  }

  #lose(prefix: string, reason: string): void {
    const isFirst = this.#lost.size === 0;
    this.#lost.add(prefix);
    if (!isFirst) return;
    this.#options.onContact({
      kind: "behind",
      isTurnedDown: false,
      reason,
      sinceMs: this.#options.clock.monotonicMs(),
    });
  }

  #hold(prefix: string): void {
    if (this.#lost.delete(prefix) && this.#lost.size === 0) this.#options.onContact({ kind: "current" });
  }
}
