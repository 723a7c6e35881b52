/**
 * One key that is there as long as somebody lives: written under a lease of its own, which is kept alive.
 *
 * `set` says what the key is to be; everything else happens by itself, whatever becomes of etcd: a lease that is lost
 * is granted anew, a key that somebody deleted is written again, and while etcd does not answer it is tried again.
 * A value that somebody else wrote under our lease (a deploy tool that drains it) is taken over as what is wanted.
 * A key that another lease took (the same instance, started anew) is that one's; we leave it alone.
 */
import type { Clock } from "../support/clock.ts";
import { EtcdError } from "./etcd-error.ts";
import type { Entry, EtcdPort, LeaseId } from "./etcd-port.ts";

/** How it goes; told when it changes, and after each write. */
export type KeyContact =
  | { readonly kind: "held"; readonly revision: number }
  | { readonly kind: "changed"; readonly value: string; readonly revision: number }
  | { readonly kind: "lost"; readonly reason: string };

export interface LeasedKeyOptions {
  readonly etcd: EtcdPort;
  readonly key: string;
  /** The key is gone so long after the last sign of life. */
  readonly ttlSeconds: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** Between two writes, at least. */
  readonly gapMs?: number;
  readonly onContact?: (contact: KeyContact) => void;
}

/** Two keepalives may get lost. */
const KEEPALIVES_PER_TTL = 3;
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;
/** At the end etcd may be away; then the lease ends by itself. */
const CLOSE_MS_MAX = 3_000;

export class LeasedKey {
  readonly #options: LeasedKeyOptions;
  readonly #keepMs: number;
  #wanted: string | undefined;
  #leaseId: LeaseId | undefined;
  #keptAtMs = 0;
  #wroteAtMs = -Infinity;
  /** What is there, as far as is known. */
  #written: { readonly value: string; readonly revision: number } | undefined;
  #waiting: ((revision: number) => void)[] = [];
  #failures = 0;
  #reason: string | undefined;
  #isClosed = false;
  #isTaken = false;
  /** `set` was called since the last step began. */
  #isDirty = false;
  #wake: () => void = () => undefined;
  readonly #work: Promise<void>;

  constructor(options: LeasedKeyOptions) {
    this.#options = options;
    this.#keepMs = (options.ttlSeconds * 1_000) / KEEPALIVES_PER_TTL;
    this.#work = this.#run();
  }

  /** What the key is to be; undefined while it is to be absent. */
  get value(): string | undefined {
    return this.#wanted;
  }

