/**
 * Collections: `xdstp://authority/type/path/*` asks for everything whose name is one step below the path.
 *
 * To the stream machine a client that asks for collections has a wildcard over a smaller view: what is in none of
 * its collections, and was not named, is not there. The parameters behind a `?` are a part of the name and must be
 * the same, in any order. Both delta and SotW clients ask so; in SotW the full state is that of the collections.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#glob-collections
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { canonicalName } from "./context-parameters.ts";
import type { NameSet } from "./name-pool.ts";
import type { Subscription } from "./subscription.ts";
import type { View } from "./view.ts";

/** Whether the name is that of a collection. */
export function isCollection(name: string): boolean {
  return name.startsWith("xdstp:") && (name.endsWith("/*") || name.includes("/*?"));
}

const views = new WeakMap<View, WeakMap<NameSet, WeakMap<NameSet, View>>>();

/** What of the view a client may see that asks for collections; the same object for the same names. */
export function collectionView(view: View, { collections, names }: Subscription): View {
  const ofView = views.get(view) ?? new WeakMap<NameSet, WeakMap<NameSet, View>>();
  views.set(view, ofView);
  const ofCollections = ofView.get(collections) ?? new WeakMap<NameSet, View>();
  ofView.set(collections, ofCollections);
  let restricted = ofCollections.get(names);
  if (restricted === undefined) ofCollections.set(names, (restricted = restrict(view, collections, names)));
  return restricted;
}

function restrict(view: View, collections: NameSet, names: NameSet): View {
  const resources = new Map<ResourceName, Resource>();
  for (const [name, resource] of view.resources) {
    if (names.has(name) || collections.has(collectionOf(name))) resources.set(name, resource);
  }
  return { ...view, resources };
}

/** The collection that a name is in, in its canonical form: its last step is any. */
function collectionOf(name: ResourceName): ResourceName {
  const query = name.indexOf("?");
  const path = query === -1 ? name : name.slice(0, query);
  const parameters = query === -1 ? "" : name.slice(query);
  return canonicalName(`${path.slice(0, path.lastIndexOf("/"))}/*${parameters}`) as ResourceName;
}
