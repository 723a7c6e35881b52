/**
 * What one node is to hold of one type right now: the sequencer's view, the names it subscribes to, and
 * not what it has already rejected.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { brand } from "../support/brand.ts";
import { findByName } from "./context-parameters.ts";
import { isWanted } from "./subscription.ts";
import type { View } from "./view.ts";
import { nothing } from "./view.ts";
import { diffViews } from "./view-diff.ts";
import type { BlamedTogether, StreamState, TypeRejections, TypeState } from "./stream-state.ts";

/** Contents remembered as rejected for each name, and names for each type: a bad fleet must not fill the memory. */
const VERSIONS_MAX = 8;
export const NAMES_MAX = 1_000;

/** What is to be done about one name. */
export type Offer =
  | { readonly kind: "resource"; readonly resource: Resource }
  /** The node keeps whatever it has: its content is unknown to us, or the wanted content was rejected. */
  | { readonly kind: "keep" }
  | { readonly kind: "absent" };

/** All names that the client wants or asked for: all of the view under a wildcard, and what is subscribed by name. */
export function* wantedNames(type: TypeState, view: View): Iterable<ResourceName> {
  if (type.subscription.wildcard) {
    yield* view.resources.keys();
    for (const name of type.subscription.names) if (!view.resources.has(name)) yield name;
  } else {
    yield* type.subscription.names;
  }
}

/**
 * The names about which something may have to be said: where the view differs from what the client holds, and
 * what is exceptional about this client. All others hold what they should and were answered.
 */
export function openNames(state: StreamState, type: TypeState, view: View): readonly ResourceName[] {
  const { held, subscription } = type;
  if (held.base === nothing) return [...new Set([...wantedNames(type, view), ...held.exceptions(), ...type.forced])];
  const { changed, removed } = diffViews(held.base, view);
  const open = new Set<ResourceName>(held.exceptions());
  for (const list of [changed, removed]) for (const name of list) if (isWanted(subscription, name)) open.add(name);
  for (const name of type.forced) open.add(name);
  for (const name of state.rejections.get(type.type.typeUrl)?.resources.keys() ?? []) {
    if (isWanted(subscription, name)) open.add(name);
  }
  return [...open].sort();
}

/** What to do about `name`; a rejected version gives way to the last good one that we know of. */
export function offerOf(state: StreamState, type: TypeState, view: View, name: ResourceName): Offer {
  const wanted = view.resources.get(name);
  if (wanted === undefined) {
    // What is to come is not said to be missing: a removed extension would answer requests with 5xx.
    const table = state.sequencer.snapshot?.tables.get(type.type.typeUrl);
    const comes = table !== undefined && findByName(table.resources, name) !== undefined;
    // Who holds nothing of it waits for an answer; clusters are named beside a wildcard that says more.
    const isLost = type.type.expiresByUnsubscribe && !type.held.has(name);
    return comes || (view.untouched.has(name) && !isLost) ? { kind: "keep" } : { kind: "absent" };
  }
  if (type.subscription.wildcard && view.unclaimed.has(name)) {
    const last = type.held.get(name);
    if (last === undefined) return { kind: "absent" };
    if (typeof last === "object") return { kind: "resource", resource: last };
    // In delta what is not sent stays; a full state would delete it.
    if (last !== "" || state.variant === "delta") return { kind: "keep" };
  }
  if (!isRejected(state, wanted, view)) return { kind: "resource", resource: wanted };
  const rest = [lastAccepted(state, type, name), newestOf(state, wanted)];
  const good = rest.find((resource) => resource !== undefined && !isRejected(state, resource, undefined));
  return good === undefined ? { kind: "keep" } : { kind: "resource", resource: good };
}

/** What the client has accepted under the name; when it does not say, the best guess from before. */
function lastAccepted(state: StreamState, type: TypeState, name: ResourceName): Resource | undefined {
  const held = type.held.get(name);
  if (typeof held === "object") return held;
  const good = state.rejections.get(type.type.typeUrl)?.lastGood.get(name);
  // Endpoints that are asked for anew, such as on a stream for a new cluster, were good for the cluster before it.
  if (held === undefined)
    return type.type.typeUrl === typeUrls.endpoints ? (good ?? heldByCompanion(state, name)) : undefined;
  return held === "" || held === good?.version ? good : undefined;
}

/** The endpoints that the node has on the stream that it asked for them before. */
function heldByCompanion(state: StreamState, name: ResourceName): Resource | undefined {
  for (const { types } of state.companions()) {
    const held = types.get(typeUrls.endpoints)?.held.get(name);
    if (typeof held === "object") return held;
  }
  return undefined;
}

