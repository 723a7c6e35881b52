/**
 * What the resources of a view refer to, found once for all streams that hold the view.
 *
 * The gates ask for every node whether it has asked for the children of all it holds, and whether anything it
 * holds leads somewhere. For a client that holds a view without exceptions the answer is the same as for
 * everybody else who does. Names are in canonical form here, because that is how Envoy asks for what it refers to.
 */
import type { ResourceName } from "../snapshot/resource.ts";
import { canonicalName } from "./context-parameters.ts";
import type { Holding } from "./holding.ts";
import { resourceName } from "./offer.ts";
import type { NameSet } from "./name-pool.ts";
import type { TypeState } from "./stream-state.ts";
import type { View } from "./view.ts";

/** Names by type URL. */
type References = ReadonlyMap<string, ReadonlySet<ResourceName>>;

const references = new WeakMap<View, References>();

/** Everything that the resources of a view refer to. */
function referencesOf(view: View): References {
  let found = references.get(view);
  if (found === undefined) references.set(view, (found = collect(view)));
  return found;
}

function collect(view: View): References {
  const byType = new Map<string, Set<ResourceName>>();
  for (const resource of view.resources.values()) {
    for (const { typeUrl, name } of resource.references) {
      let names = byType.get(typeUrl);
      if (names === undefined) byType.set(typeUrl, (names = new Set()));
      names.add(resourceName(canonicalName(name)));
    }
  }
  return byType;
}

/** Whether something that the client is known to hold of this type refers to the name. */
export function refersTo(type: TypeState, typeUrl: string, name: ResourceName): boolean {
  const { held } = type;
  const wanted = canonicalName(name);
  const maybe = referencesOf(held.base).get(typeUrl)?.has(resourceName(wanted)) === true;
  if (held.exceptionsCount === 0 && type.subscription.wildcard) return maybe;
  if (!maybe && held.exceptionsCount === 0) return false;
  for (const each of held.values()) {
    if (typeof each === "string") continue;
    const leads = each.references.some((to) => to.typeUrl === typeUrl && canonicalName(to.name) === wanted);
    if (leads) return true;
  }
  return false;
}

/** The children of one type that the known parents of a client refer to. */
export function childrenOf(parents: TypeState, childTypeUrl: string): ReadonlySet<ResourceName> {
  const { held, subscription } = parents;
  if (!subscription.wildcard || held.exceptionsCount > SHARED_EXCEPTIONS_MAX) return findChildren(held, childTypeUrl);
  if (held.exceptionsCount === 0) return referencesOf(held.base).get(childTypeUrl) ?? noChildren;
  let ofView = withExceptions.get(held.base);
  if (ofView === undefined) withExceptions.set(held.base, (ofView = new Map()));
  const key = keyOf(held, childTypeUrl);
  let children = ofView.get(key);
  if (children === undefined) {
    ofView.set(key, (children = findChildren(held, childTypeUrl)));
    for (const oldest of ofView.keys()) {
      if (ofView.size <= EXCEPTIONS_REMEMBERED_MAX) break;
      ofView.delete(oldest);
    }
  }
  return children;
}

/** A fleet that has refused the same content has the same few exceptions on every stream. */
const SHARED_EXCEPTIONS_MAX = 16;
const EXCEPTIONS_REMEMBERED_MAX = 32;

/** The same set for all who hold the same; what is found about it is then found once, too. */
const withExceptions = new WeakMap<View, Map<string, ReadonlySet<ResourceName>>>();

function keyOf(held: Holding, childTypeUrl: string): string {
  const parts = [childTypeUrl];
  for (const name of held.exceptions()) {
    const each = held.get(name);
    // Unknown content and none lead nowhere, as far as we know.
    parts.push(name, typeof each === "object" ? each.version : "");
  }
  return parts.join("\n");
}

function findChildren(held: Holding, childTypeUrl: string): ReadonlySet<ResourceName> {
  const names = new Set<ResourceName>();
  for (const each of held.values()) {
    if (typeof each === "string") continue;
    for (const { typeUrl, name } of each.references) {
      if (typeUrl === childTypeUrl) names.add(resourceName(canonicalName(name)));
    }
  }
  return names;
}

const noChildren: ReadonlySet<ResourceName> = new Set();

const unasked = new WeakMap<ReadonlySet<ResourceName>, WeakMap<NameSet, readonly ResourceName[]>>();

/** Children that a client has not asked for. */
export function notAskedFor(children: ReadonlySet<ResourceName>, names: NameSet): readonly ResourceName[] {
  return remembered(unasked, { children, key: names }, () => [...children].filter((name) => !names.has(name)));
}

const unheld = new WeakMap<ReadonlySet<ResourceName>, WeakMap<View, readonly ResourceName[]>>();

/** Children that a view does not have. */
export function notIn(children: ReadonlySet<ResourceName>, view: View): readonly ResourceName[] {
  return remembered(unheld, { children, key: view }, () => [...children].filter((name) => !view.resources.has(name)));
}

function remembered<Key extends object>(
  memory: WeakMap<ReadonlySet<ResourceName>, WeakMap<Key, readonly ResourceName[]>>,
  of: { readonly children: ReadonlySet<ResourceName>; readonly key: Key },
  find: () => readonly ResourceName[],
): readonly ResourceName[] {
  let ofChildren = memory.get(of.children);
  if (ofChildren === undefined) memory.set(of.children, (ofChildren = new WeakMap()));
  let found = ofChildren.get(of.key);
  if (found === undefined) ofChildren.set(of.key, (found = find()));
  return found;
}
