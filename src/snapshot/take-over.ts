/**
 * A snapshot with the versions of another where only the other can know the content.
 *
 * Whoever builds a config without the server's registry and environment has no instances of services that register, and
 * other secrets. With the server's versions in their places, everything else can be compared, and the version of the
 * whole is the one that the server will serve.
 */
import type { KnownSnapshot } from "./known-snapshot.ts";
import type { Resource, ResourceName } from "./resource.ts";
import type { Snapshot } from "./snapshot.ts";
import { createSnapshot, createTable } from "./snapshot.ts";

/** Those of `wanted` that both have: what is new has no version there, and what is gone is gone. */
export function takeOver(
  after: Snapshot,
  before: KnownSnapshot,
  wanted: (resource: Resource) => boolean,
): { readonly snapshot: Snapshot; readonly taken: readonly Resource[] } {
  const taken: Resource[] = [];
  const tables = new Map(after.tables);
  for (const [typeUrl, table] of after.tables) {
    const theirs = before.tables.get(typeUrl)?.resources;
    const differing = [...table.resources.values()].filter(
      (resource) => wanted(resource) && differs(resource, theirs?.get(resource.name)),
    );
    if (differing.length === 0) continue;
    taken.push(...differing);
    const names = new Set<ResourceName>(differing.map(({ name }) => name));
    const resources = [...table.resources.values()].map((resource) => {
      const known = names.has(resource.name) ? theirs?.get(resource.name) : undefined;
      return known === undefined ? resource : { ...resource, version: known.version, hostCount: known.hostCount };
    });
    tables.set(typeUrl, createTable(typeUrl, resources));
  }
  if (taken.length === 0) return { snapshot: after, taken };
  const { group, updates, cause } = after;
  return { snapshot: createSnapshot(group, tables, { updates, cause }), taken };
}

function differs(resource: Resource, known: { readonly version: string } | undefined): boolean {
  return known !== undefined && known.version !== resource.version;
}
