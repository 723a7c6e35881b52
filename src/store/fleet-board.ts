/**
 * Where each replica tells the others of its nodes: `/fairway/fleet/<replica>`, which goes with the replica.
 *
 * It is written when something has changed, at most once a second, and the rarer the larger it is; while etcd is away only
 * the newest waits.
 */
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { Contact, FollowTimes } from "../etcd/follow-prefix.ts";
import { PrefixFollower } from "../etcd/follow-prefix.ts";
import type { Clock } from "../support/clock.ts";
import type { ReplicaKey, ReplicaKeys } from "./replica-keys.ts";

const FLEET_PREFIX = "/fairway/fleet/";

const WRITE_EVERY_MS = 1_000;

/** etcd keeps every version until it is compacted: a fleet that changes all the time must not fill it. */
const BYTES_PER_SECOND = 32 * 1024;

/**
 * A replica whose lease ended while etcd was away writes its key again within this time of its return: it has not left.
 * The wait between two tries of `LeasedKey` is in it.
 */
const LEFT_AFTER_MS = 8_000;

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
  readonly leftAfterMs?: number;
  /** What this replica has in etcd. */
  readonly keys: Pick<ReplicaKeys, "id" | "open">;
  /** What there is to tell; undefined when it is the same as the last time. */
  readonly summary: () => Promise<Uint8Array | undefined>;
  readonly onContact: (prefix: string, contact: Contact) => void;
  /** Others have come, or have been gone for a while; not called for those that were there first, nor while etcd is away. */
  readonly onReplicas: (change: { readonly joined: readonly string[]; readonly left: readonly string[] }) => void;
}

/** Starts at once; `close` ends it. */
export class FleetBoard {
  readonly #options: FleetBoardOptions;
  readonly #follower: PrefixFollower;
  readonly #key: ReplicaKey;
  readonly #timer: NodeJS.Timeout;
  #others: readonly Told[] = [];
  /** Gone, and not told yet. */
  readonly #leaving = new Set<string>();
  #leavingTimer: NodeJS.Timeout | undefined;
  #isCurrent = false;
  #hasHeard = false;
  #hasChanged = true;
  /** When what was written last has been paid for. */
  #nextAtMs = 0;
  #isSumming = false;
  #isClosed = false;

  constructor(options: FleetBoardOptions) {
    this.#options = options;
    const { etcd, clock, random, times, keys, onContact } = options;
    this.#follower = new PrefixFollower({
      etcd,
      prefix: FLEET_PREFIX,
      clock,
      random,
      ...(times === undefined ? {} : { times }),
      follower: {
        changed: (entries, change) => {
          const before = new Map(this.#others.map((told) => [told.replica, told]));
          const changed = new Set(change.keys);
          const atMs = clock.monotonicMs();
          this.#others = [...entries].flatMap(([key, { value }]) => {
            const replica = key.slice(FLEET_PREFIX.length);
            if (replica === keys.id) return [];
            return [(changed.has(key) ? undefined : before.get(replica)) ?? { replica, bytes: value, atMs }];
          });
          this.#compare(before);
        },
        contact: (contact) => {
          this.#isCurrent = contact.kind === "current";
          this.#tellLater();
          onContact(FLEET_PREFIX, contact);
        },
      },
    });
    this.#key = keys.open(FLEET_PREFIX, { gapMs: WRITE_EVERY_MS });
    this.#timer = setInterval(() => void this.#write(), WRITE_EVERY_MS);
  }

  /** What the other replicas have told. */
  get others(): readonly Told[] {
    return this.#others;
  }

  /** There may be something new to tell. */
  changed(): void {
    this.#hasChanged = true;
  }

  /** Listens and tells no more; what was told last stays for as long as the replica. */
  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    clearTimeout(this.#leavingTimer);
    this.#follower.close();
  }

  #compare(before: ReadonlyMap<string, Told>): void {
    const isFirst = !this.#hasHeard;
    this.#hasHeard = true;
    if (isFirst) return;
    const now = new Set(this.#others.map(({ replica }) => replica));
    const left = [...before.keys()].filter((replica) => !now.has(replica));
    const joined = [...now].filter((replica) => !before.has(replica) && !this.#leaving.delete(replica));
    for (const replica of left) this.#leaving.add(replica);
    if (left.length > 0) this.#tellLater();
    if (joined.length > 0) this.#options.onReplicas({ joined, left: [] });
  }

  /** Those that are still gone a while after the last one went, with contact all the time. */
  #tellLater(): void {
    clearTimeout(this.#leavingTimer);
    if (this.#leaving.size === 0 || !this.#isCurrent) return;
    this.#leavingTimer = setTimeout(() => {
      const left = [...this.#leaving];
      this.#leaving.clear();
      if (left.length > 0) this.#options.onReplicas({ joined: [], left });
    }, this.#options.leftAfterMs ?? LEFT_AFTER_MS);
  }

  async #write(): Promise<void> {
    if (this.#isSumming || !this.#hasChanged || this.#options.clock.monotonicMs() < this.#nextAtMs) return;
    this.#isSumming = true;
    this.#hasChanged = false;
    const bytes = await this.#options.summary();
    this.#isSumming = false;
    if (bytes === undefined || this.#isClosed) return;
    this.#key.set(bytes);
    this.#nextAtMs = this.#options.clock.monotonicMs() + (bytes.byteLength * 1_000) / BYTES_PER_SECOND;
  }
}
