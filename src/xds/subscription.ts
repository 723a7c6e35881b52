/**
 * What one client wants of one type: named resources, all of them (wildcard), or both.
 *
 * Wildcard is `*`, or the legacy form: a type that allows it and for which this stream has never named
 * anything. Once any name was sent, even `*`, an empty list means "nothing", never "everything".
 * Spec: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#how-the-client-specifies-what-resources-to-return
 */
import type { ResourceName } from "../snapshot/resource.ts";
import { brand } from "../support/brand.ts";

/** Owned by one stream; the functions below change it in place. */
export interface Subscription {
  wildcard: boolean;
  /** The stream has named something of this type, so an empty list is no longer the legacy wildcard. */
  hasNamed: boolean;
  readonly names: Set<ResourceName>;
}

/** What a request changed. */
export interface SubscriptionChange {
  /** Named now and not before; in delta also a name that is asked for again. */
  readonly added: readonly ResourceName[];
  readonly dropped: readonly ResourceName[];
  readonly wildcardStarted: boolean;
}

const WILDCARD = "*";

/** A subscription to nothing. */
export function createSubscription(): Subscription {
  return { wildcard: false, hasNamed: false, names: new Set() };
}

/** Takes the full list of a SotW request. */
export function subscribeSotw(
  subscription: Subscription,
  names: readonly string[],
  wildcardAllowed: boolean,
): SubscriptionChange {
  const wanted = new Set<ResourceName>();
  let wildcard = false;
  for (const name of names) {
    if (name === WILDCARD && wildcardAllowed) wildcard = true;
    else wanted.add(brand<ResourceName>(name));
  }
  if (names.length > 0) subscription.hasNamed = true;
  else if (!subscription.hasNamed && wildcardAllowed) wildcard = true;
  const added = [...wanted].filter((name) => !subscription.names.has(name));
  const dropped = [...subscription.names].filter((name) => !wanted.has(name));
  const wildcardStarted = wildcard && !subscription.wildcard;
  subscription.wildcard = wildcard;
  for (const name of dropped) subscription.names.delete(name);
  for (const name of added) subscription.names.add(name);
  return { added, dropped, wildcardStarted };
}

/**
 * Takes the changes of a delta request. `first` says that this is the first request of the type on this
 * stream: naming nothing in it is the legacy wildcard. A name that is subscribed again counts as added,
 * because the client may have forgotten it and must be sent it again.
 */
export function subscribeDelta(
  subscription: Subscription,
  request: { readonly subscribe: readonly string[]; readonly unsubscribe: readonly string[]; readonly first: boolean },
  wildcardAllowed: boolean,
): SubscriptionChange {
  const before = subscription.wildcard;
  if (request.first && request.subscribe.length === 0 && wildcardAllowed) subscription.wildcard = true;
  const added: ResourceName[] = [];
  for (const name of request.subscribe) {
    subscription.hasNamed = true;
    if (name === WILDCARD && wildcardAllowed) {
      subscription.wildcard = true;
      continue;
    }
    subscription.names.add(brand<ResourceName>(name));
    added.push(brand<ResourceName>(name));
  }
  const dropped: ResourceName[] = [];
  for (const name of request.unsubscribe) {
    if (name === WILDCARD && wildcardAllowed) subscription.wildcard = false;
    else if (subscription.names.delete(brand<ResourceName>(name))) dropped.push(brand<ResourceName>(name));
  }
  return { added, dropped, wildcardStarted: subscription.wildcard && !before };
}
