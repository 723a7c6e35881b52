/**
 * What a request of a client changes: its subscription, what we believe it holds, and what is owed to it.
 *
 * The verdict on a response (ACK or NACK), which the same request may carry, is in verdict.ts.
 */
import type { ResourceName } from "../snapshot/resource.ts";
import type { TypeTable } from "../snapshot/snapshot.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { canonicalName } from "./context-parameters.ts";
import { routeOf } from "./asked-hosts.ts";
import { notIn } from "./held-references.ts";
import { resumeDelta, resumeSotw } from "./resume-type.ts";
import { resourcesOf } from "./shared-responses.ts";
import type { Demand, Response, StreamState, TypeState } from "./stream-state.ts";
import type { SubscriptionChange } from "./subscription.ts";
import { subscribeDelta, subscribeSotw } from "./subscription.ts";
import { nothing } from "./view.ts";

/** Facts about the request that its text does not hold. */
export interface DemandContext {
  /** The first request of this type on this stream. */
  readonly first: boolean;
  /** It acknowledged or rejected the response in flight. */
  readonly answered: boolean;
  readonly atMs: number;
  /** Newest first. */
  readonly earlier: (typeUrl: string) => readonly TypeTable[];
}

/** Takes a SotW request: the full list of names, and on a new stream the version it held. */
export function applySotw(
  state: StreamState,
  type: TypeState,
  demand: Demand & { readonly variant: "sotw" },
  context: DemandContext,
): void {
  const { wildcardAllowed } = type.type;
  const { wildcard: wasWildcard, collections } = type.subscription;
  const change = subscribeSotw(type.subscription, demand.names, { wildcardAllowed, pool: state.shared.pool });
  if (change.added.length + change.dropped.length > 0 || change.wildcardStarted || context.first) {
    type.cleanFor = undefined;
  }
  noteWanted(type, change, wasWildcard);
  for (const name of change.dropped) forget(type, name);
  // A name that is asked for must be answered, even when the whole is what the client already has.
  const asksAnew = change.added.length > 0 || collections !== type.subscription.collections;
  if (asksAnew || wasWildcard !== type.subscription.wildcard) type.confirmedVersion = undefined;
  if (context.first && demand.versionInfo !== "") resumeSotw(state, type, demand.versionInfo, context);
  if (change.wildcardStarted && type.confirmedVersion === undefined) type.owed = true;
  // Who wants nothing any more waits for no first answer.
  if (!type.subscription.wildcard) type.owed = false;
  if (context.first || context.answered || answersAbandoned(type, demand.nonce)) return;
  // Without a nonce the client had not taken the response in flight either.
  const stale = demand.nonce !== type.lastNonce && (demand.nonce !== "" || type.inFlight !== undefined);
  if (stale) {
    // The client may never answer a response of which it dropped every name in between (envoy#3355). The
    // stream is ordered, so its newest list is the truth: start over with it.
    if (change.added.length + change.dropped.length > 0) {
      if (!type.type.fullStateInSotw) abandonUnwanted(type, change);
    } else if (!wildcardAllowed && demand.nonce !== "") demandAll(type);
  } else if (type.inFlight === undefined && change.added.length + change.dropped.length === 0) {
    // The same request again with a nonce that was already acknowledged is a demand: Envoy asks again for
    // the endpoints of a cluster that it is warming anew (envoy#13009).
    type.cleanFor = undefined;
    if (!wildcardAllowed) demandAll(type);
  }
}

/** Takes a delta request: changes of the subscription, and on a new stream the versions it holds. */
export function applyDelta(
  state: StreamState,
  type: TypeState,
  demand: Demand & { readonly variant: "delta" },
  context: DemandContext,
): void {
  const { subscribe, unsubscribe, initialVersions } = demand;
  // Nearly all requests are bare answers to a response.
  if (!context.first && subscribe.length + unsubscribe.length === 0) return;
  const isEndpoints = type.type.typeUrl === typeUrls.endpoints;
  // Endpoints before clusters: the clusters are paused, because some are warming and wait for their endpoints.
  const warming = context.first && isEndpoints && !state.types.has(typeUrls.cluster);
  const wasWildcard = type.subscription.wildcard;
  const change = subscribeDelta(
    type.subscription,
    { subscribe, unsubscribe, first: context.first },
    { wildcardAllowed: type.type.wildcardAllowed, pool: state.shared.pool },
  );
  const resumes = context.first && initialVersions.size > 0;
  if (resumes) resumeDelta(state, type, initialVersions, context);
  if (subscribe.length + unsubscribe.length > 0 || context.first) type.cleanFor = undefined;
  if (resumes) {
    markUnheld(type);
    for (const name of warming || state.awaited.length > 0 ? change.added : []) {
      if (type.held.has(name) && (warming || isAwaited(state, name))) type.forced.add(name);
    }
  } else noteWanted(type, change, wasWildcard);
  if (isEndpoints) state.awaited = [];
  for (const name of change.dropped) {
    forget(type, name);
    // Under a wildcard the client must hear what becomes of the name: the resource, or its removal.
    if (type.subscription.wildcard) type.held.set(name, "");
  }
  if (type.type.typeUrl === typeUrls.route && change.dropped.length > 0) forgetHosts(state, change.dropped);
  if (wasWildcard && !type.subscription.wildcard) dropWildcard(type);
  if (change.wildcardStarted && initialVersions.size === 0) type.owed = true;
  if (!type.subscription.wildcard) type.owed = false;
}

