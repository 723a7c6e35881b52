/**
 * The first word on virtual hosts on demand (VHDS): that there is one less of a route configuration.
 *
 * An Envoy that gets a route configuration with `vhds` keeps its listener closed until it has heard of a virtual host of
 * it, for 15 s, although it has asked for none; an empty response does not count. So it is told that a name is
 * gone that no virtual host can have: that ends the wait, and changes nothing.
 * https://github.com/envoyproxy/envoy/blob/main/source/common/router/vhds.cc
 */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { brand } from "../support/brand.ts";
import { routeOf } from "./asked-hosts.ts";
import type { Draft } from "./compose.ts";
import { RESPONSE_BYTES_MAX } from "./response-limits.ts";
import { viewOf } from "./sequencer.ts";
import type { StreamState, TypeState } from "./stream-state.ts";

/** `RouteConfiguration.vhds`. */
const VHDS_FIELD = 9;

/** No host of a request has a space in it. */
const NOBODY = "no host";
const nobody = (route: ResourceName): ResourceName => brand<ResourceName>(`${route}/${NOBODY}`);

/** Whether it is the name that is told first. */
export function isNobody(name: string): boolean {
  return name.endsWith(`/${NOBODY}`);
}

/** What is to be said first of the route configurations that wait for it; notes that it was said. */
export function firstWord(state: StreamState, type: TypeState): Draft | undefined {
  if (!type.wordDue) return undefined;
  type.wordDue = false;
  const waiting = routesOf(state).filter((route) => !type.begun.has(route));
  if (waiting.length === 0) return undefined;
  // Of these Envoy has heard before, on another stream if not on this one.
  const known = new Set([...type.subscription.names].map(routeOf));
  const removed: ResourceName[] = [];
  let bytes = 0;
  for (const route of waiting) {
    if (bytes > RESPONSE_BYTES_MAX) {
      type.wordDue = true;
      break;
    }
    type.begun.add(route);
    if (known.has(route)) continue;
    removed.push(nobody(route));
    bytes += route.length;
  }
  return removed.length === 0 ? undefined : { versionInfo: "", resources: [], removed, complete: false };
}

/** Those with `vhds` that the client has; when it asks for them on another stream, all that there are. */
function routesOf(state: StreamState): readonly ResourceName[] {
  const routes = state.types.get(typeUrls.route);
  if (routes === undefined) {
    const all = viewOf(state.sequencer, typeUrls.route)?.resources.values() ?? [];
    return [...all].filter(hasHostsOnDemand).map(({ name }) => name);
  }
  return [...routes.subscription.names].filter((name) => {
    const held = routes.held.get(name);
    return typeof held === "object" && hasHostsOnDemand(held);
  });
}

const found = new WeakMap<Uint8Array, boolean>();

function hasHostsOnDemand({ body }: Resource): boolean {
  let has = found.get(body);
  if (has === undefined) found.set(body, (has = hasField(body, VHDS_FIELD)));
  return has;
}

function hasField(body: Uint8Array, wanted: number): boolean {
  const reader = new BinaryReader(body);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === wanted) return true;
    reader.skip(wireType, field);
  }
  return false;
}
