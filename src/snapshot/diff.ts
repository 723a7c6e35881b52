/**
 * What differs between two versions of a table or a snapshot, by name.
 *
 * For people, the mass-removal guard and the admin API; what a stream is sent is decided in `xds/`.
 */
import type { KnownSnapshot, KnownTable } from "./known-snapshot.ts";
import type { ResourceName } from "./resource.ts";

/** Names in each list are sorted. */
export interface TableDiff {
  readonly typeUrl: string;
  readonly added: readonly ResourceName[];
  readonly changed: readonly ResourceName[];
  readonly removed: readonly ResourceName[];
}

/** The differences of one type; an absent `before` is an empty table. */
function diffTables(before: KnownTable | undefined, after: KnownTable): TableDiff {
  if (before === after || before?.version === after.version) {
    return { typeUrl: after.typeUrl, added: [], changed: [], removed: [] };
  }
  const added: ResourceName[] = [];
  const changed: ResourceName[] = [];
  for (const [name, resource] of after.resources) {
    const old = before?.resources.get(name);
    if (old === undefined) added.push(name);
    else if (old.version !== resource.version) changed.push(name);
  }
  const removed = [...(before?.resources.keys() ?? [])].filter((name) => !after.resources.has(name));
  return { typeUrl: after.typeUrl, added, changed, removed };
}

/** The types that differ, in the order of `resourceTypes`; an absent `before` has nothing. */
export function diffSnapshots(before: KnownSnapshot | undefined, after: KnownSnapshot): readonly TableDiff[] {
  if (before?.version === after.version) return [];
  return [...after.tables.values()]
    .map((table) => diffTables(before?.tables.get(table.typeUrl), table))
    .filter(({ added, changed, removed }) => added.length + changed.length + removed.length > 0);
}