/**
 * The snapshot's own endpoints, where the view keeps older ones a little longer; not when they are empty, while a route
 * may lead to what the node took of a response that it rejected.
 */
function newestOf(state: StreamState, { typeUrl, name, hostCount }: Resource): Resource | undefined {
  if (typeUrl !== typeUrls.endpoints) return undefined;
  const newest = state.sequencer.snapshot?.tables.get(typeUrl)?.resources.get(name);
  return newest?.hostCount === 0 && hostCount > 0 ? undefined : newest;
}

/**
 * Whether this node has rejected this very content. What was blamed together, because the node named none,
 * counts only while all of it is wanted: once a part has changed, that may have been the bad one, and
 * the others must not be held back for ever. And it does not count for what is being tried.
 */
export function isRejected(state: StreamState, resource: Resource, view: View | undefined): boolean {
  const rejections = state.rejections.get(resource.typeUrl)?.resources.get(resource.name);
  const rejection = rejections?.find(({ version }) => version === resource.version);
  if (rejection === undefined) return false;
  const { together } = rejection;
  if (together?.trying.has(resource.name) === true) return false;
  if (together === undefined || view === undefined) return true;
  // When there were enough trials, what is only kept is given up.
  if (together.trying.size === 0 && view.leaving.has(resource.name)) return true;
  return isWhole(state, together, view);
}

/** Remembers that the node rejected these contents: each by itself, or some of them, without saying which. */
export function reject(
  state: StreamState,
  type: TypeState,
  resources: readonly Resource[],
  together?: BlamedTogether,
): void {
  const { resources: known, lastGood } = rejectionsOf(state, type.type.typeUrl);
  for (const { name, version } of resources) {
    const others = (known.get(name) ?? []).filter((rejection) => rejection.version !== version);
    known.delete(name);
    known.set(name, [{ version, together }, ...others].slice(0, VERSIONS_MAX));
    const held = type.held.get(name);
    if (typeof held === "object") lastGood.set(name, held);
    for (const oldest of known.keys()) {
      if (known.size <= NAMES_MAX) break;
      known.delete(oldest);
      lastGood.delete(oldest);
    }
  }
}

/** Remembers that the node rejected a whole response without saying why. */
export function rejectWhole(state: StreamState, type: TypeState, versionInfo: string): void {
  const rejections = rejectionsOf(state, type.type.typeUrl);
  const others = rejections.wholeVersions.filter((version) => version !== versionInfo);
  rejections.wholeVersions = [versionInfo, ...others].slice(0, VERSIONS_MAX);
}

/** The node has accepted this content: perhaps it had only been blamed together with what was bad. */
export function absolve(state: StreamState, resource: Resource): void {
  const known = state.rejections.get(resource.typeUrl);
  const rejections = known?.resources.get(resource.name);
  if (known === undefined || rejections === undefined) return;
  const rest = rejections.filter(({ version }) => version !== resource.version);
  if (rest.length > 0) {
    known.resources.set(resource.name, rest);
    known.lastGood.set(resource.name, resource);
  } else {
    known.resources.delete(resource.name);
    known.lastGood.delete(resource.name);
  }
}

/** What the node has rejected of a type, to be changed. */
export function rejectionsOf(state: StreamState, typeUrl: string): TypeRejections {
  let ofType = state.rejections.get(typeUrl);
  if (ofType === undefined) {
    state.rejections.set(
      typeUrl,
      (ofType = {
        resources: new Map(),
        lastGood: new Map(),
        unlisted: new Set(),
        wholeVersions: [],
        uncertain: false,
      }),
    );
  }
  return ofType;
}

/** Where the view keeps older endpoints a little longer, the newest may have been tried in their place. */
function isWhole(state: StreamState, together: BlamedTogether, view: View): boolean {
  const newest = state.sequencer.snapshot?.tables.get(together.typeUrl);
  if (together.checkedFor !== view) {
    together.checkedFor = view;
    const isTrial = together.trying.size > 0;
    together.isWhole = [...together.versions].every(([name, version]) => {
      const isOffered = view.resources.get(name)?.version === version;
      return isTrial
        ? (isOffered && !isGivenUp(state, together.typeUrl, view, name)) ||
            newest?.resources.get(name)?.version === version
        : isOffered && !view.leaving.has(name);
    });
  }
  return together.isWhole;
}

/** What leaves and may never have been taken is not given any more under a wildcard, and so not tried either. */
export function isGivenUp(state: StreamState, typeUrl: string, view: View, name: ResourceName): boolean {
  return view.unclaimed.has(name) && state.types.get(typeUrl)?.subscription.wildcard === true;
}

/** A plain string as a resource name. */
export function resourceName(name: string): ResourceName {
  return brand<ResourceName>(name);
}
