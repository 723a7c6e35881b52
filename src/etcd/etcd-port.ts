/**
 * What Fairway needs of etcd, and nothing else of it: keys by prefix, transactions, watches and leases.
 *
 * Everything that may fail rejects with an `EtcdError`. Keys are text: one that is not UTF-8 comes with U+FFFD in it and
 * is for whoever reads it to refuse. Revisions are numbers, because etcd counts them one by one.
 * Source: https://etcd.io/docs/v3.6/learning/api/
 */

/** A key with its value, as it was at one revision of the whole store. */
export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Since when it has been there without a gap: of two keys the one that came first has the smaller one. */
  readonly createRevision: number;
  /** Of its last change; what a writer compares to lose no other's update. */
  readonly modRevision: number;
  /** The lease that it goes with; undefined when it stays. */
  readonly leaseId: LeaseId | undefined;
}

/** A number of 64 bits, as text. */
export type LeaseId = string;

/** Everything under a prefix at one moment; linearisable: a majority agreed on it after it was asked for. */
export interface Listing {
  /** Another cluster has another one, also one that was restored from a backup with new members. */
  readonly clusterId: string;
  readonly revision: number;
  /** Sorted by key. */
  readonly entries: readonly Entry[];
}

/** One thing that happened under a watched prefix. */
export type Change =
  | { readonly kind: "put"; readonly entry: Entry }
  | { readonly kind: "delete"; readonly key: string; readonly modRevision: number };

/** What a watch is told; after `ended` nothing more. */
export interface WatchListener {
  /** All of one revision and before come together; the revision is the newest that is told of. */
  changed(changes: readonly Change[], revision: number): void;
  /** The server has said something, if only that it is there. */
  heard(): void;
  /** `compacted`: what happened since the revision that was asked for is not known any more. */
  ended(reason: string, options: { readonly compacted: boolean }): void;
}

/** One watch on a stream of its own. */
export interface Watch {
  /** Asks the server to say something. */
  ping(): void;
  /** Ends it; `ended` is not called. */
  close(): void;
}

/** What must hold for a transaction. */
export type Condition =
  /** The revision of a key's last change; 0 for a key that is not there. */
  | { readonly kind: "revision"; readonly key: string; readonly modRevision: number }
  /** Nothing below the prefix has come or changed since; etcd cannot tell that way what has gone. */
  | { readonly kind: "unchanged"; readonly prefix: string; readonly sinceRevision: number };

/** One write of a transaction. */
export type Write =
  | { readonly kind: "put"; readonly key: string; readonly value: Uint8Array; readonly leaseId?: LeaseId }
  | { readonly kind: "delete"; readonly key: string };

/** What became of a transaction: nothing was written when a condition did not hold, and `current` has why. */
export type Outcome =
  | { readonly ok: true; readonly revision: number }
  | {
      readonly ok: false;
      readonly revision: number;
      /** The keys of the conditions as they are; one that is not there is missing, and prefixes have none. */
      readonly current: ReadonlyMap<string, Entry>;
    };

export interface EtcdPort {
  /** All keys under a prefix at one revision. */
  list(prefix: string): Promise<Listing>;
  /** All writes or none. It may have happened when it rejects with `unavailable`: read again before trying again. */
  transact(conditions: readonly Condition[], writes: readonly Write[]): Promise<Outcome>;
  /** Tells everything under the prefix from that revision on. */
  watch(prefix: string, fromRevision: number, listener: WatchListener): Watch;
  /** A lease that ends so many seconds after its last keepalive. */
  grantLease(seconds: number): Promise<LeaseId>;
  /** Says that the lease is to go on; returns the seconds that it has now, 0 when there is none any more. */
  keepAlive(leaseId: LeaseId): Promise<number>;
  /** Ends the lease, and with it the keys that it holds. */
  revokeLease(leaseId: LeaseId): Promise<void>;
  close(): void;
}
