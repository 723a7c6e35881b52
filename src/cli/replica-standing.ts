/**
 * How this replica stands to the others that read the same etcd: what it serves is as new as what they serve, or it lags.
 *
 * What it serves is told to the others with the revisions of etcd that it was built from. A group lags when another
 * replica has served another version from later revisions; then everything is listed once more, because the watch that
 * should have told of it may be late. Between replicas a push takes some milliseconds, so a short lag is told to nobody.
 */
import type { EtcdPort } from "../etcd/etcd-port.ts";
import type { Contact } from "../etcd/follow-prefix.ts";
import type { Positions, Progress } from "../etcd/positions.ts";
import { hasAll, newest } from "../etcd/positions.ts";
import { REPLICAS_PREFIX } from "../fleet/replica-record.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import { MarkSweep } from "../store/mark-sweep.ts";
import type { ReplicaKeys } from "../store/replica-keys.ts";
import type { ServedMark } from "../store/served-marks.ts";
import { ServedMarks } from "../store/served-marks.ts";
import type { Clock } from "../support/clock.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import type { Replicas, Standing } from "../xds/replica-gate.ts";

/** A build takes less. */
const LOOK_AFTER_MS = 300;
const TELL_AFTER_MS = 1_000;

/**
 * A replica that has read everything and still serves something else will not catch up by itself: its files differ, or it
 * refuses what the others accept. Envoys may have nowhere else to go.
 */
const LAG_MS_MAX = 60_000;

/** Something in etcd that is built from. */
export interface EtcdInput {
  /** Of what was handed on last; see `Progress`. */
  readonly reached: Positions;
  lookAgain(): Promise<void>;
}

export interface ReplicaStandingOptions {
  readonly etcd: EtcdPort;
  readonly clock: Clock;
  /** What this replica has in etcd. */
  readonly keys: ReplicaKeys;
  readonly inputs: readonly EtcdInput[];
  /** Whether everything that the inputs have handed on is built and decided. */
  isSettled(): boolean;
  served(): ReadonlyMap<GroupName, Snapshot>;
  /** Those of the config; what is served may have more, for nodes that are still in them. */
  groups(): ReadonlySet<string>;
  record(event: FairwayEvent): void;
  readonly onContact: (prefix: string, contact: Contact) => void;
  readonly onWarning: (text: string) => void;
  /** The standing of a group may be another. */
  onChange(): void;
}

interface Lag {
  readonly sinceMs: number;
  isTold: boolean;
}

export class ReplicaStanding implements Replicas {
  readonly #options: ReplicaStandingOptions;
  readonly #marks: ServedMarks;
  readonly #sweep: MarkSweep;
  /** By group: the version that was built last, and what is in it. */
  #built = new Map<GroupName, ServedMark>();
  /** The same of what is decided to be served. */
  readonly #serves = new Map<GroupName, ServedMark>();
  /** What streams are given, and the same of that: a decision is saved before it is pushed, which a slow disk makes a while. */
  #given: ReadonlyMap<GroupName, Snapshot> = new Map();
  #gives: ReadonlyMap<GroupName, ServedMark> = new Map();
  /** The newest input could be built. */
  #isBuilt = false;
  readonly #lags = new Map<GroupName, Lag>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;

