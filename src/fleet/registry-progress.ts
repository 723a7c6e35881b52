/**
 * How far etcd has come: up to which revision everything that registered, and the config, has been acknowledged.
 *
 * Each build has the registry up to some revision and makes a snapshot for each group; of the config it has the last
 * change, because what is wrong is in no build. A group is as far as the
 * oldest of these snapshots that one of its nodes still has. What counts are connected nodes that could have it: not
 * one that is gone, refused what it was sent, or is overdue; those would hold up everybody who waits for a drain.
 *
 * Like the fleet it is changed in place, and says a new value for each question.
 */
import type { Positions } from "../etcd/positions.ts";
import type { GroupName, Snapshot, SnapshotVersion } from "../snapshot/snapshot.ts";
import type { Fleet } from "./fleet.ts";
import type { NodeRecord } from "./node-record.ts";
import { isOverdue, syncStatus } from "./node-status.ts";

/** Builds that a node may be behind and still be found: twenty seconds of the most that there can be. */
const BUILDS_MAX = 2_000;

/** The newest build, counted from 1, that had this content. */
interface BuiltVersion {
  readonly version: SnapshotVersion;
  build: number;
}

/** What a build has of etcd. */
export interface Reached {
  readonly registry: Positions;
  readonly config?: Positions;
}

export class RegistryProgress {
  /** By build what it has reached; the newest map of the registry goes on with etcd, see `Progress`. */
  readonly #reached = new Map<number, Reached>();
  /** By group, oldest first. */
  readonly #groups = new Map<GroupName, BuiltVersion[]>();
  #build = 0;

  /** Takes a build, whether all of it is served or not. */
  built(snapshots: ReadonlyMap<GroupName, Snapshot>, reached: Reached): void {
    this.#build += 1;
    this.#reached.set(this.#build, reached);
    this.#reached.delete(this.#build - BUILDS_MAX);
    for (const group of this.#groups.keys()) if (!snapshots.has(group)) this.#groups.delete(group);
    for (const [group, { version }] of snapshots) {
      const versions = this.#groups.get(group) ?? [];
      const last = versions.at(-1);
      if (last?.version === version) last.build = this.#build;
      else versions.push({ version, build: this.#build });
      if (versions.length > BUILDS_MAX) versions.shift();
      this.#groups.set(group, versions);
    }
  }

  /** By prefix, up to where all that registered is published and acknowledged; empty when that is not known. */
  acknowledged(fleet: Fleet, served: ReadonlyMap<GroupName, Snapshot>): Positions {
    let build = this.#build;
    for (const [group, versions] of this.#groups) {
      const snapshot = served.get(group);
      const builds = new Map(versions.map((each) => [each.version, each.build]));
      // A change that the guard holds is in no node.
      build = Math.min(build, snapshot === undefined ? 0 : (builds.get(snapshot.version) ?? 0));
      for (const id of fleet.groups.get(group)?.members ?? []) {
        const node = fleet.nodes.get(id);
        if (node !== undefined && counts(node, snapshot)) build = Math.min(build, oldest(node, builds));
      }
    }
    const { registry = new Map<string, number>(), config = new Map<string, number>() } = this.#reached.get(build) ?? {};
    return new Map([...registry, ...config]);
  }

  /** How many nodes there are that could have it; see above. */
  countedNodes(fleet: Fleet, served: ReadonlyMap<GroupName, Snapshot>): number {
    let count = 0;
    for (const [name, { members }] of fleet.groups) {
      for (const id of members) {
        const node = fleet.nodes.get(id);
        if (node !== undefined && counts(node, served.get(name))) count += 1;
      }
    }
    return count;
  }
}

function counts(node: NodeRecord, current: Snapshot | undefined): boolean {
  return node.streams.length > 0 && !isOverdue(node) && syncStatus(node, current) !== "error";
}

function oldest(node: NodeRecord, builds: ReadonlyMap<SnapshotVersion, number>): number {
  const buildOf = (version: SnapshotVersion | undefined) => (version === undefined ? 0 : (builds.get(version) ?? 0));
  return Math.min(
    ...node.streams.map((stream) => {
      // What came back to the content that the node has is overtaken by what is still on its way there.
      const isUnderWay = stream.types.some(({ unacknowledgedNonce }) => unacknowledgedNonce !== undefined);
      const synced = buildOf(stream.syncedTo);
      return isUnderWay ? Math.min(synced, buildOf(stream.movingTo)) : synced;
    }),
  );
}
