/**
 * Which prefixes of etcd may be behind at this moment, whether it may be written, and what people are told of that.
 *
 * Each prefix is followed by itself and notices an outage at a time of its own: at once when a connection breaks, one after
 * the other when etcd hangs. People are told of one outage: what it affects, when it has lasted for a moment; all of that
 * again, when more has joined and it lasts, or when it turns out that somebody must do something; and once that it is
 * over, when that is true for all of it.
 */
import type { PushMark } from "../config/etcd-documents.ts";
import type { Contact } from "../etcd/follow-prefix.ts";
import type { NewerSchema } from "../store/schema-guard.ts";
import type { Clock } from "../support/clock.ts";
import type { EtcdContactEvent, EtcdEvent } from "./event.ts";

/** What is followed and not current. */
export interface BehindPrefix {
  readonly prefix: string;
  readonly sinceMs: number;
  /** Why, in words for people. */
  readonly reason: string;
}

/** What people are told here. */
type ToldOfEtcd =
  | EtcdContactEvent
  | Extract<EtcdEvent, { readonly kind: "etcd-schema" | "etcd-push-unfinished" | "etcd-push-ended" }>;

export interface EtcdContactsOptions {
  readonly clock: Clock;
  /** What comes within this time is told together. */
  readonly tellAfterMs?: number;
  /** What joins an outage that was told is told this much later, with all that is affected by then. */
  readonly tellAgainAfterMs?: number;
  record(event: ToldOfEtcd): void;
}

/** Prefixes notice an outage within some milliseconds of each other, unless etcd says nothing at all. */
const TELL_AFTER_MS = 1_000;

/** An etcd that hangs is noticed within 16 s by everything; most outages are over before they are told twice. */
const TELL_AGAIN_AFTER_MS = 15_000;

/** What people are told of a prefix that is not current, in this order: each asks for something else. */
const troubles = ["lost", "turned-down", "older", "other"] as const;
type Trouble = (typeof troubles)[number];

/** From when a prefix may be behind until none is. */
interface Outage {
  readonly sinceMs: number;
  /** What it began with, or why one turned the other down. */
  reason: string;
  readonly affected: Set<string>;
  /** What people have been told of, and for which prefixes. */
  readonly told: Map<Trouble, ReadonlySet<string>>;
}

/** There is one for the process; every prefix that services name may be in it. */
export class EtcdContacts {
  readonly #options: EtcdContactsOptions;
  readonly #behind = new Map<string, BehindPrefix & { readonly trouble: Trouble }>();
  /** Those that have been current before. */
  readonly #known = new Set<string>();
  /** Current for the first time, and not told yet. */
  readonly #fresh = new Set<string>();
  #outage: Outage | undefined;
  #newer: NewerSchema | undefined;
  #unfinishedPush: PushMark | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer is due. */
  #tellAtMs = Infinity;

  constructor(options: EtcdContactsOptions) {
    this.#options = options;
  }

