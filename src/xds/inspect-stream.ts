/**
 * What one stream's client has of each resource, and what it is to have: asked by people, resource by resource.
 *
 * Nothing is kept for this. A stream knows what its client holds, what is on its way and what it rejected;
 * here that is put beside the newest snapshot of its group, for a page of names.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { resourceTypes } from "../snapshot/type-url.ts";
import { isHostAnswer } from "./asked-hosts.ts";
import { isRejected } from "./offer.ts";
import { offeredView, viewFor } from "./offered-view.ts";
import { resourcesOf } from "./shared-responses.ts";
import type { InFlight, StreamState, TypeState } from "./stream-state.ts";
import { heldVersion, subscribedTypes } from "./stream-state.ts";
import { plainView } from "./view.ts";

/**
 * In the words of Envoy's client status service. `synced`: the client has acknowledged what it is to have,
 * also when that is nothing. `stale`: it was sent and not acknowledged yet. `error`: the client rejected it.
 * `not_sent`: it has something else, and a gate or an earlier response has to pass first.
 */
export type ResourceStatus = "synced" | "stale" | "not_sent" | "error";

/** One resource on one stream. */
export interface InspectedResource {
  readonly typeUrl: string;
  readonly name: string;
  readonly status: ResourceStatus;
  /** What the client acknowledged last; empty when it has something that we do not know, undefined for nothing. */
  readonly heldVersion: string | undefined;
  /** The content of that version, where it is known. */
  readonly held: Resource | undefined;
  /** In the newest snapshot; undefined when it has gone from there, or never was. */
  readonly wanted: Resource | undefined;
}

/** Where a page begins: behind this resource. */
export interface InspectedPlace {
  readonly typeUrl: string;
  readonly name: string;
}

/** Which resources, and how many of them. */
export interface InspectQuery {
  readonly typeUrl?: string | undefined;
  readonly after?: InspectedPlace | undefined;
  readonly limit: number;
}

/** `next` is the `after` of the following page, absent on the last. */
export interface InspectedPage {
  readonly resources: readonly InspectedResource[];
  readonly next: InspectedPlace | undefined;
}

/** One page: types in the order of `resourceTypes`, names sorted. */
export function inspectStream(state: StreamState, query: InspectQuery): InspectedPage {
  const resources: InspectedResource[] = [];
  const { after } = query;
  let begun = after === undefined;
  for (const type of subscribedTypes(state)) {
    const { typeUrl } = type.type;
    const isAfterType = typeUrl === after?.typeUrl;
    const isShown = query.typeUrl === undefined || query.typeUrl === typeUrl;
    if (isShown && (begun || isAfterType)) {
      const behind = begun ? undefined : after?.name;
      for (const name of namesOf(state, type)) {
        if (behind !== undefined && name <= behind) continue;
        const last = resources.at(-1);
        if (resources.length >= query.limit && last !== undefined) {
          return { resources, next: { typeUrl: last.typeUrl, name: last.name } };
        }
        resources.push(inspectResource(state, type, name));
      }
    }
    begun ||= isAfterType;
  }
  return { resources, next: undefined };
}

/**
 * One page of a node from the pages of its streams, oldest first: each type counts on the newest stream that
 * has it, because a node that comes back is seen twice for a moment.
 */
export function mergePages(pages: readonly InspectedPage[], limit: number): InspectedPage {
  const merged = new Map<string, InspectedResource>();
  for (const { resources } of pages) {
    for (const resource of resources) merged.set(`${resource.typeUrl} ${resource.name}`, resource);
  }
  const sorted = [...merged.values()].sort(byTypeAndName);
  const resources = sorted.slice(0, limit);
  const last = resources.at(-1);
  const isLast = sorted.length === resources.length && pages.every(({ next }) => next === undefined);
  return { resources, next: isLast || last === undefined ? undefined : { typeUrl: last.typeUrl, name: last.name } };
}

const typeOrder = new Map(resourceTypes.map(({ typeUrl }, index) => [typeUrl, index]));

function byTypeAndName(a: InspectedResource, b: InspectedResource): number {
  if (a.typeUrl !== b.typeUrl) return (typeOrder.get(a.typeUrl) ?? 0) - (typeOrder.get(b.typeUrl) ?? 0);
  return a.name < b.name ? -1 : 1;
}

/** Whatever the client asked for, has, or is about to be rid of; sorted. */
function namesOf(state: StreamState, type: TypeState): readonly ResourceName[] {
  const names = new Set<ResourceName>(type.subscription.names);
  for (const name of type.held.keys()) names.add(name);
  for (const name of type.inFlight?.response.removed ?? []) names.add(name);
  if (type.subscription.wildcard) {
    for (const name of wantedResources(state, type)?.keys() ?? []) names.add(name);
  }
  return [...names].sort();
}

function inspectResource(state: StreamState, type: TypeState, name: ResourceName): InspectedResource {
  const held = type.held.get(name);
  const wanted = wantedResources(state, type)?.get(name);
  const version = heldVersion(held);
  return {
    typeUrl: type.type.typeUrl,
    name,
    status: statusOf(state, type, { name, version, wanted }),
    heldVersion: isNothing(held) ? undefined : version,
    held: typeof held === "object" && !isNothing(held) ? held : undefined,
    wanted: isNothing(wanted) ? undefined : wanted,
  };
}

function statusOf(
  state: StreamState,
  type: TypeState,
  of: { readonly name: ResourceName; readonly version: string | undefined; readonly wanted: Resource | undefined },
): ResourceStatus {
  const { name, version, wanted } = of;
  const isHeld = version === wanted?.version;
  if (type.inFlight !== undefined && isUnderWay(type.inFlight, name, version)) return "stale";
  if (wanted !== undefined && !isHeld && isRefused(state, type, wanted)) return "error";
  if (!isHeld) return "not_sent";
  return wanted !== undefined || isKnownMissing(state, type, name) ? "synced" : "not_sent";
}

/** The client was told that there is no such thing, and does not wait for it; a full state says so by leaving it out. */
function isKnownMissing({ variant }: StreamState, type: TypeState, name: ResourceName): boolean {
  const saysAll = variant === "sotw" && type.type.fullStateInSotw && type.lastNonce !== undefined;
  return saysAll || type.missing.has(name);
}

/** A response repeats what it does not change, in SotW; only what it changes is under way. */
function isUnderWay({ response }: InFlight, name: ResourceName, held: string | undefined): boolean {
  const sent = resourcesOf(response).get(name);
  return sent === undefined ? held !== undefined && response.removed.includes(name) : sent.version !== held;
}

function isRefused(state: StreamState, type: TypeState, wanted: Resource): boolean {
  const view = offeredView(state, type);
  return (view !== undefined && type.refusedView === view) || isRejected(state, wanted, view);
}

/** By the names that clients use: of the newest snapshot, also while an older one is still being rolled in. */
function wantedResources(state: StreamState, type: TypeState): ReadonlyMap<ResourceName, Resource> | undefined {
  const { next, snapshot } = state.sequencer;
  const table = (next ?? snapshot)?.tables.get(type.type.typeUrl);
  return table === undefined ? undefined : viewFor(state, type, plainView(table)).resources;
}

/** The answer to a client that asked for a host which nobody has: there is something to send, and nothing to have. */
function isNothing(resource: unknown): boolean {
  return isHostAnswer(resource) && resource.hostName === undefined;
}
