/**
 * By which names two views differ, found once for all streams that go from one to the other.
 */
import type { ResourceName } from "../snapshot/resource.ts";
import type { View } from "./view.ts";

/** Names whose content differs; both lists are in the order of the views. */
export interface ViewDiff {
  /** Added, or with another version. */
  readonly changed: readonly ResourceName[];
  readonly removed: readonly ResourceName[];
}

const same: ViewDiff = { changed: [], removed: [] };

const diffs = new WeakMap<View, WeakMap<View, ViewDiff>>();

/** What is different in `to`. */
export function diffViews(from: View, to: View): ViewDiff {
  if (from === to || from.resources === to.resources) return same;
  let ofFrom = diffs.get(from);
  if (ofFrom === undefined) diffs.set(from, (ofFrom = new WeakMap()));
  let diff = ofFrom.get(to);
  if (diff === undefined) ofFrom.set(to, (diff = compare(from, to)));
  return diff;
}

function compare(from: View, to: View): ViewDiff {
  const changed: ResourceName[] = [];
  const removed: ResourceName[] = [];
  for (const [name, resource] of to.resources) {
    const before = from.resources.get(name);
    if (before !== resource && before?.version !== resource.version) changed.push(name);
  }
  for (const name of from.resources.keys()) if (!to.resources.has(name)) removed.push(name);
  return { changed, removed };
}
