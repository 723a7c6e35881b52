/**
 * The next response of one type: what the client is to hold, less what it holds.
 *
 * Delta sends differences and names what is gone. SotW sends everything of a full-state type whenever
 * anything changed, and only what changed of the others, because there absence means nothing.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Resource, ResourceName, VersionInfo } from "../snapshot/resource.ts";
import type { TypeTable } from "../snapshot/snapshot.ts";
import { tableVersion } from "../snapshot/snapshot.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { brand } from "../support/brand.ts";
import { contentHash } from "../support/hash.ts";
import { answeredHosts, isHostAnswer, routeOf } from "./asked-hosts.ts";
import { composeShared } from "./compose-shared.ts";
import { firstWord } from "./first-hosts.ts";
import { offerOf, openNames, wantedNames } from "./offer.ts";
import { viewFor } from "./offered-view.ts";
import { RESPONSE_BYTES_MAX, byName } from "./response-limits.ts";
import { viewOf } from "./sequencer.ts";
import type { Composed } from "./shared-responses.ts";
import type { StreamState, TypeState } from "./stream-state.ts";
import { heldVersion } from "./stream-state.ts";
import { isWanted } from "./subscription.ts";
import type { View } from "./view.ts";
import { plainView } from "./view.ts";

/** The response that is due, or undefined when the client holds what it should. */
export function compose(state: StreamState, type: TypeState, view: View): Composed | undefined {
  const first = firstWord(state, type);
  const shared = first === undefined ? composeShared(state, type, view) : "each by itself";
  if (shared !== "each by itself") return shared;
  const draft = first ?? draftFor(state, type, view);
  if (draft === undefined) return undefined;
  const { complete, ...response } = draft;
  return state.shared.compose(
    { typeUrl: type.type.typeUrl, ...response },
    { completes: complete ? view : undefined, step: undefined },
  );
}

/** A response without its nonce, for one client with whatever is special about it. */
function draftFor(state: StreamState, type: TypeState, view: View): Draft | undefined {
  if (state.variant === "delta") return composeDelta(state, type, view);
  return type.type.fullStateInSotw ? composeFullState(state, type, view) : composeNamed(state, type, view);
}

/** A response without its nonce. */
export interface Draft {
  readonly versionInfo: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly ResourceName[];
  /** Nothing of the view is left to send after this. */
  readonly complete: boolean;
}

function composeDelta(state: StreamState, type: TypeState, view: View): Draft | undefined {
  const resources: Resource[] = [];
  const removed: ResourceName[] = [];
  let bytes = 0;
  let complete = true;
  const open = openNames(state, type, view);
  for (const name of open) {
    if (!isWanted(type.subscription, name)) continue;
    if (!view.resources.has(name) && !type.subscription.names.has(name)) continue;
    const offer = offerOf(state, type, view, name);
    if (goesWithRoute(state, type, name)) {
      const held = type.held.get(name);
      const isAskedAgain = type.forced.has(name);
      if (isAskedAgain && isHostAnswer(held) && held.hostName !== undefined) resources.push(held);
      if (!isAskedAgain || resources.at(-1) === held) continue;
    }
    const gone = withdrawnHost(type, view, name);
    if (gone !== undefined) {
      if (!removed.includes(gone)) removed.push(gone);
      type.held.delete(name);
      // Who asks for it again is told that there is none.
      if (!hasHost(view, name)) continue;
    }
    if (offer.kind === "keep") {
      if (!type.held.has(name)) type.held.markUnanswered(name);
      continue;
    }
    if (offer.kind === "absent") {
      // The client must be told at once that a name does not exist, or it waits 15 s for it.
      const asked = type.subscription.names.has(name);
      if (!asked || type.missing.has(name) || keepsUnannounced(type, name)) continue;
    } else if (!needed(type, offer.resource)) {
      // A client that came back had named only the version: now we know its content, and what it refers to.
      if (typeof type.held.get(name) === "string") type.held.set(name, offer.resource);
      continue;
    }
    const size = name.length + (offer.kind === "resource" ? offer.resource.body.byteLength : 0);
    if (bytes > 0 && bytes + size > RESPONSE_BYTES_MAX) {
      complete = false;
      break;
    }
    bytes += size;
    if (offer.kind === "resource") resources.push(offer.resource);
    else removed.push(name);
  }
  if (complete) removed.push(...departed(type, view, open).filter((name) => !goesWithRoute(state, type, name)));
  if (resources.length === 0 && removed.length === 0 && !type.owed) return undefined;
  // In delta this is for people only, so what is still retained does not count; each resource has its own version.
  return { versionInfo: view.tableVersion, resources, removed, complete };
}

