/**
 * Everything that one node group is to have, at one version. Never changes after construction.
 *
 * A snapshot shares the tables and resources that did not change with the one before it, so identity
 * (`===`) of a table is a cheap proof of equality; its absence proves nothing.
 */
import type { Brand } from "../support/brand.ts";
import { brand } from "../support/brand.ts";
import { contentHash, hashOfText, withLength } from "../support/hash.ts";
import { sortedPosition } from "../support/sorted-position.ts";
import type { Resource, ResourceName, VersionInfo } from "./resource.ts";
import { resourceTypes } from "./type-url.ts";

export type SnapshotVersion = Brand<"SnapshotVersion">;
export type GroupName = Brand<"GroupName">;

/** All resources of one type. */
export interface TypeTable {
  readonly typeUrl: string;
  /** Hash over the sorted names and versions: equal content, equal version, on every replica. */
  readonly version: VersionInfo;
  /** Sorted by name. */
  readonly resources: ReadonlyMap<ResourceName, Resource>;
}

/** How a change of this snapshot's group is rolled in; see `xds/sequencer.ts`. */
export interface UpdatePolicy {
  /** How long a removed cluster stays after nothing refers to it any more. */
  readonly graceMs: number;
  /** How long a gate waits before it says so and lets a newer snapshot pass. */
  readonly deadlineMs: number;
  readonly onDeadline: "hold" | "proceed";
  /** How long Envoy drains a replaced listener (its `--drain-time-s`); clusters that left together with a listener stay that long. */
  readonly drainMs: number;
}

/** Why a snapshot exists. */
export interface SnapshotCause {
  /** For people: the file that changed, `start`, `last known good`. */
  readonly text: string;
  readonly atMs: number;
}

/** One version of one group. */
export interface Snapshot {
  readonly group: GroupName;
  readonly version: SnapshotVersion;
  /** By type URL, in the order of `resourceTypes`; a type without resources has an empty table. */
  readonly tables: ReadonlyMap<string, TypeTable>;
  readonly updates: UpdatePolicy;
  readonly cause: SnapshotCause;
}

/** Builds a table; `resources` may come in any order, names must be unique. */
export function createTable(typeUrl: string, resources: readonly Resource[]): TypeTable {
  const sorted = [...resources].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return tableOf(typeUrl, new Map(sorted.map((resource) => [resource.name, resource])), {
    names: sorted.map(({ name }) => name),
    texts: sorted.map(versionText),
  });
}

/** A table with some names replaced, added or, where there is no resource, removed. */
export function updateTable(
  typeUrl: string,
  before: TypeTable | undefined,
  changes: ReadonlyMap<ResourceName, Resource | undefined>,
): TypeTable {
  const old = before?.resources ?? new Map<ResourceName, Resource>();
  if (before !== undefined && [...changes].every(([name, resource]) => old.get(name) === resource)) return before;
  const known = before === undefined ? undefined : tableTexts.get(before);
  const sameNames = [...changes].every(([name, resource]) => old.has(name) && resource !== undefined);
  if (!sameNames || known === undefined) {
    const left = [...old.values()].filter(({ name }) => !changes.has(name));
    return createTable(typeUrl, [...left, ...[...changes.values()].filter((resource) => resource !== undefined)]);
  }
  const resources = new Map(old);
  const texts = [...known.texts];
  for (const [name, resource] of changes) {
    if (resource === undefined) continue;
    resources.set(name, resource);
    texts[sortedPosition(name, known.names, (other) => other)] = versionText(resource);
  }
  return tableOf(typeUrl, resources, { names: known.names, texts });
}

/** What a table's version is the hash of, name by name. */
interface TableTexts {
  readonly names: readonly string[];
  readonly texts: readonly string[];
}

/** For the table that comes after. */
const tableTexts = new WeakMap<TypeTable, TableTexts>();

function tableOf(typeUrl: string, resources: TypeTable["resources"], texts: TableTexts): TypeTable {
  const table = { typeUrl, version: brand<VersionInfo>(hashOfText(texts.texts.join(""))), resources };
  tableTexts.set(table, texts);
  return table;
}

function versionText({ name, version }: Pick<Resource, "name" | "version">): string {
  return withLength(name) + withLength(version);
}

/** The version that a list of resources, sorted by name, has as a whole. */
export function tableVersion(sorted: Iterable<Pick<Resource, "name" | "version">>): string {
  return hashOfText(Array.from(sorted, versionText).join(""));
}

/** Builds a snapshot; absent types get an empty table. The version covers the content only, not cause or policy. */
export function createSnapshot(
  group: GroupName,
  tables: ReadonlyMap<string, TypeTable>,
  rest: { readonly updates: UpdatePolicy; readonly cause: SnapshotCause },
): Snapshot {
  const all = new Map<string, TypeTable>();
  for (const { typeUrl } of resourceTypes) {
    all.set(typeUrl, tables.get(typeUrl) ?? createTable(typeUrl, []));
  }
  const parts: string[] = [];
  for (const table of all.values()) parts.push(table.typeUrl, table.version);
  return { group, version: brand<SnapshotVersion>(contentHash(parts)), tables: all, ...rest };
}
