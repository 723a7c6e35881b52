/**
 * One ADS stream, SotW or delta, as a state machine without I/O.
 *
 * `step` takes a request, a new snapshot or the passing of time and returns the state, the responses to
 * send in order, and the events to record. It reads no clock, socket or global, so a test can replay any
 * interleaving from a seed.
 *
 * Holds: at most one unacknowledged response per type; a resource is sent only when its version differs
 * from the client's or the client asked again; after a cluster changes its endpoints follow, or Envoy keeps
 * it warming for 15 s (envoy#13009); rejected content is not sent again; the order is the sequencer's.
 * Spec: https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol
 */
import type { ResourceName } from "../snapshot/resource.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { ResourceType } from "../snapshot/type-url.ts";
import { resourceType, typeUrls } from "../snapshot/type-url.ts";
import { assert } from "../support/assert.ts";
import { brand } from "../support/brand.ts";
import { applyDelta, applySotw } from "./apply-demand.ts";
import type { Guilty } from "./bisect.ts";
import { compose } from "./compose.ts";
import { canonicalName } from "./context-parameters.ts";
import { answerHeartbeat, noteEnding, sendHeartbeats } from "./heartbeat.ts";
import { joinCompanions } from "./join-companions.ts";
import { nodeProgress, reportProgress } from "./progress.ts";
import { offerOf } from "./offer.ts";
import { offeredView } from "./offered-view.ts";
import type { Composed } from "./shared-responses.ts";
import { sizeOf } from "./shared-responses.ts";
import { acceptSnapshot, advance, wakeAtMs } from "./sequencer.ts";
import type { StreamEvent } from "./stream-event.ts";
import type { Demand, Response, StreamInput, StreamOutcome, StreamState, TypeState } from "./stream-state.ts";
import { heldVersion, subscribedTypes, typeStateOf } from "./stream-state.ts";
import { acknowledge, rebase, refuse } from "./verdict.ts";
import type { View } from "./view.ts";

/** A step can pass the gates of supply and switch, start the next snapshot and pass its gates: never more. */
const ROUNDS_MAX = 8;

/** Envoy's own words are kept up to here; the rest of a proto dump helps nobody. */
const MESSAGE_CHARS_MAX = 2_000;

/** A client that takes clusters and never asks for endpoints must not be remembered more and more. */
const AWAITED_MAX = 8;

/** What one step has produced so far. */
interface Output {
  readonly responses: Response[];
  readonly events: StreamEvent[];
}

/** Takes one input; the state is changed in place and returned. */
export function step(state: StreamState, input: StreamInput): StreamOutcome {
  const output: Output = { responses: [], events: [] };
  const progress = nodeProgress(state);
  if (input.kind === "request") takeRequest(state, input, output);
  else if (input.kind === "snapshot") {
    hearAnew(state, input.snapshot);
    acceptSnapshot(state.sequencer, input.snapshot, progress, input.atMs);
    noteEnding(state, input.snapshot);
  }
  // Before the first request nothing is known of the client, so no gate may pass.
  if (state.types.size > 0) {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      push(state, input.atMs, output);
      if (!advance(state.sequencer, progress, input.atMs)) break;
      if (state.sequencer.phase === "settled") state.fresh = false;
    }
    reportProgress(state, input.atMs, output.events);
  }
  const wakesMs = wakeAtMs(state.sequencer);
  if (state.beats === undefined) return { state, ...output, wakeAtMs: wakesMs };
  const beatsMs = beat(state, state.beats, { atMs: input.atMs, output });
  return { state, ...output, wakeAtMs: beatsMs === undefined ? wakesMs : Math.min(beatsMs, wakesMs ?? Infinity) };
}

/** However often a type was rejected in a row: of new content the names are believed again. */
function hearAnew({ types, sequencer }: StreamState, snapshot: Snapshot): void {
  for (const type of types.values()) {
    const { typeUrl } = type.type;
    if (snapshot.tables.get(typeUrl) !== sequencer.snapshot?.tables.get(typeUrl)) type.rejectionsInARow = 0;
  }
}

/** Heartbeats come after everything else, and count as nothing that a gate would wait for. */
function beat(
  state: StreamState,
  beats: Map<string, number>,
  { atMs, output }: { readonly atMs: number; readonly output: Output },
): number | undefined {
  return sendHeartbeats(state, beats, {
    atMs,
    send(type, { response, sequence }) {
      type.inFlight = { response, sentAtMs: atMs, completes: undefined, step: undefined };
      noteSent(state, type, { response, sequence, atMs }, output);
    },
  });
}

