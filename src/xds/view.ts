/**
 * What is offered of one type to one node: the table of a snapshot, and what leaves it but is still in use.
 */
import type { Resource, ResourceName, VersionInfo } from "../snapshot/resource.ts";
import type { TypeTable } from "../snapshot/snapshot.ts";
import { brand } from "../support/brand.ts";

/** Something that the snapshot no longer has, or has without hosts, and that is still offered as it was. */
export interface Retained {
  /** Absent when the node held it before it connected and we do not know the content: it is left alone. */
  readonly resource: Resource | undefined;
  releaseAtMs: number | undefined;
  /** At its release something that the node holds still referred to it. */
  inUse: boolean;
  /** The node says so itself, or may hold it without our knowledge. */
  readonly claimed: boolean;
}

/** What is offered of one type. Identity changes when the content may have changed. */
export interface View {
  /** Of the table that is moved to, without what is retained beside it. */
  readonly tableVersion: VersionInfo;
  readonly resources: ReadonlyMap<ResourceName, Resource>;
  /** Held by the node with unknown content: neither sent nor removed. */
  readonly untouched: ReadonlySet<ResourceName>;
  /** Gone from the snapshot, or emptied there, and kept as it was until nothing refers to it. */
  readonly leaving: ReadonlySet<ResourceName>;
  /** Of these, what the node may never have taken, and is then not given. */
  readonly unclaimed: ReadonlySet<ResourceName>;
}

/** One view per table, so that an unchanged table is recognised as such in every phase and on every stream. */
const plainViews = new WeakMap<TypeTable, View>();

const none: ReadonlySet<ResourceName> = new Set();

/** What a client has that was not sent anything yet. */
export const nothing: View = {
  tableVersion: brand<VersionInfo>(""),
  resources: new Map(),
  untouched: none,
  leaving: none,
  unclaimed: none,
};

/** What is offered when nothing is retained. */
export function plainView(table: TypeTable): View {
  let view = plainViews.get(table);
  if (view === undefined) {
    view = { tableVersion: table.version, resources: table.resources, untouched: none, leaving: none, unclaimed: none };
    plainViews.set(table, view);
  }
  return view;
}

/** Streams that retain the same beside the same table have one view, so that what differs is found once. */
const mergedViews = new WeakMap<TypeTable, Map<string, View>>();

/** More than that are not in use at a time: nodes of a group go through the same states. */
const MERGED_VIEWS_MAX = 32;

/** What is offered beside what is retained. */
export function mergedView(table: TypeTable, retained: ReadonlyMap<ResourceName, Retained>): View {
  let ofTable = mergedViews.get(table);
  if (ofTable === undefined) mergedViews.set(table, (ofTable = new Map()));
  const key = keyOf(retained);
  let view = ofTable.get(key);
  if (view === undefined) {
    view = merge(table, retained);
    ofTable.set(key, view);
    for (const oldest of ofTable.keys()) {
      if (ofTable.size <= MERGED_VIEWS_MAX) break;
      ofTable.delete(oldest);
    }
  }
  return view;
}

function keyOf(retained: ReadonlyMap<ResourceName, Retained>): string {
  const parts: string[] = [];
  for (const [name, { resource, claimed }] of retained) {
    parts.push(`${name}\n${resource?.version ?? "?"}\n${claimed ? "claimed" : ""}`);
  }
  return parts.length > 1 ? parts.sort().join("\n\n") : (parts[0] ?? "");
}

function merge(table: TypeTable, retained: ReadonlyMap<ResourceName, Retained>): View {
  const resources = new Map(table.resources);
  const untouched = new Set<ResourceName>();
  const leaving = new Set<ResourceName>();
  const unclaimed = new Set<ResourceName>();
  for (const [name, { resource, claimed }] of retained) {
    if (resource === undefined) untouched.add(name);
    else resources.set(name, resource);
    if (resource !== undefined) leaving.add(name);
    if (!claimed && !table.resources.has(name)) unclaimed.add(name);
  }
  return { tableVersion: table.version, resources, untouched, leaving, unclaimed };
}

/** `from` with some names as they are in `to`: what a client has that was sent a part. */
export function partialView(from: View, to: View, names: Iterable<ResourceName>): View {
  const resources = new Map(from.resources);
  for (const name of names) {
    const resource = to.resources.get(name);
    if (resource !== undefined) resources.set(name, resource);
  }
  return { ...to, resources };
}
