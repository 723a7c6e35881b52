/**
 * Follows everything under a prefix: lists it, watches from there on, and never trusts the watch alone.
 *
 * - A watch that says nothing for `silentMs`, although it is asked to, is given up: the member hangs or is cut off.
 * - Whatever ends a watch (a restart, compaction, a lost leader), the prefix is listed again before the next one.
 * - Every `relistMs` it is listed anyway, which puts right what a watch has lost.
 * - A listing that is older than what is known is not taken until somebody says so: etcd was restored from a backup.
 * - While nobody answers it tries again, later and later and at random, so that a fleet of replicas does not come at once.
 *
 * What was read last stays what is known, whatever happens.
 */
import type { Clock } from "../support/clock.ts";
import type { EtcdErrorKind } from "./etcd-error.ts";
import { EtcdError } from "./etcd-error.ts";
import type { Change, Entry, EtcdPort, Watch } from "./etcd-port.ts";
import type { Mirror, MirrorOutcome, Regression } from "./mirror.ts";
import { createMirror, regressionOf, takeChanges, takeListing } from "./mirror.ts";

/** What somebody who follows a prefix is told; never more than one call at a time. */
export interface Follower {
  /** Everything there is, after the first listing and after each change. The map is the follower's own: copy what stays. */
  changed(entries: ReadonlyMap<string, Entry>, change: FollowedChange): void;
  /** All that happened up to this revision is known, and was told if it was anything. */
  reached?(revision: number): void;
  /** How it goes, when that is another than before, or for a reason of another kind. */
  contact(contact: Contact): void;
}

/** What led to a state. */
export interface FollowedChange {
  /** At which the newest of the changes was made; of what a listing finds gone, the listing's. */
  readonly revision: number;
  /** Keys that came, went or have another value; in the first state all. */
  readonly keys: readonly string[];
  /** Of these, what the watch had lost and a listing put right. */
  readonly lostCount: number;
}

/** How far what is known can be relied on. */
export type Contact =
  | { readonly kind: "current" }
  /** etcd does not answer, or the watch is being set up anew: what is known may be behind. */
  | {
      readonly kind: "behind";
      /** Whether one turns the other down, by certificates or rights, which goes on until a person does something. */
      readonly isTurnedDown: boolean;
      readonly reason: string;
      readonly sinceMs: number;
    }
  /** etcd has an older state than what is known. */
  | { readonly kind: "older"; readonly regression: Regression; readonly sinceMs: number };

export interface FollowTimes {
  readonly relistMs: number;
  readonly pingMs: number;
  readonly silentMs: number;
  readonly retryMsMin: number;
  readonly retryMsMax: number;
}

/** A hung member is noticed in twelve seconds, a lost change in thirty. */
const followTimes: FollowTimes = {
  relistMs: 30_000,
  pingMs: 4_000,
  silentMs: 12_000,
  retryMsMin: 100,
  retryMsMax: 10_000,
};

export interface FollowOptions {
  readonly etcd: EtcdPort;
  readonly prefix: string;
  readonly follower: Follower;
  readonly clock: Clock;
  /** From 0 to 1; spreads what replicas do. */
  readonly random: () => number;
  readonly times?: Partial<FollowTimes>;
}

