/**
 * Where each replica tells the others of its nodes: `/fairway/fleet/<replica>`, under a lease, so that what a replica
 * that died had told goes with it.
 *
 * It is written when something has changed and at most once a second; while etcd is away only the newest waits.
 */
import type { EtcdPort, LeaseId } from "../etcd/etcd-port.ts";
import type { Contact, FollowTimes } from "../etcd/follow-prefix.ts";
import { PrefixFollower } from "../etcd/follow-prefix.ts";
import type { Clock } from "../support/clock.ts";

const FLEET_PREFIX = "/fairway/fleet/";

const WRITE_EVERY_MS = 1_000;

/** A replica that hangs for less keeps its place; its nodes have noticed that long before. */
const LEASE_SECONDS = 10;
const KEEP_ALIVE_MS = 3_000;

/** A replica that ends takes its key along, when etcd answers in time. */
const REVOKE_MS_MAX = 1_000;

/** What one replica has told, and when this one heard of it. */
export interface Told {
  readonly replica: string;
  readonly bytes: Uint8Array;
  readonly atMs: number;
}

export interface FleetBoardOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  readonly random: () => number;
  readonly times?: Partial<FollowTimes>;
  /** The name of this replica; no other has it. */
  readonly replica: string;
  /** What there is to tell; undefined when it is the same as the last time. */
  readonly summary: (isAnew: boolean) => Promise<Uint8Array | undefined>;
  readonly onContact: (prefix: string, contact: Contact) => void;
  readonly onWarning: (text: string) => void;
}

/** Starts at once; `close` ends it. */
export class FleetBoard {
  readonly #options: FleetBoardOptions;
  readonly #follower: PrefixFollower;
  readonly #writeTimer: NodeJS.Timeout;
  readonly #leaseTimer: NodeJS.Timeout;
  #others: readonly Told[] = [];
  #lease: LeaseId | undefined;
  #hasChanged = true;
  #isWriting = false;
  #hasFailed = false;
  #isClosed = false;

  constructor(options: FleetBoardOptions) {
    this.#options = options;
    const { etcd, clock, random, times, onContact } = options;
    this.#follower = new PrefixFollower({
      etcd,
      prefix: FLEET_PREFIX,
      clock,
      random,
      ...(times === undefined ? {} : { times }),
      follower: {
        changed: (entries, { keys }) => {
          const before = new Map(this.#others.map((told) => [told.replica, told]));
          const changed = new Set(keys);
          const atMs = clock.monotonicMs();
          this.#others = [...entries].flatMap(([key, { value }]) => {
            const replica = key.slice(FLEET_PREFIX.length);
            if (replica === options.replica) return [];
            return [(changed.has(key) ? undefined : before.get(replica)) ?? { replica, bytes: value, atMs }];
          });
        },
        contact: (contact) => onContact(FLEET_PREFIX, contact),
      },
    });
    this.#writeTimer = setInterval(() => void this.#write(), WRITE_EVERY_MS);
    this.#leaseTimer = setInterval(() => void this.#keepAlive(), KEEP_ALIVE_MS);
  }

  /** What the other replicas have told. */
  get others(): readonly Told[] {
    return this.#others;
  }

  /** There may be something new to tell. */
  changed(): void {
    this.#hasChanged = true;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#writeTimer);
    clearInterval(this.#leaseTimer);
    this.#follower.close();
    if (this.#lease === undefined) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, REVOKE_MS_MAX);
    await Promise.race([this.#options.etcd.revokeLease(this.#lease).catch(() => undefined), late]);
    clearTimeout(timer);
  }

  async #write(): Promise<void> {
    if (this.#isWriting || !this.#hasChanged || this.#isClosed) return;
    this.#isWriting = true;
    this.#hasChanged = false;
    try {
      const isAnew = this.#lease === undefined;
      const bytes = await this.#options.summary(isAnew);
      if (bytes === undefined) return;
      this.#lease ??= await this.#options.etcd.grantLease(LEASE_SECONDS);
      const key = `${FLEET_PREFIX}${this.#options.replica}`;
      await this.#options.etcd.transact([], [{ kind: "put", key, value: bytes, leaseId: this.#lease }]);
      this.#hasFailed = false;
    } catch (cause) {
      // Also a lease that has run out: the next write takes a new one, with all there is to tell.
      this.#lease = undefined;
      this.#hasChanged = true;
      const why = cause instanceof Error ? cause.message : String(cause);
      if (!this.#hasFailed) this.#options.onWarning(`the other replicas cannot be told of the nodes here: ${why}`);
      this.#hasFailed = true;
    } finally {
      this.#isWriting = false;
    }
  }

  async #keepAlive(): Promise<void> {
    if (this.#lease === undefined) return;
    try {
      const seconds = await this.#options.etcd.keepAlive(this.#lease);
      if (seconds > 0) return;
      this.#lease = undefined;
      this.#hasChanged = true;
    } catch {
      // The next one may get through before the lease ends; if not, it says so.
    }
  }
}
