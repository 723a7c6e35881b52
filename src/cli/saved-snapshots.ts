/**
 * The snapshots on disk: what was served last, and what has proven itself.
 *
 * What is served is written before it is pushed, so that after a crash we know what nodes may still hold.
 * The last known good is promoted only after it soaked: long enough served without a node rejecting it.
 * A disk that fails never stops serving; it is reported.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import { isOnlyAway } from "../model/diagnostic.ts";
import type { NodeGroup } from "../model/intent.ts";
import { restoreSnapshot } from "../snapshot/persisted-snapshot.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import type { GenerationStore } from "../store/generation-store.ts";
import type { Clock } from "../support/clock.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import type { PersistedBytes } from "./builder.ts";
import type { KeptFiles } from "./kept-configs.ts";
import { CONFIGS_KEY, SERVED_BY_KEY } from "./kept-configs.ts";

/** Under this key lie the groups themselves; no group can have the name. */
const GROUPS_KEY = "@groups";

/** What an earlier run left. */
export interface SavedState {
  /** What was served last, by group: for the guard, and for nodes that still hold it. */
  readonly served: readonly Snapshot[];
  /** The newest promoted generation of each group, or what was served last where none was promoted. */
  readonly lastKnownGood: readonly Snapshot[];
  readonly groups: readonly NodeGroup[];
  /** What they were built from, where that is kept. */
  readonly configs: KeptFiles;
}

/** What the keeper needs. */
export interface SavedSnapshotsOptions {
  readonly store: GenerationStore;
  readonly clock: Clock;
  readonly soakMs: number;
  /** Whether every node of the group took its current snapshot, and none that has gone refused it. */
  isAccepted(group: GroupName): boolean;
  emit(event: FairwayEvent): void;
}

/** Owns the timers of the soak. */
export class SavedSnapshots {
  readonly #options: SavedSnapshotsOptions;
  readonly #bytes = new Map<GroupName, PersistedBytes>();
  readonly #soaks = new Map<GroupName, NodeJS.Timeout>();
  #groupsText = "";
  #failing = false;

  constructor(options: SavedSnapshotsOptions) {
    this.#options = options;
  }

  /** Reads what is there; damaged files count as absent. */
  async load(): Promise<SavedState> {
    const served: Snapshot[] = [];
    const lastKnownGood: Snapshot[] = [];
    let groups: readonly NodeGroup[] = [];
    let configs: KeptFiles = {};
    for (const entry of await this.#options.store.load()) {
      if (entry.key === CONFIGS_KEY || entry.key === SERVED_BY_KEY) {
        if (entry.served !== undefined) configs = { ...configs, [entry.key]: entry.served };
        continue;
      }
      if (entry.key === GROUPS_KEY) {
        groups = readGroups(entry.served ?? entry.generations[0]);
        continue;
      }
      const last = firstIntact(entry.served === undefined ? [] : [entry.served]);
      const good = firstIntact(entry.generations) ?? last;
      if (last !== undefined) served.push(last);
      if (good !== undefined) lastKnownGood.push(good);
    }
    return { served, lastKnownGood, groups, configs };
  }

  /** Keeps something beside them, under a key that no group can have. */
  beside(key: string, bytes: Uint8Array): Promise<boolean> {
    return this.#write(() => this.#options.store.saveServed(key, bytes));
  }

  /** Keeps the bytes of a snapshot that was built; they are written when it is served. */
  keep(persisted: PersistedBytes, isServed: boolean): void {
    this.#bytes.set(persisted.group, persisted);
    if (isServed) void this.#write(() => this.#options.store.saveServed(persisted.group, persisted.bytes));
  }

  /** Writes what is about to be served, and starts its soak. Resolves when it is safe to push. */
  async served(snapshots: readonly Snapshot[], groups: readonly NodeGroup[]): Promise<void> {
    const groupsText = JSON.stringify(groups);
    if (groupsText !== this.#groupsText) {
      this.#groupsText = groupsText;
      await this.#write(() => this.#options.store.saveServed(GROUPS_KEY, new TextEncoder().encode(groupsText)));
    }
    for (const snapshot of snapshots) {
      const persisted = this.#bytesOf(snapshot);
      if (persisted !== undefined) {
        await this.#write(() => this.#options.store.saveServed(snapshot.group, persisted.bytes));
      }
      this.#soak(snapshot);
    }
  }

  async close(): Promise<void> {
    for (const timer of this.#soaks.values()) clearTimeout(timer);
    await this.#options.store.close();
  }

  #bytesOf(snapshot: Snapshot): PersistedBytes | undefined {
    const persisted = this.#bytes.get(snapshot.group);
    return persisted?.version === snapshot.version ? persisted : undefined;
  }

  #soak(snapshot: Snapshot): void {
    clearTimeout(this.#soaks.get(snapshot.group));
    const timer = setTimeout(() => void this.#promote(snapshot), this.#options.soakMs);
    timer.unref();
    this.#soaks.set(snapshot.group, timer);
  }

  async #promote(snapshot: Snapshot): Promise<void> {
    if (!this.#options.isAccepted(snapshot.group)) {
      this.#soak(snapshot);
      return;
    }
    const persisted = this.#bytesOf(snapshot);
    if (persisted === undefined) return;
    const done = await this.#write(() => this.#options.store.promote(snapshot.group, persisted.bytes));
    const { group, version: snapshotVersion } = snapshot;
    const atMs = this.#options.clock.monotonicMs();
    if (done) this.#options.emit({ kind: "lkg-promoted", atMs, group, snapshotVersion });
  }

  /** Runs a write; a failure is said once until one succeeds again. */
  async #write(write: () => Promise<void>): Promise<boolean> {
    try {
      await write();
      this.#failing = false;
      return true;
    } catch (cause) {
      const message = cause instanceof FairwayError ? cause.message : String(cause);
      if (!this.#failing) {
        this.#options.emit({ kind: "state-write-failed", atMs: this.#options.clock.monotonicMs(), message });
      }
      this.#failing = true;
      return false;
    }
  }
}

function firstIntact(generations: readonly Uint8Array[]): Snapshot | undefined {
  for (const bytes of generations) {
    const restored = restoreSnapshot(bytes);
    if (restored.ok) return restored.value;
  }
  return undefined;
}

/** The store has checked that the bytes are those that were written. */
function readGroups(bytes: Uint8Array | undefined): readonly NodeGroup[] {
  return bytes === undefined ? [] : (JSON.parse(new TextDecoder().decode(bytes)) as readonly NodeGroup[]);
}

/**
 * What stands in for a config that cannot be built. When it is wrong, that is what has proven itself: what was served
 * last may be what made it wrong. When only the place that it comes from is away, it is what was served last: Envoys have
 * it, and instances may have come and gone since anything has proven itself.
 */
export function standIn(
  { groups, served, lastKnownGood }: SavedState,
  diagnostics: readonly Diagnostic[],
): { readonly snapshots: readonly Snapshot[]; readonly isNewest: boolean } {
  const isNewest = isOnlyAway(diagnostics);
  const candidates = isNewest ? [...served, ...lastKnownGood] : lastKnownGood;
  const snapshots = groups.flatMap(({ name }) => candidates.find(({ group }) => group === name) ?? []);
  return { snapshots, isNewest };
}
