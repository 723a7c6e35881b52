/**
 * Clusters that an Envoy has only when it asks for them by name, beside a wildcard for the others.
 *
 * What a wildcard stands for is the server's to say, and here it leaves out what is on demand. To the stream machine such
 * a client has a wildcard over a smaller view, as with collections. A client that has such a cluster without having
 * asked for it keeps it: when a group begins to have them on demand, its Envoys have everything, and listeners without
 * the filter that asks; they would lose requests, and start without them the next time anyway.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import type { NameSet } from "./name-pool.ts";
import { noNames } from "./name-pool.ts";
import type { StreamState, TypeState } from "./stream-state.ts";
import type { View } from "./view.ts";

/** What of a view everybody has, and what is left. */
interface Parts {
  readonly common: ReadonlyMap<ResourceName, Resource>;
  readonly onDemand: ReadonlyMap<ResourceName, Resource>;
}

const partsOf = new WeakMap<View, Parts>();
const views = new WeakMap<View, WeakMap<NameSet, WeakMap<NameSet, View>>>();

/** What of the view a delta client with a wildcard may see; the same object for the same names. */
export function askedView(state: StreamState, type: TypeState, view: View): View {
  const parts = split(view);
  if (parts.onDemand.size === 0) return view;
  const { names } = type.subscription;
  const kept = keptNames(state, type, parts);
  const ofView = views.get(view) ?? new WeakMap<NameSet, WeakMap<NameSet, View>>();
  views.set(view, ofView);
  const ofNames = ofView.get(names) ?? new WeakMap<NameSet, View>();
  ofView.set(names, ofNames);
  let asked = ofNames.get(kept);
  if (asked === undefined) ofNames.set(kept, (asked = restrict(view, parts, [...names, ...kept])));
  return asked;
}

function split(view: View): Parts {
  let parts = partsOf.get(view);
  if (parts === undefined) {
    const onDemand = new Map([...view.resources].filter(([, resource]) => resource.onDemand === true));
    const isCommon = ([name]: readonly [ResourceName, Resource]): boolean => !onDemand.has(name);
    const common = onDemand.size === 0 ? view.resources : new Map([...view.resources].filter(isCommon));
    partsOf.set(view, (parts = { common, onDemand }));
  }
  return parts;
}

/** By what a client holds, what it is offered and what it asks for; found once for all who are alike. */
const keptBy = new WeakMap<View, WeakMap<Parts, WeakMap<NameSet, NameSet>>>();

/** What the client has, or is about to have, without having asked for it. */
function keptNames(state: StreamState, { held, inFlight, subscription }: TypeState, parts: Parts): NameSet {
  const { names } = subscription;
  const isPlain = inFlight === undefined && held.exceptionsCount === 0;
  const known = isPlain ? keptBy.get(held.base)?.get(parts)?.get(names) : undefined;
  if (known !== undefined) return known;
  const isKept = (name: ResourceName): boolean => parts.onDemand.has(name) && !names.has(name);
  const found = [...held.keys()].filter(isKept);
  for (const { name } of inFlight?.response.resources ?? []) if (isKept(name) && !held.has(name)) found.push(name);
  const kept = found.length === 0 ? noNames : state.shared.pool.of(found);
  if (!isPlain) return kept;
  const ofBase = keptBy.get(held.base) ?? new WeakMap<Parts, WeakMap<NameSet, NameSet>>();
  keptBy.set(held.base, ofBase);
  const ofParts = ofBase.get(parts) ?? new WeakMap<NameSet, NameSet>();
  ofBase.set(parts, ofParts);
  ofParts.set(names, kept);
  return kept;
}

/** Of a view what everybody has, and of the rest what is among these names. */
export function viewWithNames(view: View, names: { has(name: string): boolean }): View {
  const parts = split(view);
  if (parts.onDemand.size === 0) return view;
  return restrict(
    view,
    parts,
    [...parts.onDemand.keys()].filter((name) => names.has(name)),
  );
}

function restrict(view: View, { common, onDemand }: Parts, names: readonly ResourceName[]): View {
  const resources = new Map(common);
  for (const name of names) {
    const resource = onDemand.get(name);
    if (resource !== undefined) resources.set(name, resource);
  }
  return { ...view, resources };
}
