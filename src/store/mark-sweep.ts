/**
 * Removes the marks of groups that no replica has any more; see `served-marks.ts`.
 *
 * Each replica says below `/fairway/groups/` which groups it has, for as long as it lives. A mark goes when for some time
 * every replica that is there has said so and none has named its group, and only if neither the mark nor what anybody has
 * said is another than what was looked at. So a replica that is older, or whose files differ, keeps its marks; one that
 * was cut off comes back to them within that time, and after a while without etcd it asks for no marks anyway.
 */
import { z } from "zod";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { Clock } from "../support/clock.ts";
import type { ReplicaKey, ReplicaKeys } from "./replica-keys.ts";
import { keyOfMark } from "./served-marks.ts";
import type { ServedMarks } from "./served-marks.ts";

const GROUPS_PREFIX = "/fairway/groups/";

/** Groups come and go by hand. */
const WRITE_EVERY_MS = 1_000;

export interface SweepTimes {
  readonly everyMs: number;
  /** A replica that was cut off for less finds its marks. */
  readonly graceMs: number;
}

/** A mark has some hundred bytes: there is no hurry. */
const sweepTimes: SweepTimes = { everyMs: 60_000, graceMs: 300_000 };

export interface MarkSweepOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  readonly keys: Pick<ReplicaKeys, "open">;
  /** Below it is a key for each replica that is there, whether it has said anything or not. */
  readonly replicasPrefix: string;
  readonly marks: Pick<ServedMarks, "all">;
  readonly times?: Partial<SweepTimes>;
}

interface Unclaimed {
  readonly sinceMs: number;
  readonly modRevision: number;
}

/** Starts at once; `close` ends it. */
export class MarkSweep {
  readonly #options: MarkSweepOptions;
  readonly #times: SweepTimes;
  readonly #key: ReplicaKey;
  readonly #timer: NodeJS.Timeout;
  #own: ReadonlySet<string> | undefined;
  /** By group, the marks that nobody had named when it was looked last. */
  #unclaimed: ReadonlyMap<string, Unclaimed> = new Map();
  #isSweeping = false;

  constructor(options: MarkSweepOptions) {
    this.#options = options;
    this.#times = { ...sweepTimes, ...options.times };
    this.#key = options.keys.open(GROUPS_PREFIX, { gapMs: WRITE_EVERY_MS });
    this.#timer = setInterval(() => void this.#sweep(), this.#times.everyMs);
  }

  /** The groups that this replica has; before it has said so nobody removes anything. */
  has(groups: ReadonlySet<string>): void {
    this.#own = groups;
    this.#key.set(Buffer.from(JSON.stringify([...groups].toSorted())));
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #sweep(): Promise<void> {
    if (this.#isSweeping || this.#own === undefined) return;
    this.#isSweeping = true;
    try {
      await this.#look();
    } catch {
      // Without etcd nothing is known of the others: it begins anew.
      this.#unclaimed = new Map();
    } finally {
      this.#isSweeping = false;
    }
  }

  async #look(): Promise<void> {
    const { etcd, clock, marks } = this.#options;
    const before = this.#unclaimed;
    this.#unclaimed = new Map();
    const candidates = [...marks.all].filter(([group]) => this.#own?.has(group) === false);
    if (candidates.length === 0) return;
    const { revision, entries } = await etcd.list(GROUPS_PREFIX);
    const said = new Map(entries.map(({ key, value }) => [key.slice(GROUPS_PREFIX.length), readGroups(value)]));
    const claimed = new Set<string>();
    for (const replica of await this.#replicas(said.keys())) {
      const groups = said.get(replica);
      // It has only just started, or is of another version.
      if (groups === undefined) return;
      for (const group of groups) claimed.add(group);
    }
    const nowMs = clock.monotonicMs();
    const unclaimed = new Map<string, Unclaimed>();
    for (const [group, { modRevision }] of candidates) {
      if (claimed.has(group)) continue;
      const known = before.get(group);
      unclaimed.set(group, known?.modRevision === modRevision ? known : { sinceMs: nowMs, modRevision });
    }
    this.#unclaimed = unclaimed;
    for (const [group, { sinceMs, modRevision }] of unclaimed) {
      if (nowMs - sinceMs < this.#times.graceMs) continue;
      const key = keyOfMark(group);
      await etcd.transact(
        [
          { kind: "revision", key, modRevision },
          { kind: "unchanged", prefix: GROUPS_PREFIX, sinceRevision: revision },
        ],
        [{ kind: "delete", key }],
      );
    }
  }

  /** All that are there, by any of what they write. */
  async #replicas(alsoThese: Iterable<string>): Promise<ReadonlySet<string>> {
    const { etcd, replicasPrefix } = this.#options;
    const { entries } = await etcd.list(replicasPrefix);
    return new Set([...entries.map(({ key }) => key.slice(replicasPrefix.length)), ...alsoThese]);
  }
}

function readGroups(value: Uint8Array): readonly string[] | undefined {
  try {
    return z.array(z.string()).safeParse(JSON.parse(Buffer.from(value).toString("utf8"))).data;
  } catch {
    return undefined;
  }
}
