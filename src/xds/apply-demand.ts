/**
 * What a request of a client changes: its subscription, what we believe it holds, and what is owed to it.
 *
 * The verdict on a response (ACK or NACK), which the same request may carry, is in verdict.ts.
 */
import type { ResourceName } from "../snapshot/resource.ts";
import type { TypeTable } from "../snapshot/snapshot.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { resumeDelta, resumeSotw } from "./resume-type.ts";
import type { Demand, StreamState, TypeState } from "./stream-state.ts";
import { subscribeDelta, subscribeSotw } from "./subscription.ts";

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
  const change = subscribeSotw(type.subscription, demand.names, type.type.wildcardAllowed);
  type.cleanFor = undefined;
  for (const name of change.added) type.forced.add(name);
  for (const name of change.dropped) forget(type, name);
  // A name that is asked for must be answered, even when the whole is what the client already has.
  if (change.added.length > 0) type.confirmedVersion = undefined;
  if (context.first && demand.versionInfo !== "") resumeSotw(state, type, demand.versionInfo, context);
  if (change.wildcardStarted && type.confirmedVersion === undefined) type.owed = true;
  if (context.first || context.answered) return;
  const stale = demand.nonce !== "" && demand.nonce !== type.lastNonce;
  if (stale) {
    // The client may never answer a response of which it dropped every name in between (envoy#3355). The
    // stream is ordered, so its newest list is the truth: start over with it.
    if (change.added.length > 0 && !type.type.fullStateInSotw) abandonUnwanted(type);
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
  const awaited = type.type.typeUrl === typeUrls.endpoints ? state.awaited : new Set();
  // Endpoints before clusters: the clusters are paused, because some are warming and wait for their endpoints.
  const warming = context.first && type.type.typeUrl === typeUrls.endpoints && !state.types.has(typeUrls.cluster);
  if (context.first && demand.initialVersions.size > 0) {
    resumeDelta(state, type, demand.initialVersions, context);
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
    const isHeld = context.first && demand.initialVersions.has(name);
    if (warming || !isHeld || awaited.has(name)) type.forced.add(name);
  }
  awaited.clear();
  for (const name of change.dropped) {
    forget(type, name);
    // Under a wildcard the client must hear what becomes of the name: the resource, or its removal.
    if (type.subscription.wildcard) type.held.set(name, "");
  }
  if (unsubscribe.includes("*")) dropWildcard(type);
  if (change.wildcardStarted && demand.initialVersions.size === 0) type.owed = true;
}

function forget(type: TypeState, name: ResourceName): void {
  type.held.delete(name);
  type.forced.delete(name);
  type.missing.delete(name);
}

function dropWildcard(type: TypeState): void {
  for (const name of type.held.keys()) if (!type.subscription.names.has(name)) type.held.delete(name);
}

function abandonUnwanted(type: TypeState): void {
  const sent = [...(type.inFlight?.sent.keys() ?? [])];
  // A name that was dropped and is wanted again by the same request was added, so it is forced.
  if (sent.some((name) => type.subscription.names.has(name) && !type.forced.has(name))) return;
  type.inFlight = undefined;
}
