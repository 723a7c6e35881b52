/**
 * The next response of one type: what the client is to hold, less what it holds.
 *
 * Delta sends differences and names what is gone. SotW sends everything of a full-state type whenever
 * anything changed, and only what changed of the others, because there absence means nothing.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Resource, ResourceName, VersionInfo } from "../snapshot/resource.ts";
import { tableVersion } from "../snapshot/snapshot.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { brand } from "../support/brand.ts";
import { contentHash } from "../support/hash.ts";
import { offerOf, wantedNames } from "./offer.ts";
import type { View } from "./sequencer.ts";
import type { StreamState, TypeState } from "./stream-state.ts";
import { heldVersion } from "./stream-state.ts";

/**
 * A delta response is ended after about this much and the rest follows after the ACK: Envoy's and gRPC's
 * limits are per message, and one slow reader must not pin much memory.
 */
const DELTA_BYTES_MAX = 1024 * 1024;

/** A response without its nonce. */
export interface Draft {
  readonly versionInfo: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly ResourceName[];
  /** Nothing of the view is left to send after this. */
  readonly complete: boolean;
}

/** The response that is due, or undefined when the client holds what it should. */
export function compose(state: StreamState, type: TypeState, view: View): Draft | undefined {
  if (state.variant === "delta") return composeDelta(state, type, view);
  return type.type.fullStateInSotw ? composeFullState(state, type, view) : composeNamed(state, type, view);
}

function composeDelta(state: StreamState, type: TypeState, view: View): Draft | undefined {
  const resources: Resource[] = [];
  const removed: ResourceName[] = [];
  let bytes = 0;
  let complete = true;
  for (const name of wantedNames(type, view)) {
    const offer = offerOf(state, type, view, name);
    if (offer.kind === "keep") continue;
    if (offer.kind === "absent") {
      // The client must be told at once that a name does not exist, or it waits 15 s for it.
      if (!type.missing.has(name) && !keepsUnannounced(type, name)) removed.push(name);
      continue;
    }
    if (!needed(type, offer.resource)) continue;
    if (bytes > 0 && bytes + offer.resource.body.byteLength > DELTA_BYTES_MAX) {
      complete = false;
      break;
    }
    resources.push(offer.resource);
    bytes += offer.resource.body.byteLength;
  }
  if (complete) removed.push(...departed(type, view));
  if (resources.length === 0 && removed.length === 0 && !type.owed) return undefined;
  return { versionInfo: tableVersion(view.resources.values()), resources, removed, complete };
}

function composeFullState(state: StreamState, type: TypeState, view: View): Draft | undefined {
  const resources: Resource[] = [];
  for (const name of wantedNames(type, view)) {
    const offer = offerOf(state, type, view, name);
    if (offer.kind === "resource") resources.push(offer.resource);
    // Leaving out what the client holds with content that we do not know would delete it: wait for new content.
    else if (offer.kind === "keep" && type.held.has(name)) return undefined;
  }
  resources.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const versionInfo = tableVersion(resources);
  if (versionInfo === type.rejectedWhole?.versionInfo) return undefined;
  if (versionInfo === type.confirmedVersion && !type.owed) return undefined;
  return { versionInfo, resources, removed: [], complete: true };
}

function composeNamed(state: StreamState, type: TypeState, view: View): Draft | undefined {
  const resources: Resource[] = [];
  const all: { name: ResourceName; version: Resource["version"] }[] = [];
  for (const name of wantedNames(type, view)) {
    const offer = offerOf(state, type, view, name);
    const resource = offer.kind === "resource" ? offer.resource : substituteFor(type, name, offer.kind);
    if (resource === undefined) continue;
    all.push(resource);
    if (needed(type, resource)) resources.push(resource);
  }
  if (resources.length === 0 && !type.owed) return undefined;
  all.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  return { versionInfo: tableVersion(all), resources, removed: [], complete: true };
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

function emptyLoadAssignment(name: ResourceName): Resource {
  // Field 1, cluster_name, is all that an empty ClusterLoadAssignment holds.
  const body = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name).finish();
  return {
    typeUrl: typeUrls.endpoints,
    name,
    version: brand<VersionInfo>(contentHash([typeUrls.endpoints, body])),
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
function departed(type: TypeState, view: View): ResourceName[] {
  if (type.type.expiresByUnsubscribe) return [];
  const gone: ResourceName[] = [];
  for (const name of type.held.keys()) {
    if (view.resources.has(name) || view.untouched.has(name) || type.subscription.names.has(name)) continue;
    gone.push(name);
  }
  return gone;
}