/** What a client that comes back asks for and does not hold is due; found once for all who ask and hold alike. */
function markUnheld({ held, subscription: { names } }: TypeState): void {
  for (const name of [...notIn(names, held.base), ...held.exceptions()]) {
    if (names.has(name) && !held.has(name)) held.markUnanswered(name);
  }
}

/** What was asked for must be answered, also when it was sent before or is under way. */
function noteWanted(type: TypeState, change: SubscriptionChange, wasWildcard: boolean): void {
  const isFirst = type.held.base === nothing && type.held.exceptionsCount === 0 && type.inFlight === undefined;
  if (isFirst && type.missing.size === 0) return;
  if (change.wildcardStarted) type.held.startWildcard();
  if (!wasWildcard) for (const name of change.fresh) type.held.markUnanswered(name);
  const sent = type.inFlight === undefined ? undefined : resourcesOf(type.inFlight.response);
  // A set, because both lists may have a hundred thousand names.
  const removed = new Set(type.inFlight?.response.removed);
  for (const name of change.added) {
    type.missing.delete(name);
    // Who asks again for what only it knew the content of has lost it.
    if (type.type.expiresByUnsubscribe && typeof type.held.get(name) === "string") type.held.delete(name);
    if (type.held.has(name) || sent?.has(name) === true || removed.has(name)) {
      type.forced.add(name);
    } else type.held.markUnanswered(name);
  }
}

/** Whether a cluster that was sent waits for these endpoints. */
function isAwaited(state: StreamState, name: ResourceName): boolean {
  return state.awaited.some((response) => endpointsOf(response).has(canonicalName(name)));
}

const endpointsByResponse = new WeakMap<Response, ReadonlySet<string>>();

/** The endpoints that the clusters of a response refer to. */
function endpointsOf(response: Response): ReadonlySet<string> {
  let names = endpointsByResponse.get(response);
  if (names === undefined) {
    const references = response.resources.flatMap((cluster) => cluster.references);
    const ofEndpoints = references.filter(({ typeUrl }) => typeUrl === typeUrls.endpoints);
    names = new Set(ofEndpoints.map(({ name }) => canonicalName(name)));
    endpointsByResponse.set(response, names);
  }
  return names;
}

function forget(type: TypeState, name: ResourceName): void {
  type.held.delete(name);
  type.forced.delete(name);
  type.missing.delete(name);
}

/** What a client that came back named as virtual hosts goes with their route configurations. */
function forgetHosts(state: StreamState, routes: readonly ResourceName[]): void {
  const hosts = state.types.get(typeUrls.virtualHost);
  if (hosts === undefined) return;
  for (const name of routes) hosts.begun.delete(name);
  for (const name of hosts.held.keys()) {
    if (!hosts.subscription.names.has(name) && routes.includes(routeOf(name))) hosts.held.delete(name);
  }
}

function dropWildcard(type: TypeState): void {
  for (const name of type.held.keys()) if (!type.subscription.names.has(name)) type.held.delete(name);
}

/** What is under way arrives after the demand was made, and so answers it. */
function demandAll(type: TypeState): void {
  const sent = type.inFlight === undefined ? undefined : resourcesOf(type.inFlight.response);
  for (const name of type.subscription.names) if (sent?.has(name) !== true) type.forced.add(name);
}

/** A name that was dropped before and is wanted again by this request was added, so it is sent again anyway. */
function abandonUnwanted(type: TypeState, { added }: SubscriptionChange): void {
  if (type.inFlight === undefined) return;
  const { nonce, resources } = type.inFlight.response;
  if (resources.some(({ name }) => type.subscription.names.has(name) && !added.includes(name))) return;
  type.abandoned = nonce;
  type.inFlight = undefined;
}

/** An answer to a response that is not waited for any more asks for nothing. */
function answersAbandoned(type: TypeState, nonce: string): boolean {
  if (type.abandoned === undefined || nonce !== type.abandoned) return false;
  type.abandoned = undefined;
  return true;
}
