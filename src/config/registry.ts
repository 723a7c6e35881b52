/**
 * The instances that register in etcd, for the services that the config names: followed, and handed on as changes.
 *
 * What is below the usual root is followed once for all services; a prefix elsewhere has a follower of its own. Changes
 * are told at once after a quiet time, and then no more often than a build takes: a hundred instances that flap make
 * no hundred builds.
 */
import type { Entry, EtcdPort } from "../etcd/etcd-port.ts";
import type { Contact, FollowedChange, FollowTimes } from "../etcd/follow-prefix.ts";
import type { Positions, Progress } from "../etcd/positions.ts";
import { PrefixFollower } from "../etcd/follow-prefix.ts";
import type { Clock } from "../support/clock.ts";
import type { RegistryChange, RegistryEntry } from "./registry-change.ts";
import { folderOf, registryEntry } from "./registry-change.ts";
import type { StrayReport } from "./stray-instances.ts";
import { StrayInstances } from "./stray-instances.ts";
import type { SourceProblem, SourceState } from "./source.ts";

/** Where instances register unless a service says otherwise. */
const ROOT = "/services/";

/** A build does not wait longer for a prefix that is new; it is built again when the prefix is there. */
const FIRST_WAIT_MS = 5_000;

/** Between two changes that are told, at least. */
const GAP_MS_MIN = 10;
/** Half of the building thread's time may go into instances that come and go. */
const GAP_PER_BUILD = 2;
const GAP_MS_MAX = 1_000;

/** A config that names the service may be on its way. */
const STRAY_WAIT_MS = 3_000;

/** What a build is given. */
export interface RegistryUpdate extends RegistryChange {
  readonly upserted: readonly RegistryEntry[];
  /** The prefixes that are followed; what is below them is known as far as there is no problem. */
  readonly prefixes: readonly string[];
  readonly problems: readonly SourceProblem[];
  /** Of everything that was taken up to now, by the prefix that is followed. */
  readonly etcd: Progress;
}

export interface RegistryOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  readonly random: () => number;
  readonly times?: Partial<FollowTimes>;
  /** There is more to `take`. */
  readonly onChange: (change: Pick<SourceState, "cause" | "noticedAtMs">) => void;
  /** Undefined when the prefix is followed no more. */
  readonly onContact: (prefix: string, contact: Contact | undefined) => void;
  /** Something registers that is in no service. */
  readonly onStray?: (report: StrayReport) => void;
  /** `reached` has grown. */
  readonly onReached?: () => void;
}

/** One prefix that is followed, with all that is below it. */
interface Followed {
  readonly follower: PrefixFollower;
  entries: ReadonlyMap<string, Entry>;
  hasListed: boolean;
  /** Of the last change. */
  revision: number;
  reason: string;
  /** Called at the first listing. */
  listed: () => void;
  readonly first: Promise<void>;
}

export class Registry {
  readonly #options: RegistryOptions;
  readonly #followed = new Map<string, Followed>();
  #prefixes: ReadonlySet<string> = new Set();
  /** What of `#followed` the prefixes need. */
  #roots: ReadonlySet<string> = new Set();
  /** What the builds have been given, or will be with the next `take`. */
  readonly #entries = new Map<string, Entry>();
  readonly #upserted = new Set<string>();
  readonly #removed = new Set<string>();
  /** Has every prefix that is followed. */
  #reached = new Map<string, number>();
  /** Something has come that no build has been given. */
  #isPending = false;
  /** Somebody has said what the services are. */
  #isRead = false;
  #changedKeys = 0;
  #noticedAtMs: number | undefined;
  #lastKey = "";
  #toldAtMs = -Infinity;
  #gapMs = GAP_MS_MIN;
  #timer: NodeJS.Timeout | undefined;
  readonly #strays = new StrayInstances();
  #strayTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Of what was taken last; see `Progress`. */
  get reached(): Positions {
    return this.#reached;
  }

  /** What registers and is in no service, at this moment. */
  get strays(): Pick<StrayInstances, "refused" | "unnamed"> {
    return this.#strays;
  }

  /** Whether everything that the services need is known. */
  get isComplete(): boolean {
    return this.#isRead && [...this.#roots].every((root) => this.#followed.get(root)?.hasListed === true);
  }