function takeRequest(state: StreamState, input: StreamInput & { readonly kind: "request" }, output: Output): void {
  const { demand } = input;
  const first = !state.types.has(demand.typeUrl);
  if (first && isNewProcess(state, demand)) state.rejections.clear();
  if (state.types.size === 0) joinCompanions(state, demand.typeUrl, input.atMs);
  const type = typeStateOf(state, demand.typeUrl);
  // A type that xDS does not deliver is never answered and must not end the stream.
  if (type === undefined) return;
  const answered = takeVerdict(state, type, input, output);
  const context = { first, answered, atMs: input.atMs, earlier: input.earlier };
  if (demand.variant === "sotw") applySotw(state, type, demand, context);
  else applyDelta(state, type, demand, context);
  if (first) {
    const { wildcard, names } = type.subscription;
    output.events.push({
      kind: "subscribed",
      ...onStream(state, input.atMs),
      typeUrl: demand.typeUrl,
      wildcard,
      namesCount: names.size,
    });
  }
}

/**
 * A client that holds nothing is a new process: what its predecessor refused, such as a port that was taken, deserves
 * another try. Endpoints and secrets tell nothing: they may be what a client's clusters were waiting for.
 */
function isNewProcess(state: StreamState, demand: Demand): boolean {
  const tells = (row: ResourceType | undefined) => row?.role !== "supply" || !row.expiresByUnsubscribe;
  if (!tells(resourceType(demand.typeUrl)) || state.resumed || !state.fresh) return false;
  // Each route configuration may be asked for on a stream of its own.
  for (const { types } of [state, ...state.companions()]) {
    for (const { type } of types.values()) if (tells(type)) return false;
  }
  return demand.variant === "sotw" ? demand.versionInfo === "" : demand.initialVersions.size === 0;
}

/** Pairs the request with the response in flight; returns whether it was its ACK or NACK. */
function takeVerdict(
  state: StreamState,
  type: TypeState,
  request: StreamInput & { readonly kind: "request" },
  output: Output,
): boolean {
  const { demand, atMs } = request;
  const { inFlight } = type;
  if (inFlight === undefined || demand.nonce !== inFlight.response.nonce) return false;
  const { nonce, versionInfo } = inFlight.response;
  const facts = { ...onStream(state, atMs), typeUrl: type.type.typeUrl, nonce, versionInfo };
  if (inFlight.response.isHeartbeat === true) {
    answerHeartbeat(type, inFlight.response.resources, demand.error === undefined);
    if (demand.error === undefined)
      output.events.push({ kind: "acked", ...facts, roundTripMs: atMs - inFlight.sentAtMs });
  } else if (demand.error === undefined) {
    const guilty = acknowledge(state, type, inFlight, offeredView(state, type));
    // What it has now may wait for the first word on its virtual hosts.
    const hosts = type.type.typeUrl === typeUrls.route ? state.types.get(typeUrls.virtualHost) : undefined;
    if (hosts !== undefined) hosts.wordDue = true;
    output.events.push({ kind: "acked", ...facts, roundTripMs: atMs - inFlight.sentAtMs });
    if (guilty !== undefined) output.events.push(foundGuilty(state, { typeUrl: facts.typeUrl, guilty, atMs }));
  } else {
    const blamed = refuse(state, type, inFlight, {
      message: demand.error,
      earlier: request.earlier(type.type.typeUrl),
    });
    output.events.push({
      kind: "rejected",
      ...facts,
      message: demand.error.slice(0, MESSAGE_CHARS_MAX),
      resources: blamed.map(({ typeUrl, name, version, at }) => ({ typeUrl, name, version, at })),
    });
  }
  return true;
}

/** Says which resource it was, of several that were rejected together. */
function foundGuilty(
  state: StreamState,
  found: { readonly typeUrl: string; readonly guilty: Guilty; readonly atMs: number },
): StreamEvent {
  const { typeUrl, guilty, atMs } = found;
  const { name, version, message } = guilty;
  const at = state.sequencer.snapshot?.tables.get(typeUrl)?.resources.get(name)?.at;
  return {
    kind: "rejection-narrowed",
    ...onStream(state, atMs),
    typeUrl,
    message: message.slice(0, MESSAGE_CHARS_MAX),
    resources: [{ typeUrl, name, version, at }],
  };
}

