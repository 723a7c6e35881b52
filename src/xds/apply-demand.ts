/**
 * What a request of a client changes: its subscription, what we believe it holds, and what is owed to it.
 *
 * The verdict on a response (ACK or NACK), which the same request may carry, is in verdict.ts.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { compose } from "./compose.ts";
import { resourceName } from "./offer.ts";
import { retainHeld, viewOf } from "./sequencer.ts";
import type { Demand, StreamState, TypeState } from "./stream-state.ts";
import { subscribeDelta, subscribeSotw } from "./subscription.ts";

/** Facts about the request that its text does not hold. */
export interface DemandContext {
  /** The first request of this type on this stream. */
  readonly first: boolean;
  /** It acknowledged or rejected the response in flight. */
  readonly answered: boolean;
  readonly earlier: (typeUrl: string) => readonly Resource[];
}

/** What a client that cannot list what it holds (SotW) may still be using, beside the clusters themselves. */
const SUPPLY_TYPES = [typeUrls.secret, typeUrls.cluster, typeUrls.endpoints];

/** Takes a SotW request: the full list of names, and on a new stream the version it held. */
export function applySotw(
  state: StreamState,
  type: TypeState,
  demand: Demand & { readonly variant: "sotw" },
  context: DemandContext,
): void {
  const change = subscribeSotw(type.subscription, demand.names, type.type.wildcardAllowed);
  type.cleanFor = undefined;
  for (const name of change.added) type.forced.add(name);
  for (const name of change.dropped) forget(type, name);
  if (context.first && demand.versionInfo !== "") {
    state.fresh = false;
    resumeSotw(state, type, demand.versionInfo, context);
  }
  if (change.wildcardStarted && type.confirmedVersion === undefined) type.owed = true;
  if (context.first || context.answered) return;
  const stale = demand.nonce !== "" && demand.nonce !== type.lastNonce;
  if (stale) {
    // The client may never answer the response in flight, because it dropped the type in between
    // (envoy#3355). The stream is ordered, so its newest list is the truth: start over with it.
    if (change.added.length > 0 && !type.type.fullStateInSotw) abandonInFlight(type);
  } else if (type.inFlight === undefined && change.added.length + change.dropped.length === 0) {
    // The same request again with a nonce that was already acknowledged is a demand: Envoy asks again for
    // the endpoints of a cluster that it is warming anew (envoy#13009).
    if (!type.type.wildcardAllowed) for (const name of type.subscription.names) type.forced.add(name);
  }
}

/** Takes a delta request: changes of the subscription, and on a new stream the versions it holds. */
export function applyDelta(
  state: StreamState,
  type: TypeState,
  demand: Demand & { readonly variant: "delta" },
  context: DemandContext,
): void {
  if (context.first && demand.initialVersions.size > 0) {
    state.fresh = false;
    resumeDelta(state, type, demand.initialVersions);
  }
  const { subscribe, unsubscribe } = demand;
  const change = subscribeDelta(
    type.subscription,
    { subscribe, unsubscribe, first: context.first },
    type.type.wildcardAllowed,
  );
  if (subscribe.length + unsubscribe.length > 0 || context.first) type.cleanFor = undefined;
  for (const name of change.added) {
    type.missing.delete(name);
    if (!(context.first && demand.initialVersions.has(name))) type.forced.add(name);
  }
  for (const name of change.dropped) {
    forget(type, name);
    // Under a wildcard the client must hear what becomes of the name: the resource, or its removal.
    if (type.subscription.wildcard) type.held.set(name, "");
  }
  if (unsubscribe.includes("*")) dropWildcard(type);
  if (change.wildcardStarted && demand.initialVersions.size === 0) type.owed = true;
}

/** A SotW client names only a version: either it is ours, or it may hold anything of earlier snapshots. */
function resumeSotw(state: StreamState, type: TypeState, versionInfo: string, context: DemandContext): void {
  if (!type.type.fullStateInSotw) return;
  const view = viewOf(state.sequencer, type.type.typeUrl);
  const draft = view === undefined ? undefined : compose(state, type, view);
  if (draft?.versionInfo === versionInfo) {
    type.confirmedVersion = versionInfo;
    for (const resource of draft.resources) type.held.set(resource.name, resource);
    return;
  }
  if (type.type.typeUrl !== typeUrls.cluster) return;
  for (const typeUrl of SUPPLY_TYPES) retainHeld(state.sequencer, typeUrl, context.earlier(typeUrl).map(asHeld));
}

function resumeDelta(state: StreamState, type: TypeState, versions: ReadonlyMap<string, string>): void {
  for (const [name, version] of versions) type.held.set(resourceName(name), version);
  if (type.type.role !== "supply") return;
  const names = [...type.held.keys()].map((name) => ({ name, resource: undefined }));
  retainHeld(state.sequencer, type.type.typeUrl, names);
}

function asHeld(resource: Resource): { readonly name: ResourceName; readonly resource: Resource } {
  return { name: resource.name, resource };
}

function forget(type: TypeState, name: ResourceName): void {
  type.held.delete(name);
  type.forced.delete(name);
  type.missing.delete(name);
}

function dropWildcard(type: TypeState): void {
  for (const name of type.held.keys()) if (!type.subscription.names.has(name)) type.held.delete(name);
}

function abandonInFlight(type: TypeState): void {
  for (const name of type.inFlight?.sent.keys() ?? []) type.forced.add(name);
  type.inFlight = undefined;
}
