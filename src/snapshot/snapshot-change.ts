/**
 * A snapshot as the difference to the one before, to hand it from the thread that builds to the one that
 * serves.
 *
 * Only what changed is copied between the threads, and what did not change stays the same object on both
 * sides. `describeChange` and `applyChange` are each other's inverse.
 */
import type { Resource, ResourceName } from "./resource.ts";
import type { GroupName, Snapshot, SnapshotCause, SnapshotVersion, TypeTable, UpdatePolicy } from "./snapshot.ts";

/** The difference of one table; a table that is the same object is left out. */
export interface TableChange {
  readonly typeUrl: string;
  readonly version: TypeTable["version"];
  readonly upserted: readonly Resource[];
  readonly removed: readonly ResourceName[];
}

/** Plain data: it survives the structured clone between threads. */
export interface SnapshotChange {
  readonly group: GroupName;
  readonly version: SnapshotVersion;
  readonly updates: UpdatePolicy;
  readonly cause: SnapshotCause;
  readonly tables: readonly TableChange[];
}

/** What turns `before` into `after`. */
export function describeChange(before: Snapshot | undefined, after: Snapshot): SnapshotChange {
  const tables: TableChange[] = [];
  for (const [typeUrl, table] of after.tables) {
    const old = before?.tables.get(typeUrl);
    if (old === table) continue;
    const upserted = [...table.resources.values()].filter((resource) => old?.resources.get(resource.name) !== resource);
    const removed = [...(old?.resources.keys() ?? [])].filter((name) => !table.resources.has(name));
    tables.push({ typeUrl, version: table.version, upserted, removed });
  }
  return { group: after.group, version: after.version, updates: after.updates, cause: after.cause, tables };
}

/** `before` with the change in it; `before` must be what the change was described from. */
export function applyChange(before: Snapshot | undefined, change: SnapshotChange): Snapshot {
  const tables = new Map(before?.tables);
  for (const table of change.tables) tables.set(table.typeUrl, applyToTable(tables.get(table.typeUrl), table));
  const { group, version, updates, cause } = change;
  return { group, version, tables, updates, cause };
}

function applyToTable(before: TypeTable | undefined, change: TableChange): TypeTable {
  const { typeUrl, version } = change;
  const resources = new Map(before?.resources);
  for (const name of change.removed) resources.delete(name);
  const added = change.upserted.filter((resource) => !resources.has(resource.name));
  for (const resource of change.upserted) resources.set(resource.name, resource);
  if (added.length === 0) return { typeUrl, version, resources };
  const sorted = [...resources].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return { typeUrl, version, resources: new Map(sorted) };
}