/**
 * A virtual host of a route configuration that is gone: who still asks for that one has a listener that uses it until
 * the next is ready, and would answer requests with 404.
 */
function goesWithRoute(state: StreamState, type: TypeState, name: ResourceName): boolean {
  if (!type.type.onDemand || !type.held.has(name)) return false;
  const route = routeOf(name);
  const isAsked = state.types.get(typeUrls.route)?.subscription.names.has(route) === true;
  return isAsked && viewOf(state.sequencer, typeUrls.route)?.resources.has(route) !== true;
}

/** The virtual host that the client has for an asked name, when nothing that it asked for leads there any more. */
function withdrawnHost(type: TypeState, view: View, asked: ResourceName): ResourceName | undefined {
  const held = type.type.onDemand ? type.held.get(asked) : undefined;
  if (!isHostAnswer(held) || held.hostName === undefined) return undefined;
  return answeredHosts(view).has(held.hostName) ? undefined : held.hostName;
}

function hasHost(view: View, asked: ResourceName): boolean {
  const answer = view.resources.get(asked);
  return isHostAnswer(answer) && answer.hostName !== undefined;
}

function composeFullState(state: StreamState, type: TypeState, view: View): Draft | undefined {
  const { wildcard, names } = type.subscription;
  // To a client that wants nothing any more an empty response would still say "delete everything".
  if (!wildcard && names.size === 0) return undefined;
  const table = state.sequencer.snapshot?.tables.get(type.type.typeUrl);
  const resources: Resource[] = [];
  let keeps = false;
  for (const name of wantedNames(type, view)) {
    const offer = offerOf(state, type, view, name);
    keeps ||= offer.kind === "keep";
    if (offer.kind === "resource") resources.push(offer.resource);
    // Leaving out what the client holds with content that we do not know would delete it: wait for new content,
    // or until it is to be deleted.
    else if (offer.kind === "keep" && type.held.has(name) && table?.resources.has(name) === true) return undefined;
  }
  // When all of it was rejected, saying nothing is better than "delete everything". To a client that names what
  // does not exist it is the answer: gRPC's would wait 15 s for it, or go on with what is gone.
  if (resources.length === 0 && (wildcard || keeps) && hasAny(state, type, table)) return undefined;
  resources.sort(byName);
  return withoutRefused(state, type, { view, resources });
}

/** Whether the newest snapshot has something for the client; an empty collection is a full state like any other. */
function hasAny(state: StreamState, type: TypeState, table: TypeTable | undefined): boolean {
  return table !== undefined && viewFor(state, type, plainView(table)).resources.size > 0;
}

