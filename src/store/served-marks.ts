/**
 * What the replicas together have served: for each group its newest version, and the revisions of etcd that it is made of.
 *
 * The keys below `/fairway/served/` are raised by compare-and-swap and never lowered, by whichever replica comes first.
 * Every replica follows them, so that one that lags behind knows it. Those of groups that nobody has are removed in time,
 * see `mark-sweep.ts`.
 */
import { z } from "zod";
import type { Entry, EtcdPort, Write } from "../etcd/etcd-port.ts";
import type { Contact, FollowTimes } from "../etcd/follow-prefix.ts";
import { PrefixFollower } from "../etcd/follow-prefix.ts";
import type { Positions, Progress } from "../etcd/positions.ts";
import { hasAll, hasMore, newest } from "../etcd/positions.ts";
import type { Clock } from "../support/clock.ts";

const SERVED_PREFIX = "/fairway/served/";

/** Beyond that nobody waits for an answer, although it may still come. */
const LOOK_MS_MAX = 2_000;

/** etcd takes 128 operations in a transaction. */
const MARKS_PER_WRITE = 50;

/** After a failure; what is to be written meanwhile replaces what waits. */
const RETRY_MS = 1_000;

/** The newest that any replica has served to a group. */
export interface ServedMark extends Pick<Progress, "changed"> {
  readonly version: string;
}

/** What a replica serves. */
export interface Served extends ServedMark, Progress {}

export interface ServedMarksOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  readonly random: () => number;
  readonly times?: Partial<FollowTimes>;
  /** Who writes, for people who look into etcd. */
  readonly by: string;
  /** Whether this replica has the group. */
  readonly has: (group: string) => boolean;
  /** The marks or the contact are other than before. */
  readonly onChange: () => void;
  readonly onContact: (prefix: string, contact: Contact) => void;
  readonly onWarning: (text: string) => void;
}

/** A mark as it is in etcd. */
interface KnownMark extends ServedMark {
  readonly modRevision: number;
}

/** Starts at once; `close` ends it. */
export class ServedMarks {
  readonly #options: ServedMarksOptions;
  readonly #follower: PrefixFollower;
  #marks = new Map<string, KnownMark>();
  /** What this replica has served and nobody has marked yet; at most one for each group. */
  readonly #unwritten = new Map<string, Served>();
  #isWriting = false;
  #hasFailed = false;
  #retryTimer: NodeJS.Timeout | undefined;
  #contact: "current" | "lost" = "lost";
  #reason = "etcd has not answered yet";
  #lostAtMs: number;
  #isClosed = false;

