/**
 * One key that is there as long as somebody lives: written under a lease that is kept alive, see `kept-lease.ts`.
 *
 * `set` says what the key is to be; everything else happens by itself, whatever becomes of etcd: what is lost with its
 * lease or deleted by somebody is written again, and while etcd does not answer it is tried again.
 * A value that somebody else wrote under our lease (a deploy tool that drains it) is taken over as what is wanted.
 * A key that somebody wrote without any lease (`etcdctl put`) would stay for ever: it is taken under ours, as it is, or
 * away when it is to be absent. A key that another lease took (the same instance, started anew) is that one's; we leave
 * it alone.
 */
import type { Clock } from "../support/clock.ts";
import type { EtcdErrorKind } from "./etcd-error.ts";
import { EtcdError } from "./etcd-error.ts";
import type { Entry, EtcdPort, LeaseId } from "./etcd-port.ts";
import type { KeptLease } from "./kept-lease.ts";

/** How it goes; told when it changes, and after each write. */
export type KeyContact =
  | { readonly kind: "held"; readonly revision: number }
  /** By somebody else; `isTakenOver`: without a lease, and ours was given to it. */
  | { readonly kind: "changed"; readonly value: Uint8Array; readonly revision: number; readonly isTakenOver: boolean }
  /** `error`: of what kind, when etcd or what is before it has said so. */
  | { readonly kind: "lost"; readonly reason: string; readonly error?: EtcdErrorKind };

export interface LeasedKeyOptions {
  readonly etcd: EtcdPort;
  readonly key: string;
  readonly lease: KeptLease;
  readonly clock: Clock;
  readonly random: () => number;
  /** Between two writes, at least. */
  readonly gapMs?: number;
  /** Whether a value that somebody wrote without a lease is still ours; any is when absent. */
  readonly isOurs?: (value: Uint8Array) => boolean;
  readonly onContact?: (contact: KeyContact) => void;
}

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;

interface Written {
  readonly value: Uint8Array;
  readonly revision: number;
  readonly leaseId: LeaseId;
}