/** Not the response that was rejected as a whole; what is only kept, and may be what was bad in it, is given up. */
function withoutRefused(
  state: StreamState,
  type: TypeState,
  full: { readonly view: View; readonly resources: readonly Resource[] },
): Draft | undefined {
  const { view, resources } = full;
  const versionInfo = tableVersion(resources);
  type.refusedView = undefined;
  if (state.rejections.get(type.type.typeUrl)?.wholeVersions.includes(versionInfo) === true) {
    const sure = resources.filter(({ name }) => !view.unclaimed.has(name) || type.held.get(name) !== "");
    if (sure.length < resources.length) return withoutRefused(state, type, { view, resources: sure });
    // Left of a snapshot from before the client came back, too: no change would ever get past it.
    const known = resources.filter(({ name }) => !view.leaving.has(name) || typeof type.held.get(name) === "object");
    if (known.length < resources.length) return withoutRefused(state, type, { view, resources: known });
    type.refusedView = view;
    return undefined;
  }
  if (versionInfo === type.confirmedVersion && !type.owed) return undefined;
  return { versionInfo, resources, removed: [], complete: true };
}

function composeNamed(state: StreamState, type: TypeState, view: View): Draft | undefined {
  const resources: Resource[] = [];
  const all: { name: ResourceName; version: Resource["version"] }[] = [];
  let bytes = 0;
  let complete = true;
  for (const name of wantedNames(type, view)) {
    const offer = offerOf(state, type, view, name);
    const resource = offer.kind === "resource" ? offer.resource : substituteFor(type, name, offer.kind);
    if (resource === undefined) {
      if (!type.held.has(name)) type.held.markUnanswered(name);
      continue;
    }
    all.push(resource);
    if (!needed(type, resource)) continue;
    // Absence means nothing here, so the rest may follow in another response.
    if (bytes > 0 && bytes + resource.body.byteLength > RESPONSE_BYTES_MAX) {
      complete = false;
      continue;
    }
    resources.push(resource);
    bytes += resource.body.byteLength;
  }
  if (resources.length === 0 && !type.owed) return undefined;
  all.sort(byName);
  return { versionInfo: tableVersion(all), resources, removed: [], complete };
}

/**
 * SotW cannot say "there is no such resource". Endpoints that we do not know are answered with an empty load
 * assignment, or a cluster that asks for them stays warming for 15 s, and the node's start with it.
 */
function substituteFor(type: TypeState, name: ResourceName, kind: "keep" | "absent"): Resource | undefined {
  if (kind === "keep" || type.type.typeUrl !== typeUrls.endpoints) return undefined;
  const held = type.held.get(name);
  if (held !== undefined) return typeof held === "string" ? undefined : held;
  return emptyLoadAssignment(name);
}

/** Of every such assignment, since the name says the rest; a client may ask for very many that are not there. */
const emptyVersion = brand<VersionInfo>(contentHash([typeUrls.endpoints, "no such endpoints"]));

/** Whether it was made up for endpoints that there are not. */
export function isMadeUp({ version }: Resource): boolean {
  return version === emptyVersion;
}

function emptyLoadAssignment(name: ResourceName): Resource {
  // Field 1, cluster_name, is all that an empty ClusterLoadAssignment holds.
  const body = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name).finish();
  return {
    typeUrl: typeUrls.endpoints,
    name,
    version: emptyVersion,
    body,
    references: [],
    at: { file: "(no such endpoints)", line: 1, column: 1 },
    hostCount: 0,
  };
}

function needed(type: TypeState, resource: Resource): boolean {
  return type.forced.has(resource.name) || heldVersion(type.held.get(resource.name)) !== resource.version;
}

/** Held, no longer there, and of a type that goes with its parent: saying so would only do harm. */
function keepsUnannounced(type: TypeState, name: ResourceName): boolean {
  return type.type.expiresByUnsubscribe && type.held.has(name) && !type.forced.has(name);
}

/** Held under the wildcard, and gone. */
function departed(type: TypeState, view: View, open: readonly ResourceName[]): ResourceName[] {
  if (type.type.expiresByUnsubscribe) return [];
  // What is leaving is in the view as long as the client holds it.
  const stays = (name: ResourceName) =>
    view.resources.has(name) || view.untouched.has(name) || type.subscription.names.has(name);
  return open.filter((name) => !stays(name) && type.held.has(name));
}
