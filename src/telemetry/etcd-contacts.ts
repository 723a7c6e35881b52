/**
 * Which prefixes of etcd may be behind at this moment, whether it may be written, and what people are told of that.
 *
 * Each prefix is followed by itself and notices an outage at a time of its own. People are told of one outage: once what
 * it affects, when it has lasted for a moment, and once that it is over, when that is true for all of it.
 */
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

export interface EtcdContactsOptions {
  readonly clock: Clock;
  /** What comes within this time is told together. */
  readonly tellAfterMs?: number;
  record(event: EtcdContactEvent | Extract<EtcdEvent, { readonly kind: "etcd-schema" }>): void;
}

/** Prefixes notice an outage within some milliseconds of each other, unless etcd says nothing at all. */
const TELL_AFTER_MS = 1_000;

/** From when a prefix may be behind until none is. */
interface Outage {
  readonly sinceMs: number;
  readonly reason: string;
  readonly affected: Set<string>;
  /** The kinds of contact that people have been told of. */
  readonly told: Set<Contact["kind"]>;
}

/** There is one for the process; every prefix that services name may be in it. */
export class EtcdContacts {
  readonly #options: EtcdContactsOptions;
  readonly #behind = new Map<string, BehindPrefix & { readonly kind: Contact["kind"] }>();
  /** Those that have been current before. */
  readonly #known = new Set<string>();
  /** Current for the first time, and not told yet. */
  readonly #fresh = new Set<string>();
  #outage: Outage | undefined;
  #newer: NewerSchema | undefined;
  #timer: NodeJS.Timeout | undefined;

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
      const { kind, sinceMs } = contact;
      const reason = kind === "behind" ? contact.reason : olderReason(contact.regression);
      this.#behind.set(prefix, { prefix, sinceMs, reason, kind });
      this.#outage ??= { sinceMs, reason, affected: new Set(), told: new Set() };
      this.#outage.affected.add(prefix);
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

  /** Sorted by prefix. */
  behind(): readonly BehindPrefix[] {
    return [...this.#behind.values()].toSorted((left, right) => (left.prefix < right.prefix ? -1 : 1));
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #tellSoon(): void {
    const isNews = [...this.#behind.values()].some(({ kind }) => this.#outage?.told.has(kind) === false);
    if (this.#timer !== undefined || (!isNews && this.#fresh.size === 0)) return;
    this.#timer = setTimeout(() => this.#tell(), this.#options.tellAfterMs ?? TELL_AFTER_MS);
    this.#timer.unref();
  }

  #tell(): void {
    this.#timer = undefined;
    const atMs = this.#options.clock.monotonicMs();
    const prefixes = [...this.#fresh].toSorted();
    this.#fresh.clear();
    if (prefixes.length > 0) this.#options.record({ kind: "etcd-contact", atMs, contact: "followed", prefixes });
    for (const kind of ["behind", "older"] as const) this.#tellLost(kind, atMs);
  }

  #tellLost(kind: "behind" | "older", atMs: number): void {
    const lost = this.behind().filter(({ prefix }) => this.#behind.get(prefix)?.kind === kind);
    const [first] = lost;
    if (first === undefined || this.#outage === undefined || this.#outage.told.has(kind)) return;
    this.#outage.told.add(kind);
    const prefixes = lost.map(({ prefix }) => prefix);
    const contact = kind === "behind" ? "lost" : "older";
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

function olderReason(regression: Extract<Contact, { readonly kind: "older" }>["regression"]): string {
  const { listed, known } = regression;
  const what = regression.kind === "cluster" ? "it is another cluster" : "its revision has gone back";
  return `${what} (${listed}, known ${known}), so it was restored or is another etcd`;
}
