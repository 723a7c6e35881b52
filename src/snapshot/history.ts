/**
 * The last snapshots of each group, newest first.
 *
 * For people who ask what changed and when, and for streams that come back with an old version. A value
 * without a lifetime: `remember` gives a new history and leaves the old one as it was.
 */
import type { VersionInfo } from "./resource.ts";
import type { GroupName, Snapshot, SnapshotVersion, TypeTable } from "./snapshot.ts";

/** Snapshots for each group: they share what did not change, so fifty of them cost little more than one. */
const snapshotsMax = 50;

/** By group; the newest snapshot is the first. */
export type SnapshotHistory = ReadonlyMap<GroupName, readonly Snapshot[]>;

/** A history that remembers nothing. */
export const emptyHistory: SnapshotHistory = new Map();

/** Adds a snapshot in front; one with the version of the newest takes its place. */
export function remember(history: SnapshotHistory, snapshot: Snapshot): SnapshotHistory {
  const before = history.get(snapshot.group) ?? [];
  const rest = before[0]?.version === snapshot.version ? before.slice(1) : before;
  return new Map(history).set(snapshot.group, [snapshot, ...rest].slice(0, snapshotsMax));
}

/** The newest snapshot of that version, of any group. */
export function findSnapshot(history: SnapshotHistory, version: SnapshotVersion): Snapshot | undefined {
  return firstOf(history, (snapshot) => (snapshot.version === version ? snapshot : undefined));
}

/** The newest table of that type and version, of any group. */
export function findTable(history: SnapshotHistory, typeUrl: string, version: VersionInfo): TypeTable | undefined {
  return firstOf(history, (snapshot) => {
    const table = snapshot.tables.get(typeUrl);
    return table?.version === version ? table : undefined;
  });
}

function firstOf<Found>(history: SnapshotHistory, pick: (snapshot: Snapshot) => Found | undefined): Found | undefined {
  for (const snapshots of history.values()) {
    for (const snapshot of snapshots) {
      const found = pick(snapshot);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