/** Starts at once; `close` ends it. */
export class PrefixFollower {
  readonly #options: FollowOptions;
  readonly #times: FollowTimes;
  #mirror: Mirror = createMirror();
  #hasListed = false;
  /** The listing that is under way. */
  #listing: Promise<boolean> | undefined;
  #watch: Watch | undefined;
  #heardAtMs = 0;
  #failures = 0;
  #contact: Contact["kind"] | undefined;
  /** While it is behind: since when, and the kinds of reasons that were told. */
  #behindSinceMs = 0;
  readonly #toldKinds = new Set<string>();
  #acceptsOlder = false;
  #listTimer: NodeJS.Timeout | undefined;
  #pingTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: FollowOptions) {
    this.#options = options;
    this.#times = { ...followTimes, ...options.times };
    this.#pingTimer = setInterval(() => this.#check(), this.#times.pingMs);
    void this.#list();
  }

  /** The newest revision up to which everything is known; 0 before the first listing. */
  get revision(): number {
    return this.#mirror.revision;
  }

  /** Lists once more, from after this call on; whether etcd has answered with a state that may be taken. */
  async lookAgain(): Promise<boolean> {
    await this.#listing;
    return this.#list();
  }

  /** Takes the state that etcd has, although it is older than what is known. */
  acceptOlder(): void {
    this.#acceptsOlder = true;
    this.#listIn(0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#listTimer);
    clearInterval(this.#pingTimer);
    this.#watch?.close();
  }

  /** One at a time: who comes meanwhile gets what the first finds. */
  #list(): Promise<boolean> {
    this.#listing ??= this.#listOnce().finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  async #listOnce(): Promise<boolean> {
    if (this.#isClosed) return false;
    try {
      const known = this.#mirror.revision;
      const listing = await this.#options.etcd.list(this.#options.prefix);
      if (this.#isClosed) return false;
      const regression = regressionOf(this.#mirror, listing, known);
      if (regression !== undefined && !this.#acceptsOlder) {
        this.#say({ kind: "older", regression, sinceMs: this.#options.clock.monotonicMs() });
        this.#retry();
        return false;
      }
      if (regression !== undefined) this.#forget();
      this.#acceptsOlder = false;
      this.#failures = 0;
      const outcome = takeListing(this.#mirror, listing);
      this.#tell(outcome, changedAt(outcome.changedKeys, this.#mirror, listing.revision));
      // Not from the next revision on: before there is one, etcd would not answer whether the watch is alive
      // (`progressIfSync` in its watchable_store.go). What the watch repeats of the listing counts no more.
      this.#watch ??= this.#openWatch(listing.revision);
      this.#say({ kind: "current" });
      this.#listIn(this.#times.relistMs * (0.8 + 0.4 * this.#options.random()));
      return true;
    } catch (cause) {
      if (this.#isClosed) return false;
      this.#behind(
        cause instanceof Error ? cause.message : String(cause),
        cause instanceof EtcdError ? cause.kind : "",
      );
      this.#retry();
      return false;
    }
  }

  /** Of what was known only the values stay, to be compared: their revisions belong to another history. */
  #forget(): void {
    this.#watch?.close();
    this.#watch = undefined;
    const { entries } = this.#mirror;
    this.#mirror = createMirror();
    for (const [key, entry] of entries) this.#mirror.entries.set(key, { ...entry, modRevision: 0 });
  }

  #openWatch(fromRevision: number): Watch {
    this.#heardAtMs = this.#options.clock.monotonicMs();
    const watch: Watch = this.#options.etcd.watch(this.#options.prefix, fromRevision, {
      changed: (changes, revision) => {
        if (this.#watch === watch) this.#take(changes, revision);
      },
      heard: () => {
        if (this.#watch === watch) this.#heardAtMs = this.#options.clock.monotonicMs();
      },
      ended: (reason) => {
        if (this.#watch === watch) this.#lose(reason);
      },
    });
    return watch;
  }

  #take(changes: readonly Change[], revision: number): void {
    this.#tell(takeChanges(this.#mirror, changes, revision), revision);
  }

  #lose(reason: string): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#behind(reason);
    this.#retry();
  }

  #check(): void {
    if (this.#watch === undefined) return;
    const silentMs = this.#options.clock.monotonicMs() - this.#heardAtMs;
    if (silentMs > this.#times.silentMs) this.#lose(`etcd has said nothing for ${Math.round(silentMs / 1000)} s`);
    else this.#watch.ping();
  }

  /** Twice as late each time, at random between half of that and all. */
  #retry(): void {
    const { retryMsMin, retryMsMax } = this.#times;
    const waitMs = Math.min(retryMsMin * 2 ** Math.min(this.#failures, 20), retryMsMax);
    this.#failures += 1;
    this.#listIn(waitMs * (0.5 + 0.5 * this.#options.random()));
  }

  #listIn(waitMs: number): void {
    clearTimeout(this.#listTimer);
    if (!this.#isClosed) this.#listTimer = setTimeout(() => void this.#list(), waitMs);
  }

  #tell({ changedKeys, lostCount }: MirrorOutcome, revision: number): void {
    const { follower } = this.#options;
    if (!this.#hasListed || changedKeys.length > 0) {
      this.#hasListed = true;
      follower.changed(this.#mirror.entries, { revision, keys: changedKeys, lostCount });
    }
    follower.reached?.(this.#mirror.revision);
  }

  /** A reason of another kind is told as well: first the watch breaks, and then it is seen why. */
  #behind(reason: string, kind: EtcdErrorKind | "" = "unavailable"): void {
    if (this.#contact !== "behind") {
      this.#behindSinceMs = this.#options.clock.monotonicMs();
      this.#toldKinds.clear();
    }
    if (this.#toldKinds.has(kind)) return;
    this.#toldKinds.add(kind);
    this.#contact = "behind";
    const isTurnedDown = kind === "untrusted" || kind === "denied";
    this.#options.follower.contact({ kind: "behind", isTurnedDown, reason, sinceMs: this.#behindSinceMs });
  }

  #say(contact: Contact): void {
    if (this.#contact === contact.kind) return;
    this.#contact = contact.kind;
    this.#options.follower.contact(contact);
  }
}

function changedAt(keys: readonly string[], { entries }: Mirror, listedRevision: number): number {
  return keys.reduce((newest, key) => Math.max(newest, entries.get(key)?.modRevision ?? listedRevision), 0);
}