  constructor(options: ServedMarksOptions) {
    const { etcd, clock, random, times, onChange, onContact } = options;
    this.#options = options;
    this.#lostAtMs = clock.monotonicMs();
    this.#follower = new PrefixFollower({
      etcd,
      prefix: SERVED_PREFIX,
      clock,
      random,
      ...(times === undefined ? {} : { times }),
      follower: {
        changed: (entries) => {
          const marks = readMarks(entries);
          // Whoever has removed it did not know that there is somebody who has the group.
          for (const [group, mark] of this.#marks) {
            if (!marks.has(group) && options.has(group)) marks.set(group, { ...mark, modRevision: 0 });
          }
          this.#marks = marks;
          onChange();
        },
        contact: (contact) => {
          if (contact.kind === "current") this.#contact = "current";
          else
            this.#lose(contact.kind === "behind" ? contact.reason : "etcd has an older state, or is another cluster");
          onContact(SERVED_PREFIX, contact);
          onChange();
        },
      },
    });
  }

  /** The newest that is known of a group. */
  of(group: string): ServedMark | undefined {
    return this.#marks.get(group);
  }

  /** Those of all groups, also of groups that this replica does not have. */
  get all(): ReadonlyMap<string, KnownMark> {
    return this.#marks;
  }

  /** Why, and since when, there may be newer marks than are known; undefined while etcd is followed. */
  get lost(): { readonly reason: string; readonly sinceMs: number } | undefined {
    return this.#contact === "lost" ? { reason: this.#reason, sinceMs: this.#lostAtMs } : undefined;
  }

  /** Asks etcd for the newest; resolves in 2 s in any case, and `lost` says how it went. */
  async look(): Promise<void> {
    if (this.lost !== undefined) return;
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(() => resolve("late"), LOOK_MS_MAX);
    const found = await Promise.race([this.#follower.lookAgain(), late]);
    clearTimeout(timer);
    if (found === "late") {
      this.#lose("etcd does not answer in time");
      // The follower believes to be in contact; when the answer comes, it is.
      void this.#follower.lookAgain().then((answered) => {
        if (!answered || this.#isClosed) return;
        this.#contact = "current";
        this.#options.onChange();
      });
    }
  }

  /** Says what this replica serves; in the background, and only what is newer than what is marked. */
  raise(served: ReadonlyMap<string, Served>): void {
    for (const [group, each] of served) if (this.#isNews(group, each)) this.#unwritten.set(group, each);
    if (!this.#isWriting && this.#retryTimer === undefined) void this.#write();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.#follower.close();
  }

  #lose(reason: string): void {
    if (this.#contact === "current") this.#lostAtMs = this.#options.clock.monotonicMs();
    this.#contact = "lost";
    this.#reason = reason;
  }

  /** It has all that the mark has, and more, and is something else. */
  #isNews(group: string, { version, changed, reached }: Served): boolean {
    const mark = this.#marks.get(group);
    if (mark === undefined) return true;
    return version !== mark.version && hasAll(reached, mark.changed) && hasMore(changed, mark.changed);
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#unwritten.size > 0 && !this.#isClosed) await this.#writeSome();
      this.#hasFailed = false;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      if (!this.#hasFailed) this.#options.onWarning(`what is served cannot be marked for other replicas: ${why}`);
      this.#hasFailed = true;
      this.#retryTimer = setTimeout(() => {
        this.#retryTimer = undefined;
        if (!this.#isClosed) void this.#write();
      }, RETRY_MS);
    } finally {
      this.#isWriting = false;
    }
  }

  async #writeSome(): Promise<void> {
    for (const [group, mark] of this.#unwritten) if (!this.#isNews(group, mark)) this.#unwritten.delete(group);
    const some = [...this.#unwritten].slice(0, MARKS_PER_WRITE);
    if (some.length === 0) return;
    const outcome = await this.#options.etcd.transact(
      some.map(([group]) => ({
        kind: "revision",
        key: keyOfMark(group),
        modRevision: this.#marks.get(group)?.modRevision ?? 0,
      })),
      some.map(([group, mark]) => this.#put(group, mark)),
    );
    for (const [group, mark] of some) {
      if (outcome.ok) {
        if (this.#unwritten.get(group) === mark) this.#unwritten.delete(group);
        this.#marks.set(group, {
          version: mark.version,
          changed: this.#risen(group, mark),
          modRevision: outcome.revision,
        });
        continue;
      }
      const entry = outcome.current.get(keyOfMark(group));
      const current = entry && readMark(entry);
      // What is there is no mark: whoever wrote it is overwritten next time.
      if (entry !== undefined) this.#marks.set(group, current ?? { ...unmarked, modRevision: entry.modRevision });
      else this.#marks.delete(group);
    }
    if (!outcome.ok) this.#options.onChange();
  }

  #put(group: string, served: Served): Write {
    const changed = this.#risen(group, served);
    const text = JSON.stringify({
      version: served.version,
      revision: Math.max(0, ...changed.values()),
      revisions: Object.fromEntries(changed),
      by: this.#options.by,
      at: new Date(this.#options.clock.nowMs()).toISOString(),
    });
    return { kind: "put", key: keyOfMark(group), value: Buffer.from(text) };
  }

  /** What was marked is in it as well, whatever it was last told of it. */
  #risen(group: string, { changed }: Served): Positions {
    return newest(changed, this.#marks.get(group)?.changed ?? new Map());
  }
}

/** By group the newest version that any replica has served, as a majority of etcd has it now. */
export async function readServedVersions(etcd: EtcdPort): Promise<ReadonlyMap<string, string>> {
  const { entries } = await etcd.list(SERVED_PREFIX);
  return new Map(
    entries.flatMap((entry) => {
      const mark = readMark(entry);
      return mark === undefined ? [] : [[entry.key.slice(SERVED_PREFIX.length), mark.version]];
    }),
  );
}

/** A newer Fairway may say more. */
const markSchema = z.object({
  version: z.string().max(64),
  revisions: z.record(z.string(), z.number().int().nonnegative()),
});

/** No version is equal to it, and every state has all that it has. */
const unmarked: ServedMark = { version: "", changed: new Map() };

export function keyOfMark(group: string): string {
  return `${SERVED_PREFIX}${group}`;
}

function readMarks(entries: ReadonlyMap<string, Entry>): Map<string, KnownMark> {
  const marks = new Map<string, KnownMark>();
  for (const [key, entry] of entries) {
    const mark = readMark(entry) ?? { ...unmarked, modRevision: entry.modRevision };
    marks.set(key.slice(SERVED_PREFIX.length), mark);
  }
  return marks;
}

/** A mark of a revision that its own write comes before is of another etcd, copied here: it says nothing. */
function readMark({ value, modRevision }: Entry): KnownMark | undefined {
  try {
    const { version, revisions } = markSchema.parse(JSON.parse(Buffer.from(value).toString("utf8")));
    const changed = new Map(Object.entries(revisions));
    if ([...changed.values()].some((revision) => revision >= modRevision)) return undefined;
    return { version, changed, modRevision };
  } catch {
    return undefined;
  }
}
