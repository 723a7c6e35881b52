/**
 * One of several that does what must be done once: whoever holds a key under a lease.
 *
 * A leader that was paused does not know that it is none any more. So holding the key is a hint, and what counts is the
 * fence: every write of a leader has `fence()` among its conditions, and etcd refuses it when the key is another's.
 */
import type { Clock } from "../support/clock.ts";
import type { Condition, EtcdPort, LeaseId } from "./etcd-port.ts";

export interface LeadershipTimes {
  readonly leaseSeconds: number;
  /** How often the lease is kept alive, or the key tried for. */
  readonly everyMs: number;
}

/** A leader that dies is followed by another in ten seconds. */
const leadershipTimes: LeadershipTimes = { leaseSeconds: 10, everyMs: 3_000 };

export interface LeadershipOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  /** What is led. */
  readonly key: string;
  /** Who leads, for people who look into etcd. */
  readonly by: string;
  readonly times?: Partial<LeadershipTimes>;
  readonly onChange: (isLeader: boolean) => void;
}

interface Held {
  readonly lease: LeaseId;
  readonly revision: number;
  untilMs: number;
}

/** Starts at once; `close` gives up the key. */
export class Leadership {
  readonly #options: LeadershipOptions;
  readonly #times: LeadershipTimes;
  readonly #timer: NodeJS.Timeout;
  #held: Held | undefined;
  #told = false;
  #isBusy = false;
  #isClosed = false;

  constructor(options: LeadershipOptions) {
    this.#options = options;
    this.#times = { ...leadershipTimes, ...options.times };
    this.#timer = setInterval(() => void this.#step(), this.#times.everyMs);
    void this.#step();
  }

  /** Whether it may be so; only the fence knows. */
  get isLeader(): boolean {
    return this.#held !== undefined && this.#options.clock.monotonicMs() < this.#held.untilMs;
  }

  /** For every write that only the leader may make; undefined when this is none. */
  fence(): Condition | undefined {
    if (this.#held === undefined) return undefined;
    return { kind: "revision", key: this.#options.key, modRevision: this.#held.revision };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) await this.#options.etcd.revokeLease(held.lease).catch(() => undefined);
  }

  async #step(): Promise<void> {
    if (this.#isBusy || this.#isClosed) return;
    this.#isBusy = true;
    try {
      await (this.#held === undefined ? this.#try() : this.#keep(this.#held));
    } catch {
      // Nobody answers: the lease goes on without us, and `isLeader` ends with it.
    }
    this.#isBusy = false;
    // Compared with what was told, because it may have ended while nobody looked.
    const { isLeader } = this;
    if (this.#isClosed || isLeader === this.#told) return;
    this.#told = isLeader;
    this.#options.onChange(isLeader);
  }

  async #keep(held: Held): Promise<void> {
    const askedAtMs = this.#options.clock.monotonicMs();
    const seconds = await this.#options.etcd.keepAlive(held.lease);
    if (seconds > 0) held.untilMs = askedAtMs + seconds * 1_000;
    else this.#held = undefined;
  }

  async #try(): Promise<void> {
    const { etcd, key, by, clock } = this.#options;
    const askedAtMs = clock.monotonicMs();
    const lease = await etcd.grantLease(this.#times.leaseSeconds);
    const outcome = await etcd
      .transact(
        [{ kind: "revision", key, modRevision: 0 }],
        [{ kind: "put", key, value: Buffer.from(by), leaseId: lease }],
      )
      .catch(async (cause: unknown) => {
        // It may have been written all the same, and goes with the lease.
        await etcd.revokeLease(lease);
        throw cause;
      });
    if (outcome.ok && !this.#isClosed) {
      this.#held = { lease, revision: outcome.revision, untilMs: askedAtMs + this.#times.leaseSeconds * 1_000 };
    } else await etcd.revokeLease(lease);
  }
}
