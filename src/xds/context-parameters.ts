/**
 * The parameters behind the `?` of an `xdstp://` name have no order: two names with the same ones are one name.
 *
 * Envoy sorts the parameters of what it asks for; config may have them in any order. So a name is looked for as it
 * is written, and only when that fails by its canonical form, and the answer goes by the name that was asked for.
 * Names that are no `xdstp://` names with parameters, which are nearly all, are only looked at when they are asked for.
 * https://www.envoyproxy.io/docs/envoy/latest/xds/core/v3/context_params.proto
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { brand } from "../support/brand.ts";
import type { NameSet } from "./name-pool.ts";
import type { View } from "./view.ts";

/** What goes by the name that a client asked for and has another one in the config. */
export interface Alias extends Resource {
  readonly ownName: ResourceName;
}

/** Resources by name. */
type ByName = ReadonlyMap<ResourceName, Resource>;

/** Whether the order of its parameters could make a difference to the name. */
function hasParameters(name: string): boolean {
  return name.startsWith("xdstp:") && name.includes("?");
}

/** The name with its parameters in the order of their keys; directives behind `#` stay where they are. */
export function canonicalName(name: string): string {
  if (!hasParameters(name)) return name;
  const query = name.indexOf("?");
  const hash = name.indexOf("#", query);
  const end = hash === -1 ? name.length : hash;
  const parameters = name.slice(query + 1, end).split("&");
  if (parameters.length === 1) return name;
  return `${name.slice(0, query)}?${parameters.sort(byKey).join("&")}${name.slice(end)}`;
}

function byKey(a: string, b: string): number {
  const [keyA = ""] = a.split("=", 1);
  const [keyB = ""] = b.split("=", 1);
  if (keyA !== keyB) return keyA < keyB ? -1 : 1;
  return a < b ? -1 : Number(a > b);
}

const indexes = new WeakMap<ByName, ReadonlyMap<string, Resource>>();

/** What has the name, also with its parameters in another order. */
export function findByName(resources: ByName, name: ResourceName): Resource | undefined {
  const found = resources.get(name);
  if (found !== undefined || !hasParameters(name)) return found;
  let index = indexes.get(resources);
  if (index === undefined) indexes.set(resources, (index = makeIndex(resources)));
  return index.get(canonicalName(name));
}

function makeIndex(resources: ByName): ReadonlyMap<string, Resource> {
  const index = new Map<string, Resource>();
  for (const [name, resource] of resources) if (hasParameters(name)) index.set(canonicalName(name), resource);
  return index;
}

const parameterised = new WeakMap<NameSet, readonly ResourceName[]>();
const none: readonly ResourceName[] = [];

/** Of a set the names that have parameters; looked for once for all who ask for the same. */
function withParameters(names: NameSet): readonly ResourceName[] {
  if (names.size === 0) return none;
  let found = parameterised.get(names);
  if (found === undefined) parameterised.set(names, (found = [...names].filter(hasParameters)));
  return found;
}

const views = new WeakMap<View, WeakMap<NameSet, View>>();

/** The view in which everything goes by the name that was asked for; the view itself where that is so already. */
export function viewAsAsked(view: View, names: NameSet): View {
  const asked = withParameters(names);
  if (asked.length === 0) return view;
  const ofView = views.get(view) ?? new WeakMap<NameSet, View>();
  views.set(view, ofView);
  let renamed = ofView.get(names);
  if (renamed === undefined) ofView.set(names, (renamed = rename(view, names, asked)));
  return renamed;
}

function rename(view: View, names: NameSet, asked: readonly ResourceName[]): View {
  const aliases = asked.flatMap((name) => {
    const resource = findByName(view.resources, name);
    return resource === undefined || resource.name === name ? [] : [aliasOf(resource, name)];
  });
  if (aliases.length === 0) return view;
  const resources = new Map(view.resources);
  // Not beside its own name: an Envoy that has everything refuses to have it twice.
  for (const { ownName } of aliases) if (!names.has(ownName)) resources.delete(ownName);
  for (const alias of aliases) resources.set(alias.name, alias);
  const also = (set: ReadonlySet<ResourceName>): ReadonlySet<ResourceName> => {
    const of = aliases.filter(({ ownName }) => set.has(ownName));
    return of.length === 0 ? set : new Set([...set, ...of.map(({ name }) => name)]);
  };
  return { ...view, resources, leaving: also(view.leaving), unclaimed: also(view.unclaimed) };
}

const aliasesOf = new WeakMap<Resource, Map<ResourceName, Alias>>();

/** More names of one resource than these are no mistake in the order of parameters, but somebody who tries them all. */
const ALIASES_MAX = 32;

/** The same object for the same name, so that it is framed once. */
function aliasOf(resource: Resource, name: ResourceName): Alias {
  let aliases = aliasesOf.get(resource);
  if (aliases === undefined) aliasesOf.set(resource, (aliases = new Map()));
  const known = aliases.get(name);
  if (known !== undefined) return known;
  const alias: Alias = { ...resource, name: brand<ResourceName>(name), ownName: resource.name };
  if (aliases.size < ALIASES_MAX) aliases.set(name, alias);
  return alias;
}

/** Whether the resource goes by another name than its own. */
export function isAlias(resource: Resource): resource is Alias {
  return "ownName" in resource;
}