  /** Takes how a prefix is now, when that is another than before; undefined when it is followed no more. */
  hear(prefix: string, contact: Contact | undefined): void {
    if (contact === undefined || contact.kind === "current") {
      const wasBehind = this.#behind.delete(prefix);
      if (contact !== undefined && !this.#known.has(prefix) && !wasBehind) this.#fresh.add(prefix);
      if (contact === undefined) this.#fresh.delete(prefix);
      else this.#known.add(prefix);
      if (this.#behind.size === 0) this.#end();
    } else {
      const { sinceMs } = contact;
      const { trouble, reason } = troubleOf(contact);
      this.#behind.set(prefix, { prefix, sinceMs, reason, trouble });
      this.#outage ??= { sinceMs, reason, affected: new Set(), told: new Map() };
      this.#outage.affected.add(prefix);
      if (trouble === "turned-down") this.#outage.reason = reason;
    }
    this.#tellSoon();
  }

  /** Takes that a newer Fairway has written what this one does not know, or that this is so no more. */
  hearNewer(newer: NewerSchema | undefined): void {
    this.#newer = newer;
    this.#options.record({ kind: "etcd-schema", atMs: this.#options.clock.monotonicMs(), newer });
  }

  /** Why nothing is written to etcd: a newer Fairway has. */
  newer(): NewerSchema | undefined {
    return this.#newer;
  }

  /** Takes that a push has died half way, or that there is none any more. */
  hearPush(unfinished: PushMark | undefined): void {
    const before = this.#unfinishedPush;
    this.#unfinishedPush = unfinished;
    const atMs = this.#options.clock.monotonicMs();
    if (unfinished === undefined) this.#options.record({ kind: "etcd-push-ended", atMs });
    else if (before === undefined) this.#options.record({ kind: "etcd-push-unfinished", atMs, ...unfinished });
  }

  /** The push that keeps the config in etcd from being taken over. */
  unfinishedPush(): PushMark | undefined {
    return this.#unfinishedPush;
  }

  /** Sorted by prefix. */
  behind(): readonly BehindPrefix[] {
    return [...this.#behind.values()].toSorted((left, right) => (left.prefix < right.prefix ? -1 : 1));
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #tellSoon(): void {
    const { tellAfterMs = TELL_AFTER_MS, tellAgainAfterMs = TELL_AGAIN_AFTER_MS } = this.#options;
    const told = this.#outage?.told;
    const untold = [...this.#behind.values()].filter(({ prefix, trouble }) => told?.get(trouble)?.has(prefix) !== true);
    const isNews = this.#fresh.size > 0 || untold.some(({ trouble }) => told?.has(trouble) !== true);
    if (!isNews && untold.length === 0) return;
    const waitMs = isNews ? tellAfterMs : tellAgainAfterMs;
    const atMs = this.#options.clock.monotonicMs() + waitMs;
    if (this.#tellAtMs <= atMs) return;
    clearTimeout(this.#timer);
    this.#tellAtMs = atMs;
    this.#timer = setTimeout(() => this.#tell(), waitMs);
    this.#timer.unref();
  }

  #tell(): void {
    this.#tellAtMs = Infinity;
    const atMs = this.#options.clock.monotonicMs();
    const prefixes = [...this.#fresh].toSorted();
    this.#fresh.clear();
    if (prefixes.length > 0) this.#options.record({ kind: "etcd-contact", atMs, contact: "followed", prefixes });
    for (const trouble of troubles) this.#tellTrouble(trouble, atMs);
  }

  #tellTrouble(trouble: Trouble, atMs: number): void {
    const affected = this.behind().filter(({ prefix }) => this.#behind.get(prefix)?.trouble === trouble);
    const prefixes = affected.map(({ prefix }) => prefix);
    const told = this.#outage?.told.get(trouble);
    const [first] = affected;
    if (first === undefined || prefixes.every((prefix) => told?.has(prefix) === true)) return;
    this.#outage?.told.set(trouble, new Set([...(told ?? []), ...prefixes]));
    const contact = trouble === "turned-down" ? "lost" : trouble;
    this.#options.record({ kind: "etcd-contact", atMs, contact, prefixes, reason: first.reason });
  }

  #end(): void {
    const outage = this.#outage;
    if (outage === undefined) return;
    this.#outage = undefined;
    const atMs = this.#options.clock.monotonicMs();
    this.#options.record({
      kind: "etcd-contact",
      atMs,
      contact: "back",
      prefixes: [...outage.affected].toSorted(),
      reason: outage.reason,
      lastedMs: atMs - outage.sinceMs,
    });
  }
}

function troubleOf(contact: Exclude<Contact, { readonly kind: "current" }>): Pick<BehindPrefix, "reason"> & {
  readonly trouble: Trouble;
} {
  if (contact.kind === "behind") {
    return { trouble: contact.isTurnedDown ? "turned-down" : "lost", reason: contact.reason };
  }
  const { kind, listed, known } = contact.regression;
  return kind === "cluster"
    ? { trouble: "other", reason: `its id is ${listed}, and was ${known}; it was restored, or --etcd leads to another` }
    : { trouble: "older", reason: `its revision has gone back (${listed}, known ${known}), so it was restored` };
}