export class LeasedKey {
  readonly #options: LeasedKeyOptions;
  #wanted: Uint8Array | undefined;
  #lookedAtMs = 0;
  #wroteAtMs = -Infinity;
  /** What is there, as far as is known. */
  #written: Written | undefined;
  #waiting: ((revision: number) => void)[] = [];
  readonly #looking: (() => void)[] = [];
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
    this.#work = this.#run();
  }

  /** What the key is to be; undefined while it is to be absent. */
  get value(): Uint8Array | undefined {
    return this.#wanted;
  }

  /** From now on the key is to have this value, or to be absent; its lease is released then. */
  set(value: Uint8Array | undefined): void {
    if (areSame(this.#wanted, value)) return;
    this.#wanted = value;
    this.#isDirty = true;
    // While etcd does not answer it is not asked more often for that.
    if (this.#failures === 0) this.#wake();
  }

  /** Resolves when whatever somebody else wrote before this call has been taken over; else that is seen with the next keepalive. */
  look(): Promise<void> {
    this.#isDirty = true;
    const looked = new Promise<void>((resolve) => this.#looking.push(resolve));
    if (this.#failures === 0) this.#wake();
    return looked;
  }

  /** Whether somebody else has the key. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Resolves, with the revision of the write, when etcd has the value that is wanted. */
  held(): Promise<number> {
    if (this.#isHeld() && this.#written !== undefined) return Promise.resolve(this.#written.revision);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Writes no more; the key stays for as long as its lease. */
  stop(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    return this.#work;
  }

  /** Takes the key away with its lease; false when etcd does not answer soon, then it goes when the lease ends. */
  close(): Promise<boolean> {
    return this.#options.lease.releaseAfter(this.stop().then(() => this.#removeUnleased().catch(() => undefined)));
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
    const { clock, lease, gapMs = 0 } = this.#options;
    this.#isDirty = false;
    if (this.#wanted === undefined) {
      await this.#removeUnleased();
      this.#isTaken = false;
      await lease.release();
      this.#written = undefined;
      for (const resolve of this.#looking.splice(0)) resolve();
      return Infinity;
    }
    const leaseId = await lease.current();
    if (this.#written?.leaseId !== leaseId) this.#written = undefined;
    const isKnown = this.#written !== undefined || this.#isTaken;
    const lookingCount = this.#looking.length;
    const isDue = clock.monotonicMs() - this.#lookedAtMs >= lease.keepMs;
    if (isKnown && (isDue || lookingCount > 0)) await this.#compare(leaseId);
    for (const resolve of this.#looking.splice(0, lookingCount)) resolve();
    const nowMs = clock.monotonicMs();
    const gapLeftMs = this.#wroteAtMs + gapMs - nowMs;
    const mustWrite = !this.#isHeld() && !this.#isTaken;
    if (mustWrite && gapLeftMs > 0) return gapLeftMs;
    if (mustWrite) await this.#write(leaseId);
    // It was there all the time.
    if (this.#reason !== undefined && !this.#isTaken) this.#tellHeld();
    return Math.max(Math.min(this.#lookedAtMs + lease.keepMs, lease.dueAtMs) - clock.monotonicMs(), 0);
  }

  async #write(leaseId: LeaseId): Promise<void> {
    const { etcd, key, lease, clock } = this.#options;
    const value = this.#wanted;
    if (value === undefined) return;
    this.#wroteAtMs = clock.monotonicMs();
    try {
      const { revision } = await etcd.transact([], [{ kind: "put", key, value, leaseId }]);
      this.#written = { value, revision, leaseId };
      this.#lookedAtMs = this.#wroteAtMs;
    } catch (cause) {
      if (cause instanceof EtcdError && cause.kind === "refused") lease.distrust(leaseId);
      throw cause;
    }
    this.#tellHeld();
  }

  /** Looks at what is there: a lease that lives does not prove that the key does. */
  async #compare(leaseId: LeaseId): Promise<void> {
    const { etcd, key, clock, onContact } = this.#options;
    this.#lookedAtMs = clock.monotonicMs();
    // The value, which may be large, comes only when it is another one.
    const seen = await etcd.transact([{ kind: "revision", key, modRevision: this.#written?.revision ?? 0 }], []);
    if (seen.ok && this.#written !== undefined) return;
    const entry = seen.ok ? undefined : seen.current.get(key);
    if (entry === undefined) {
      this.#isTaken = false;
      this.#written = undefined;
      return;
    }
    const isTakenOver = entry.leaseId === undefined && this.#isOurs(entry);
    this.#isTaken = !isTakenOver && entry.leaseId !== leaseId;
    if (this.#isTaken) {
      const whose =
        entry.leaseId === undefined ? "was written without a lease as another one" : "is held by another lease";
      return this.#tellLost(`${key} ${whose}`);
    }
    const revision = isTakenOver ? await this.#takeOver(entry, leaseId) : entry.modRevision;
    const { value } = entry;
    const before = this.#written?.value;
    if (revision === undefined || before === undefined || !areSame(this.#wanted, before)) return;
    this.#wanted = value;
    this.#written = { value, revision, leaseId };
    if (isTakenOver || !areSame(before, value)) onContact?.({ kind: "changed", value, revision, isTakenOver });
  }

  #isOurs({ value }: Entry): boolean {
    return this.#options.isOurs?.(value) ?? true;
  }

  /** Puts what has no lease under ours; undefined when somebody wrote it meanwhile, and it is looked at again. */
  async #takeOver({ key, value, modRevision }: Entry, leaseId: LeaseId): Promise<number | undefined> {
    const { etcd } = this.#options;
    const put = { kind: "put", key, value, leaseId } as const;
    const written = await etcd.transact([{ kind: "revision", key, modRevision }], [put]);
    if (written.ok) return written.revision;
    this.#lookedAtMs = -Infinity;
    return undefined;
  }

  /** What we had and somebody wrote without a lease does not go with ours. */
  async #removeUnleased(): Promise<void> {
    const { etcd, key } = this.#options;
    if (this.#written === undefined || this.#isTaken) return;
    const { revision } = this.#written;
    const seen = await etcd.transact([{ kind: "revision", key, modRevision: revision }], []);
    const entry = seen.ok ? undefined : seen.current.get(key);
    if (entry === undefined || entry.leaseId !== undefined || !this.#isOurs(entry)) return;
    const { modRevision } = entry;
    await etcd.transact([{ kind: "revision", key, modRevision }], [{ kind: "delete", key }]);
  }

  #isHeld(): boolean {
    return this.#written !== undefined && areSame(this.#written.value, this.#wanted);
  }

  #tellHeld(): void {
    this.#reason = undefined;
    const revision = this.#written?.revision;
    if (revision === undefined) return;
    this.#options.onContact?.({ kind: "held", revision });
    if (!this.#isHeld()) return;
    for (const resolve of this.#waiting.splice(0)) resolve(revision);
  }

  #tellLost(reason: string, error?: EtcdErrorKind): void {
    if (this.#reason === reason) return;
    this.#reason = reason;
    this.#options.onContact?.({ kind: "lost", reason, ...(error === undefined ? {} : { error }) });
  }

  #fail(cause: unknown): number {
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (!this.#isClosed) this.#tellLost(reason, cause instanceof EtcdError ? cause.kind : undefined);
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

function areSame(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  return left === right || (left !== undefined && right !== undefined && Buffer.compare(left, right) === 0);
}