  constructor(options: ReplicaStandingOptions) {
    const { etcd, clock, keys } = options;
    this.#options = options;
    this.#marks = new ServedMarks({
      etcd,
      clock,
      random: Math.random,
      by: keys.id,
      has: (group) => options.groups().has(group),
      onChange: () => this.#judge(),
      onWarning: options.onWarning,
      onContact: options.onContact,
    });
    this.#sweep = new MarkSweep({ etcd, clock, keys, replicasPrefix: REPLICAS_PREFIX, marks: this.#marks });
  }

  /** What became of the newest input; undefined when it was refused. */
  built(snapshots: ReadonlyMap<GroupName, Snapshot> | undefined, etcd: Progress | undefined): void {
    this.#isBuilt = snapshots !== undefined && etcd !== undefined;
    if (snapshots === undefined || etcd === undefined) return;
    this.#built = new Map([...snapshots].map(([group, { version }]) => [group, { version, changed: etcd.changed }]));
  }

  /** What is served has been decided: the others are told, and nobody waits for that. */
  decided(): void {
    const groups = this.#options.groups();
    this.#sweep.has(groups);
    for (const group of this.#serves.keys()) if (!groups.has(group)) this.#serves.delete(group);
    for (const [group, { version }] of this.#options.served()) {
      const built = this.#built.get(group);
      if (built?.version === version) this.#serves.set(group, built);
    }
    this.#raise();
  }

  /** Streams are given what is served. Not before that is somebody let in who has waited for it. */
  pushed(): void {
    this.#given = this.#options.served();
    this.#gives = new Map(this.#serves);
    this.#judge();
  }

  /** An input has become newer, with or without a change. */
  reached(): void {
    if (this.#lags.size === 0) return;
    this.#raise();
    this.#judge();
  }

  standing(group: GroupName): Standing {
    const lag = this.#isBehind(group) ? (this.#lags.get(group)?.sinceMs ?? this.#nowMs()) : undefined;
    if (lag !== undefined && this.#nowMs() - lag < LAG_MS_MAX) {
      return { kind: "lagging", reason: `this replica is behind: ${this.#difference(group)}` };
    }
    const { lost } = this.#marks;
    return lost === undefined ? { kind: "current" } : { kind: "unsure", ...lost };
  }

  look(): Promise<void> {
    return this.#marks.look();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#sweep.close();
    this.#marks.close();
  }

  #isBehind(group: GroupName): boolean {
    const mark = this.#marks.of(group);
    const served = this.#given.get(group);
    if (mark === undefined || served === undefined || served.version === mark.version) return false;
    if (!this.#options.groups().has(group)) return false;
    return !hasAll(this.#reachedOf(this.#gives.get(group), group), mark.changed);
  }

  /** What the others have is decided here as well, and is about to be pushed. */
  #isOnItsWay(group: GroupName): boolean {
    return this.#options.served().get(group)?.version === this.#marks.of(group)?.version;
  }

  /** As far as the inputs, when all of that has become what is served. */
  #reachedOf(served: ServedMark | undefined, group: GroupName): Positions {
    // What comes from the disk may lack everything.
    if (served === undefined) return new Map([...this.#reached().keys()].map((prefix) => [prefix, 0]));
    const isNewest = this.#isBuilt && this.#built.get(group)?.version === served.version && this.#options.isSettled();
    return isNewest ? newest(served.changed, this.#reached()) : served.changed;
  }

  #reached(): Positions {
    return newest(...this.#options.inputs.map(({ reached }) => reached));
  }

  #raise(): void {
    this.#marks.raise(
      new Map(
        [...this.#serves].map(([group, served]) => [group, { ...served, reached: this.#reachedOf(served, group) }]),
      ),
    );
  }

  /** For people: what the others have, and this one has not. */
  #difference(group: GroupName): string {
    const { version, changed } = this.#marks.of(group) ?? { version: "none", changed: new Map<string, number>() };
    const own = this.#reachedOf(this.#gives.get(group), group);
    const missing = [...changed].filter(([prefix, revision]) => (own.get(prefix) ?? Infinity) < revision);
    const places = missing.map(
      ([prefix, revision]) => `${prefix} up to revision ${revision}, it is at ${own.get(prefix)}`,
    );
    return `another has served ${version} with ${places.join(", ")}`;
  }

  #judge(): void {
    for (const group of this.#given.keys()) {
      const isBehind = this.#isBehind(group);
      const lag = this.#lags.get(group);
      if (isBehind && lag === undefined) this.#lags.set(group, { sinceMs: this.#nowMs(), isTold: false });
      if (isBehind || lag === undefined) continue;
      this.#lags.delete(group);
      if (lag.isTold) this.#options.record({ kind: "replica-caught-up", atMs: this.#nowMs(), group });
    }
    if (this.#lags.size > 0) this.#timer ??= setInterval(() => this.#press(), LOOK_AFTER_MS);
    else {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    this.#options.onChange();
  }

  #press(): void {
    const nowMs = this.#nowMs();
    const needed: Positions[] = [];
    for (const [group, lag] of this.#lags) {
      if (nowMs - lag.sinceMs >= LOOK_AFTER_MS) needed.push(this.#marks.of(group)?.changed ?? new Map());
      if (lag.isTold || nowMs - lag.sinceMs < TELL_AFTER_MS || this.#isOnItsWay(group)) continue;
      lag.isTold = true;
      this.#options.record({ kind: "replica-lagging", atMs: nowMs, group, reason: this.#difference(group) });
    }
    if (this.#isLooking || hasAll(this.#reached(), newest(...needed))) return;
    this.#isLooking = true;
    void Promise.all(this.#options.inputs.map((input) => input.lookAgain())).finally(() => {
      this.#isLooking = false;
      this.reached();
    });
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}