  /** Lists everything that is followed once more. */
  async lookAgain(): Promise<void> {
    await Promise.all([...this.#followed.values()].map(({ follower }) => follower.lookAgain()));
  }

  /** Begins to read the usual place before anybody has asked for it; `paceBy` gives it up when nobody has. */
  readAhead(): void {
    if (!this.#followed.has(ROOT)) this.#follow(ROOT);
  }

  /** From now on these prefixes and no others; resolves when each is known, or after a while. */
  async read(prefixes: readonly string[]): Promise<void> {
    const before = this.#prefixes;
    this.#isRead = true;
    this.#prefixes = new Set(prefixes);
    this.#roots = new Set(prefixes.map(rootOf));
    this.#dropUnused();
    this.#strays.reset(this.#prefixes);
    for (const key of [...this.#entries.keys()]) if (!this.#prefixes.has(folderOf(key))) this.#remove(key);
    for (const root of this.#roots) {
      const known = this.#followed.get(root);
      if (known === undefined) this.#follow(root);
      else {
        for (const [key, entry] of known.entries) {
          if (!this.#prefixes.has(folderOf(key))) this.#stray(key, entry);
          else if (!before.has(folderOf(key))) this.#put(key, entry);
        }
      }
    }
    if (prefixes.some((prefix) => !before.has(prefix))) this.#isPending = true;
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, FIRST_WAIT_MS).unref());
    await Promise.race([Promise.all([...this.#followed.values()].map(({ first }) => first)), timeout]);
  }

  /** What changed since the last call. */
  take(): RegistryUpdate {
    const upserted: RegistryEntry[] = [];
    for (const key of this.#upserted) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) upserted.push(registryEntry(entry));
    }
    const removed = [...this.#removed];
    const changed = new Map([...this.#followed].map(([root, { revision }]) => [root, revision]));
    this.#reached = new Map(
      [...this.#followed].map(([root, { hasListed, follower }]) => [root, hasListed ? follower.revision : 0]),
    );
    this.#upserted.clear();
    this.#removed.clear();
    this.#isPending = false;
    const problems = [...this.#followed].flatMap(([root, { hasListed, reason }]): readonly SourceProblem[] => {
      if (hasListed || !this.#roots.has(root)) return [];
      const hint = "what was served last stays; it goes on by itself when etcd answers";
      return [{ code: "etcd-unreachable", path: `etcd:${root}`, message: reason, hint }];
    });
    return { prefixes: [...this.#prefixes], upserted, removed, problems, etcd: { changed, reached: this.#reached } };
  }

  /** Who takes has forgotten everything. */
  forget(): void {
    this.#isPending = true;
    this.#removed.clear();
    for (const key of this.#entries.keys()) this.#upserted.add(key);
  }

  /** How long a build took, which decides how often there may be one. */
  paceBy(buildMs: number): void {
    this.#dropUnused();
    this.#gapMs = Math.min(Math.max(buildMs * GAP_PER_BUILD, GAP_MS_MIN), GAP_MS_MAX);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#strayTimer);
    for (const { follower } of this.#followed.values()) follower.close();
  }

  #dropUnused(): void {
    for (const [root, { follower }] of this.#followed) {
      if (this.#roots.has(root)) continue;
      follower.close();
      this.#followed.delete(root);
      this.#reached.delete(root);
      this.#options.onContact(root, undefined);
    }
  }

  #follow(root: string): void {
    const { promise: first, resolve: listed } = Promise.withResolvers<void>();
    const { etcd, clock, random, times } = this.#options;
    const follower = new PrefixFollower({
      etcd,
      prefix: root,
      clock,
      random,
      ...(times === undefined ? {} : { times }),
      follower: {
        changed: (entries, change) => this.#take(root, entries, change),
        contact: (contact) => this.#hear(root, contact),
        reached: (revision) => this.#reach(root, revision),
      },
    });
    const reason = "etcd has not answered yet";
    this.#followed.set(root, { follower, entries: new Map(), revision: 0, hasListed: false, reason, listed, first });
    this.#reached.set(root, 0);
  }

  #take(root: string, entries: ReadonlyMap<string, Entry>, { keys, revision }: FollowedChange): void {
    const followed = this.#followed.get(root);
    if (followed === undefined || this.#isClosed) return;
    const isFirst = !followed.hasListed;
    followed.entries = entries;
    followed.revision = Math.max(followed.revision, revision);
    followed.hasListed = true;
    let changed = 0;
    for (const key of keys) {
      const entry = entries.get(key);
      if (!this.#prefixes.has(folderOf(key))) {
        if (this.#roots.has(root)) this.#stray(key, entry);
        continue;
      }
      if (entry === undefined) this.#remove(key);
      else this.#put(key, entry);
      changed += 1;
      this.#lastKey = key;
    }
    followed.listed();
    this.#isPending ||= changed > 0;
    if (changed === 0 && !(isFirst && this.#roots.has(root))) return;
    this.#changedKeys += changed;
    this.#noticedAtMs ??= this.#options.clock.monotonicMs();
    this.#tellSoon();
  }

  #reach(root: string, revision: number): void {
    if (this.#isPending || this.#followed.get(root)?.hasListed !== true) return;
    this.#reached.set(root, revision);
    this.#options.onReached?.();
  }

  #hear(root: string, contact: Contact): void {
    const followed = this.#followed.get(root);
    if (followed !== undefined && contact.kind === "behind") followed.reason = contact.reason;
    this.#options.onContact(root, contact);
  }

  #put(key: string, entry: Entry): void {
    if (!this.#prefixes.has(folderOf(key))) return;
    this.#entries.set(key, entry);
    this.#upserted.add(key);
    this.#removed.delete(key);
  }

  #remove(key: string): void {
    if (!this.#entries.delete(key)) return;
    this.#upserted.delete(key);
    this.#removed.add(key);
  }

  #stray(key: string, entry: Entry | undefined): void {
    this.#strays.take(key, entry?.modRevision);
    this.#strayTimer ??= setTimeout(() => {
      this.#strayTimer = undefined;
      const report = this.#strays.report();
      if (report.refused.length + report.unnamed.length > 0) this.#options.onStray?.(report);
    }, STRAY_WAIT_MS).unref();
  }

  #tellSoon(): void {
    if (this.#timer !== undefined) return;
    const waitMs = this.#toldAtMs + this.#gapMs - this.#options.clock.monotonicMs();
    if (waitMs <= 0) this.#tell();
    else this.#timer = setTimeout(() => this.#tell(), waitMs);
  }

  #tell(): void {
    this.#timer = undefined;
    const nowMs = this.#options.clock.monotonicMs();
    const count = this.#changedKeys;
    const cause = count === 1 ? `etcd:${this.#lastKey}` : `${count} keys of etcd`;
    const noticedAtMs = this.#noticedAtMs ?? nowMs;
    this.#changedKeys = 0;
    this.#noticedAtMs = undefined;
    this.#toldAtMs = nowMs;
    this.#options.onChange({ cause, noticedAtMs });
  }
}

function rootOf(prefix: string): string {
  return prefix.startsWith(ROOT) ? ROOT : prefix;
}
