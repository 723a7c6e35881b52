/**
 * A lease that is there as long as somebody lives, for one key or several: granted when it is first needed, kept alive,
 * and granted anew when it was lost.
 *
 * Whoever writes under it asks `current` before each write, and now and then in between. What was written under another
 * id than the one that comes back is gone, and is to be written again.
 */
import type { Clock } from "../support/clock.ts";
import type { EtcdPort, LeaseId } from "./etcd-port.ts";

export interface KeptLeaseOptions {
  readonly etcd: EtcdPort;
  /** What is written under it is gone so long after the last sign of life. */
  readonly ttlSeconds: number;
  readonly clock: Clock;
}

/** Two keepalives may get lost. */
const KEEPALIVES_PER_TTL = 3;
/** At the end etcd may be away; then the lease ends by itself. */
const END_MS_MAX = 3_000;

export class KeptLease {
  readonly #options: KeptLeaseOptions;
  /** Between two keepalives. */
  readonly keepMs: number;
  #id: LeaseId | undefined;
  #keptAtMs = 0;
  /** The question that is under way. */
  #asking: Promise<LeaseId> | undefined;

  constructor(options: KeptLeaseOptions) {
    this.#options = options;
    this.keepMs = (options.ttlSeconds * 1_000) / KEEPALIVES_PER_TTL;
  }

  /** When `current` is to be asked again. */
  get dueAtMs(): number {
    return this.#keptAtMs + this.keepMs;
  }

  /** Granted, or kept alive when that is due; rejects when etcd does not answer. */
  current(): Promise<LeaseId> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** etcd did not want a write under it: it may have ended, and another one is tried. */
  distrust(id: LeaseId): void {
    if (this.#id === id) this.#id = undefined;
  }

  /** Ends it, and with it everything that was written under it. */
  async release(): Promise<void> {
    if (this.#id === undefined) return;
    await this.#options.etcd.revokeLease(this.#id);
    this.#id = undefined;
  }

  /** Releases it once nobody works with it any more, and says whether it has ended: etcd may not answer soon. */
  async releaseAfter(work: Promise<unknown>): Promise<boolean> {
    const released = work
      .then(() => this.release())
      .then(
        () => true,
        () => false,
      );
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), END_MS_MAX)));
    const isReleased = await Promise.race([released, timeout]);
    clearTimeout(timer);
    return isReleased;
  }

  async #ask(): Promise<LeaseId> {
    const { etcd, ttlSeconds, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#id !== undefined && nowMs - this.#keptAtMs < this.keepMs) return this.#id;
    if (this.#id === undefined || (await etcd.keepAlive(this.#id)) === 0) {
      this.#id = undefined;
      this.#id = await etcd.grantLease(ttlSeconds);
    }
    this.#keptAtMs = nowMs;
    return this.#id;
  }
}
