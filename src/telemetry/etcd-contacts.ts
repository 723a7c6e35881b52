/**
 * Which prefixes of etcd may be behind at this moment, and since when: a fold over events.
 */
import type { FairwayEvent } from "./event.ts";

/** What is followed and not current. */
export interface BehindPrefix {
  readonly prefix: string;
  readonly sinceMs: number;
  /** Why, in words for people. */
  readonly reason: string;
}

/** There is one for the process; every prefix that services name may be in it. */
export class EtcdContacts {
  readonly #behind = new Map<string, BehindPrefix>();

  record(event: FairwayEvent): void {
    if (event.kind !== "etcd-contact") return;
    const { prefix, contact } = event;
    if (contact.kind === "current") this.#behind.delete(prefix);
    else {
      const reason =
        contact.kind === "behind" ? contact.reason : "it was restored from an older state, or is another etcd";
      this.#behind.set(prefix, { prefix, sinceMs: contact.sinceMs, reason });
    }
  }

  /** Sorted by prefix. */
  behind(): readonly BehindPrefix[] {
    return [...this.#behind.values()].toSorted((left, right) => (left.prefix < right.prefix ? -1 : 1));
  }
}