/** Sends what is due, in the order in which additions are safe. */
function push(state: StreamState, atMs: number, output: Output): void {
  for (const type of subscribedTypes(state)) {
    if (type.inFlight !== undefined) continue;
    const view = offeredView(state, type);
    const isClean = type.cleanFor === view && type.forced.size === 0 && !type.owed && !type.wordDue;
    if (view === undefined || isClean) continue;
    const composed = compose(state, type, view);
    if (composed === undefined) {
      if (type.forced.size > 0) keepDemands(state, type, view);
      type.cleanFor = view;
      rebase(type, view);
    } else {
      send(state, type, { composed, atMs }, output);
    }
  }
}

/** What cannot be sent now, and not be said to be missing, is due as soon as it can, be it what the client has. */
function keepDemands(state: StreamState, type: TypeState, view: View): void {
  for (const name of type.forced) if (offerOf(state, type, view, name).kind !== "keep") type.forced.delete(name);
}

function send(
  state: StreamState,
  type: TypeState,
  due: { readonly composed: Composed; readonly atMs: number },
  output: Output,
): void {
  const { composed, atMs } = due;
  const { response, step: exact, completes } = composed;
  const { typeUrl } = type.type;
  if (typeUrl === typeUrls.cluster) forceEndpoints(state, type, response);
  if (typeUrl === typeUrls.route) forceVirtualHosts(state, type, response);
  const { names, wildcard } = type.subscription;
  type.inFlight = {
    response,
    sentAtMs: atMs,
    completes,
    step: exact === undefined ? undefined : { ...exact, names, wildcard },
  };
  type.owed = false;
  type.cleanFor = undefined;
  if (type.forced.size > 0) {
    for (const { name } of response.resources) type.forced.delete(name);
    for (const name of response.removed) type.forced.delete(name);
  }
  noteSent(state, type, { response, sequence: composed.sequence, atMs }, output);
}

function noteSent(
  state: StreamState,
  type: TypeState,
  { response, sequence, atMs }: { readonly response: Response; readonly sequence: number; readonly atMs: number },
  output: Output,
): void {
  const { snapshot } = state.sequencer;
  assert(snapshot !== undefined, "a view exists only while a snapshot is offered");
  type.lastNonce = response.nonce;
  type.lastSequence = sequence;
  output.responses.push(response);
  output.events.push({
    kind: "sent",
    ...onStream(state, atMs),
    variant: state.variant,
    typeUrl: response.typeUrl,
    nonce: response.nonce,
    snapshotVersion: snapshot.version,
    versionInfo: response.versionInfo,
    resourcesCount: response.resources.length,
    removedCount: response.removed.length,
    bytes: sizeOf(response),
  });
}

/**
 * A cluster that is added or changed waits for its endpoints even when the client already has them: Envoy
 * makes a new cluster object and asks for nothing in delta. Sending them right behind it makes the change
 * take milliseconds instead of 15 s.
 */
function forceEndpoints(state: StreamState, clusters: TypeState, sent: Response): void {
  const endpoints = state.types.get(typeUrls.endpoints);
  if (endpoints === undefined) {
    state.awaited = [...state.awaited, sent].slice(-AWAITED_MAX);
    return;
  }
  for (const cluster of sent.resources) {
    if (heldVersion(clusters.held.get(cluster.name)) === cluster.version && !clusters.forced.has(cluster.name))
      continue;
    for (const { typeUrl, name } of cluster.references) {
      const asked = brand<ResourceName>(canonicalName(name));
      if (typeUrl === typeUrls.endpoints && endpoints.subscription.names.has(asked)) endpoints.forced.add(asked);
    }
  }
}

/** A route configuration that changed has none of the virtual hosts any more that were added to it on demand. */
function forceVirtualHosts(state: StreamState, routes: TypeState, sent: Response): void {
  const hosts = state.types.get(typeUrls.virtualHost);
  if (hosts === undefined || hosts.subscription.names.size === 0) return;
  for (const route of sent.resources) {
    if (heldVersion(routes.held.get(route.name)) === route.version) continue;
    for (const name of hosts.subscription.names) if (name.startsWith(`${route.name}/`)) hosts.forced.add(name);
  }
}

function onStream(state: StreamState, atMs: number): { streamId: number; nodeId: string; atMs: number } {
  return { streamId: state.streamId, nodeId: state.nodeId, atMs };
}