  /** From now on the key is to have this value, or to be absent. */
  set(value: string | undefined): void {
    if (this.#wanted === value) return;
    this.#wanted = value;
    this.#isDirty = true;
    // While etcd does not answer it is not asked more often for that.
    if (this.#failures === 0) this.#wake();
  }

  /** Whether somebody else's lease has the key. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Resolves, with the revision of the write, when etcd has the value that is wanted. */
  held(): Promise<number> {
    if (this.#isHeld() && this.#written !== undefined) return Promise.resolve(this.#written.revision);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Takes the key away with its lease; gives up when etcd does not answer soon. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    const released = this.#work.then(() => this.#release()).catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS_MAX)));
    await Promise.race([released, timeout]);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      const waitMs = await this.#step().then(
        (dueMs) => {
          this.#failures = 0;
          return dueMs;
        },
        (cause: unknown) => this.#fail(cause),
      );
      await this.#sleep(waitMs);
    }
  }

  /** Does what is due, and returns when the next is. */
  async #step(): Promise<number> {
    const { clock, gapMs = 0 } = this.#options;
    this.#isDirty = false;
    if (this.#wanted === undefined) {
      await this.#release();
      return Infinity;
    }
    const leaseId = await this.#keep();
    if (leaseId === undefined) return 0;
    const nowMs = clock.monotonicMs();
    const gapLeftMs = this.#wroteAtMs + gapMs - nowMs;
    const mustWrite = !this.#isHeld() && !this.#isTaken;
    if (mustWrite && gapLeftMs > 0) return gapLeftMs;
    if (mustWrite) await this.#write(leaseId);
    return Math.max(this.#keptAtMs + this.#keepMs - clock.monotonicMs(), 0);
  }

  /** The lease, granted or kept; undefined when it was lost. */
  async #keep(): Promise<LeaseId | undefined> {
    const { etcd, ttlSeconds, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#leaseId === undefined) {
      this.#leaseId = await etcd.grantLease(ttlSeconds);
      this.#keptAtMs = nowMs;
    } else if (nowMs - this.#keptAtMs >= this.#keepMs) {
      if ((await etcd.keepAlive(this.#leaseId)) === 0) this.#forget();
      else {
        this.#keptAtMs = nowMs;
        await this.#compare(this.#leaseId);
      }
    }
    return this.#leaseId;
  }

  async #write(leaseId: LeaseId): Promise<void> {
    const { etcd, key, clock } = this.#options;
    const value = this.#wanted;
    if (value === undefined) return;
    this.#wroteAtMs = clock.monotonicMs();
    try {
      const { revision } = await etcd.transact([], [{ kind: "put", key, value: Buffer.from(value), leaseId }]);
      this.#written = { value, revision };
    } catch (cause) {
      // The lease may have ended since; another one is tried.
      if (cause instanceof EtcdError && cause.kind === "refused") this.#forget();
      throw cause;
    }
    this.#tellHeld();
  }

  /** Looks at what is there: a lease that lives does not prove that the key does. */
  async #compare(leaseId: LeaseId): Promise<void> {
    const { etcd, key, onContact } = this.#options;
    const { entries } = await etcd.list(key);
    const entry: Entry | undefined = entries.find((each) => each.key === key);
    this.#isTaken = entry !== undefined && entry.leaseId !== leaseId;
    if (entry === undefined) {
      this.#written = undefined;
    } else if (this.#isTaken) {
      this.#tellLost(`${key} is held by another lease`);
    } else {
      const value = Buffer.from(entry.value).toString("utf8");
      const before = this.#written?.value;
      if (before !== undefined && before !== value && this.#wanted === before) {
        this.#wanted = value;
        this.#written = { value, revision: entry.modRevision };
        onContact?.({ kind: "changed", value, revision: entry.modRevision });
      }
      this.#reason = undefined;
    }
  }

  async #release(): Promise<void> {
    const leaseId = this.#leaseId;
    this.#isTaken = false;
    if (leaseId === undefined) return;
    await this.#options.etcd.revokeLease(leaseId);
    this.#forget();
  }

  #forget(): void {
    this.#leaseId = undefined;
    this.#written = undefined;
  }

  #isHeld(): boolean {
    return this.#written !== undefined && this.#written.value === this.#wanted;
  }

  #tellHeld(): void {
    this.#reason = undefined;
    const revision = this.#written?.revision;
    if (revision === undefined) return;
    this.#options.onContact?.({ kind: "held", revision });
    if (!this.#isHeld()) return;
    for (const resolve of this.#waiting.splice(0)) resolve(revision);
  }

  #tellLost(reason: string): void {
    if (this.#reason === reason) return;
    this.#reason = reason;
    this.#options.onContact?.({ kind: "lost", reason });
  }

  #fail(cause: unknown): number {
    if (!this.#isClosed) this.#tellLost(cause instanceof Error ? cause.message : String(cause));
    const waitMs = Math.min(RETRY_MS_MIN * 2 ** Math.min(this.#failures, 20), RETRY_MS_MAX);
    this.#failures += 1;
    return waitMs * (0.5 + 0.5 * this.#options.random());
  }

  /** Until the time is over, or what is wanted changes. */
  async #sleep(waitMs: number): Promise<void> {
    if (this.#isClosed || waitMs <= 0 || (this.#isDirty && this.#failures === 0)) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (waitMs !== Infinity) timer = setTimeout(resolve, waitMs);
    });
    clearTimeout(timer);
    this.#wake = () => undefined;
  }
}
