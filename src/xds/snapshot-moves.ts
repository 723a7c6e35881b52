/**
 * What kind of change leads from one snapshot to the next, as far as the order of its steps depends on it.
 */
import type { Snapshot, TypeTable } from "../snapshot/snapshot.ts";
import { resourceTypes, typeUrls } from "../snapshot/type-url.ts";

/** Nothing but endpoints, so that no order has to be kept. */
export function differsInEndpointsOnly(a: Snapshot, b: Snapshot): boolean {
  if (a.group !== b.group) return false;
  return resourceTypes.every(
    ({ typeUrl }) =>
      typeUrl === typeUrls.endpoints || a.tables.get(typeUrl)?.version === b.tables.get(typeUrl)?.version,
  );
}

/** Clusters, endpoints or secrets differ. */
export function movesSupply(current: Snapshot, snapshot: Snapshot): boolean {
  return resourceTypes.some(
    ({ typeUrl, role }) =>
      role === "supply" && current.tables.get(typeUrl)?.version !== snapshot.tables.get(typeUrl)?.version,
  );
}

/** What listeners and routes show differs. */
export function movesRoutes(shown: ReadonlyMap<string, TypeTable>, snapshot: Snapshot): boolean {
  return resourceTypes.some(
    ({ typeUrl, role }) =>
      role === "reference" && shown.get(typeUrl)?.version !== snapshot.tables.get(typeUrl)?.version,
  );
}

/** A listener that was shown is gone, or another one: it drains. */
export function replacesListener(shown: ReadonlyMap<string, TypeTable>, snapshot: Snapshot): boolean {
  const after = snapshot.tables.get(typeUrls.listener)?.resources;
  if (shown.get(typeUrls.listener)?.resources === after) return false;
  for (const [name, listener] of shown.get(typeUrls.listener)?.resources ?? []) {
    if (after?.get(name)?.version !== listener.version) return true;
  }
  return false;
}
