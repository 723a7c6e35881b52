/**
 * What a group's snapshot was made of, and the next one from the difference.
 *
 * A build of ten thousand resources changes a few; the difference is looked for by identity, and only it is
 * encoded, put in tables and checked. As soon as anything is wrong or out of the ordinary (a name twice, a
 * reference that leads nowhere) nothing is given, and `buildSnapshots` goes through everything for the words.
 */
import { differences } from "../support/differences.ts";
import { sameItems } from "../support/same-content.ts";
import type { EnvoyResource } from "../translate/envoy-resource.ts";
import { isKnownFromStart } from "./consistency.ts";
import type { ResourceEncoder } from "./encode-resource.ts";
import type { Reference, Resource, ResourceName } from "./resource.ts";
import type { TypeTable } from "./snapshot.ts";
import { updateTable } from "./snapshot.ts";
import { resourceType } from "./type-url.ts";

/** One build of a group in which nothing was wrong. */
export interface GroupBuild {
  readonly resources: readonly EnvoyResource[];
  readonly tables: ReadonlyMap<string, TypeTable>;
  /** Type URL → name → how many resources refer to it. The next build of the group takes it over and changes it. */
  readonly users: Users;
}

type Users = Map<string, Map<string, number>>;

/** Above this part of the resources, a build from nothing costs less. */
const CHANGED_PART_MAX = 0.1;

/** A build from nothing, to go on from. */
export function firstBuild(resources: readonly EnvoyResource[], tables: ReadonlyMap<string, TypeTable>): GroupBuild {
  const users: Users = new Map();
  for (const table of tables.values()) {
    for (const { references } of table.resources.values()) count(users, references, 1);
  }
  return { resources, tables, users };
}

/** The next build and what has to happen when it is taken; undefined when it has to be made from nothing. */
export function nextBuild(
  before: GroupBuild,
  resources: readonly EnvoyResource[],
  encoder: ResourceEncoder,
): { readonly build: GroupBuild; readonly take: () => void } | undefined {
  const changed = differences(before.resources, resources);
  if (changed.come.length + changed.gone.length > Math.max(20, resources.length * CHANGED_PART_MAX)) return undefined;
  const changes = encodeChanges(before, changed, encoder);
  if (changes === undefined) return undefined;
  const tables = new Map(before.tables);
  const [lost, won]: [Reference[], Reference[]] = [[], []];
  for (const [typeUrl, ofType] of changes) {
    const old = before.tables.get(typeUrl);
    const table = updateTable(typeUrl, old, ofType);
    tables.set(typeUrl, table);
    for (const [name, resource] of ofType) {
      const [from, to] = [old?.resources.get(name)?.references ?? [], resource?.references ?? []];
      if (sameReferences(from, to)) continue;
      lost.push(...from);
      won.push(...to);
    }
  }
  const counts: Users = new Map();
  count(counts, lost, -1);
  count(counts, won, 1);
  if (!isConsistent(before.users, counts, { tables, won, changes })) return undefined;
  const take = (): void => {
    add(before.users, counts);
    for (const [typeUrl, ofType] of changes) {
      for (const [name, resource] of ofType) if (resource === undefined) encoder.forget(typeUrl, name);
    }
  };
  return { build: { resources, tables, users: before.users }, take };
}

/** By type and name what is new, or undefined for what is gone. */
type Changes = Map<string, Map<ResourceName, Resource | undefined>>;

function encodeChanges(
  { tables }: GroupBuild,
  { gone, come }: { readonly gone: readonly EnvoyResource[]; readonly come: readonly EnvoyResource[] },
  encoder: ResourceEncoder,
): Changes | undefined {
  const changes: Changes = new Map();
  const ofType = (typeUrl: string) => {
    const found = changes.get(typeUrl) ?? new Map<ResourceName, Resource | undefined>();
    changes.set(typeUrl, found);
    return found;
  };
  for (const { typeUrl, name } of gone) ofType(typeUrl).set(name as ResourceName, undefined);
  for (const resource of come) {
    if (resourceType(resource.typeUrl) === undefined) return undefined;
    const encoded = encoder.encode(resource);
    if (!encoded.ok) return undefined;
    const { name, typeUrl } = encoded.value;
    const sameType = ofType(typeUrl);
    const other = sameType.has(name) ? sameType.get(name) : tables.get(typeUrl)?.resources.get(name);
    if (other !== undefined) return undefined;
    sameType.set(name, encoded.value);
  }
  return changes;
}

/** Whether what is newly named is there, and nobody names what is gone. */
function isConsistent(
  users: Users,
  counts: Users,
  now: {
    readonly tables: ReadonlyMap<string, TypeTable>;
    readonly won: readonly Reference[];
    readonly changes: Changes;
  },
): boolean {
  for (const reference of now.won) {
    const names: ReadonlyMap<string, Resource> | undefined = now.tables.get(reference.typeUrl)?.resources;
    if (names?.has(reference.name) !== true && !isKnownFromStart(reference)) return false;
  }
  for (const [typeUrl, ofType] of now.changes) {
    for (const [name, resource] of ofType) {
      const left = (users.get(typeUrl)?.get(name) ?? 0) + (counts.get(typeUrl)?.get(name) ?? 0);
      if (resource === undefined && left > 0) return false;
    }
  }
  return true;
}

function sameReferences(a: readonly Reference[], b: readonly Reference[]): boolean {
  return (
    sameItems(a, b) ||
    (a.length === b.length &&
      a.every((reference, index) => reference.name === b[index]?.name && reference.typeUrl === b[index].typeUrl))
  );
}

function count(users: Users, references: readonly Reference[], by: number): void {
  for (const { typeUrl, name } of references) addTo(users, { typeUrl, name }, by);
}

function add(users: Users, counts: Users): void {
  for (const [typeUrl, names] of counts) for (const [name, by] of names) addTo(users, { typeUrl, name }, by);
}

function addTo(users: Users, { typeUrl, name }: Reference, by: number): void {
  const names = users.get(typeUrl) ?? new Map<string, number>();
  users.set(typeUrl, names);
  const sum = (names.get(name) ?? 0) + by;
  if (sum === 0) names.delete(name);
  else names.set(name, sum);
}
