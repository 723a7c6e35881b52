/**
 * What kind of change leads from one snapshot to the next, as far as the order of its steps depends on it.
 */
import type { Snapshot, TypeTable } from "../snapshot/snapshot.ts";
import { resourceTypes, typeUrls } from "../snapshot/type-url.ts";

/** What is used as soon as it is there, in whatever order: hosts, and values that Envoy reads at each request. */
const free: ReadonlySet<string> = new Set([typeUrls.endpoints, typeUrls.runtime]);

/** The last that was found for a snapshot: nearly all streams come to it from the same one. */
const freely = new WeakMap<Snapshot, { readonly from: Snapshot; readonly answer: boolean }>();

/** Nothing but endpoints and runtime values, so that no order has to be kept. */
export function needsNoOrder(from: Snapshot, to: Snapshot): boolean {
  const known = freely.get(to);
  if (known?.from === from) return known.answer;
  const answer =
    from.group === to.group &&
    resourceTypes.every(
      ({ typeUrl }) => free.has(typeUrl) || from.tables.get(typeUrl)?.version === to.tables.get(typeUrl)?.version,
    );
  freely.set(to, { from, answer });
  return answer;
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
