/**
 * What one node is to hold of one type right now: the sequencer's view, the names it subscribes to, and
 * not what it has already rejected.
 */
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { brand } from "../support/brand.ts";
import type { View } from "./sequencer.ts";
import type { StreamState, TypeState } from "./stream-state.ts";

/** What is to be done about one name. */
export type Offer =
  | { readonly kind: "resource"; readonly resource: Resource }
  /** The node keeps whatever it has: its content is unknown to us, or the wanted content was rejected. */
  | { readonly kind: "keep" }
  | { readonly kind: "absent" };

/** Names to look at: all of the view under a wildcard, and what is subscribed by name. */
export function* wantedNames(type: TypeState, view: View): Iterable<ResourceName> {
  if (type.subscription.wildcard) {
    yield* view.resources.keys();
    for (const name of type.subscription.names) if (!view.resources.has(name)) yield name;
  } else {
    yield* type.subscription.names;
  }
}

/** What to do about `name`; a rejected version gives way to the last good one that we know of. */
export function offerOf(state: StreamState, type: TypeState, view: View, name: ResourceName): Offer {
  const wanted = view.resources.get(name);
  if (wanted === undefined) {
    return view.untouched.has(name) ? { kind: "keep" } : { kind: "absent" };
  }
  if (!isRejected(state, wanted)) return { kind: "resource", resource: wanted };
  const held = type.held.get(name);
  return typeof held === "object" && !isRejected(state, held) ? { kind: "resource", resource: held } : { kind: "keep" };
}

/** Whether this node has rejected this very content. */
export function isRejected(state: StreamState, resource: Resource): boolean {
  return state.rejections.get(resource.typeUrl)?.get(resource.name) === resource.version;
}

/** Remembers that the node rejected this content. */
export function reject(state: StreamState, resource: Resource): void {
  let ofType = state.rejections.get(resource.typeUrl);
  if (ofType === undefined) state.rejections.set(resource.typeUrl, (ofType = new Map()));
  ofType.set(resource.name, resource.version);
}

/** A plain string as a resource name. */
export function resourceName(name: string): ResourceName {
  return brand<ResourceName>(name);
}
