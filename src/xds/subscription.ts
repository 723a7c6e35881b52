/**
 * What one client wants of one type: named resources, all of them (wildcard), or both.
 *
 * Wildcard is `*`, or the legacy form: a type that allows it and for which this stream has never named
 * anything. Once any name was sent, even `*`, an empty list means "nothing", never "everything".
 * Spec: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
 */
import type { ResourceName } from "../snapshot/resource.ts";
import { isCollection } from "./collections.ts";
import { canonicalName } from "./context-parameters.ts";
import type { NamePool, NameSet } from "./name-pool.ts";
import { noNames } from "./name-pool.ts";

/** Owned by one stream; the functions below change it in place. The set of names is shared and never changes. */
export interface Subscription {
  wildcard: boolean;
  /** The stream has named something of this type, so an empty list is no longer the legacy wildcard. */
  hasNamed: boolean;
  names: NameSet;
  /** While there are any, in canonical form, the wildcard is for these collections only. */
  collections: NameSet;
}

/** What a request changed. */
export interface SubscriptionChange {
  /** Named now and not before; in delta also a name that is asked for again. */
  readonly added: readonly ResourceName[];
  /** Of these, what was not subscribed to by name before. */
  readonly fresh: readonly ResourceName[];
  readonly dropped: readonly ResourceName[];
  readonly wildcardStarted: boolean;
}

const WILDCARD = "*";

/** A subscription to nothing. */
export function createSubscription(): Subscription {
  return { wildcard: false, hasNamed: false, names: noNames, collections: noNames };
}

/** Whether the client wants what has this name. */
export function isWanted(subscription: Subscription, name: ResourceName): boolean {
  return subscription.wildcard || subscription.names.has(name);
}

/** Takes the full list of a SotW request. */
export function subscribeSotw(
  subscription: Subscription,
  names: readonly string[],
  type: { readonly wildcardAllowed: boolean; readonly pool: NamePool },
): SubscriptionChange {
  const hasStar = type.wildcardAllowed && names.includes(WILDCARD);
  const before = subscription.names;
  const asked = type.wildcardAllowed ? names.filter(isCollection) : [];
  const plain = asked.length > 0 ? names.filter((name) => !isCollection(name)) : names;
  const wanted = type.pool.of(hasStar ? withoutStar(plain) : plain);
  const everything = hasStar || (names.length === 0 && !subscription.hasNamed && type.wildcardAllowed);
  const wildcard = everything || asked.length > 0;
  if (names.length > 0) subscription.hasNamed = true;
  else if (subscription.wildcard && !subscription.hasNamed) return unchanged;
  // Everything has the collections in it.
  subscription.collections = everything ? noNames : type.pool.of(asked.map(canonicalName));
  const wildcardStarted = wildcard && !subscription.wildcard;
  subscription.wildcard = wildcard;
  subscription.names = wanted;
  if (wanted === before) return wildcardStarted ? { ...unchanged, wildcardStarted } : unchanged;
  const added = [...wanted].filter((name) => !before.has(name));
  const dropped = [...before].filter((name) => !wanted.has(name));
  return { added, fresh: added, dropped, wildcardStarted };
}

const unchanged: SubscriptionChange = { added: [], fresh: [], dropped: [], wildcardStarted: false };

/** A delta request, as far as it is about names. */
export interface DeltaNames {
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** The first request of the type on this stream: naming nothing in it is the legacy wildcard. */
  readonly first: boolean;
}

/**
 * Takes the changes of a delta request. A name that is subscribed again counts as added, because the client
 * may have forgotten it and must be sent it again.
 */
export function subscribeDelta(
  subscription: Subscription,
  request: DeltaNames,
  type: { readonly wildcardAllowed: boolean; readonly pool: NamePool },
): SubscriptionChange {
  const { first } = request;
  const wasWildcard = subscription.wildcard;
  const { subscribe, unsubscribe, changesCollections } = takeCollections(subscription, request, type);
  if (!changesCollections && !first && subscribe.length + unsubscribe.length === 0) return unchanged;
  const before = subscription.names;
  const starts = type.wildcardAllowed && subscribe.includes(WILDCARD);
  const stops = type.wildcardAllowed && unsubscribe.includes(WILDCARD);
  if (subscribe.length > 0) subscription.hasNamed = true;
  if ((first && request.subscribe.length === 0 && type.wildcardAllowed) || starts) {
    subscription.wildcard = true;
    // Everything has the collections in it.
    subscription.collections = noNames;
  }
  if (stops && subscription.collections.size === 0) subscription.wildcard = false;
  // The list itself, where it can be: the pool knows it again.
  const added = named(starts ? withoutStar(subscribe) : subscribe);
  const gone = named(stops ? withoutStar(unsubscribe) : unsubscribe);
  const withAdded = before.size === 0 ? type.pool.of(added) : type.pool.change(before, { added, dropped: [] });
  const dropped = gone.filter((name) => withAdded.has(name));
  subscription.names = type.pool.change(withAdded, { added: [], dropped });
  const fresh = before.size === 0 ? added : added.filter((name) => !before.has(name));
  return { added, fresh, dropped, wildcardStarted: subscription.wildcard && !wasWildcard };
}

/** Collections are no names: they are kept beside them, as what the wildcard is for. */
function takeCollections(
  subscription: Subscription,
  request: DeltaNames,
  type: { readonly wildcardAllowed: boolean; readonly pool: NamePool },
): Pick<DeltaNames, "subscribe" | "unsubscribe"> & { readonly changesCollections: boolean } {
  const { subscribe, unsubscribe } = request;
  const added = type.wildcardAllowed ? subscribe.filter(isCollection).map(canonicalName) : [];
  const dropped = type.wildcardAllowed ? unsubscribe.filter(isCollection).map(canonicalName) : [];
  if (added.length + dropped.length === 0) return { subscribe, unsubscribe, changesCollections: false };
  subscription.hasNamed = true;
  // Who has everything has the collections too.
  const hasEverything = subscription.wildcard && subscription.collections.size === 0;
  if (!hasEverything) {
    subscription.collections = type.pool.change(subscription.collections, { added, dropped });
    subscription.wildcard = subscription.collections.size > 0;
  }
  const isName = (name: string) => !isCollection(name);
  return { subscribe: subscribe.filter(isName), unsubscribe: unsubscribe.filter(isName), changesCollections: true };
}

function withoutStar(names: readonly string[]): readonly string[] {
  return names.filter((name) => name !== WILDCARD);
}

function named(names: readonly string[]): readonly ResourceName[] {
  return names as readonly ResourceName[];
}
