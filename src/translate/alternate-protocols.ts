/**
 * `protocol: auto`: what Envoy learns of HTTP/3 from the answers of endpoints, and the filter that reads them.
 *
 * Endpoints say in `alt-svc` that they take HTTP/3 on a port (RFC 7838). Envoy asks over TCP until it has read that, and
 * when UDP does not get through. The filter stands in the listener, because Envoy has none for clusters.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/connection_pooling#automatic-protocol-selection
 */
import type { AlternateProtocolsCacheOptionsJson } from "../gen/envoy/config/core/v3/protocol_pb.d.ts";
import type { HttpFilterJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { Route } from "../model/intent-route.ts";
import type { Service } from "../model/intent-service.ts";
import { packAny } from "./pack-any.ts";

/** The memory of a service: its subsets and copies have it together, since what is learned is by name and port. */
export function alternateProtocols(service: string): AlternateProtocolsCacheOptionsJson {
  return { name: service };
}

const none: ReadonlySet<string> = new Set();
const known = new WeakMap<readonly Service[], ReadonlySet<string>>();

/** The names of those with `protocol: auto`, looked for once in each list. */
export function autoServicesOf(services: readonly Service[]): ReadonlySet<string> {
  const before = known.get(services);
  if (before !== undefined) return before;
  const names = services.flatMap(({ name, protocol }) => (protocol === "auto" ? [name] : []));
  const found = names.length === 0 ? none : new Set(names);
  known.set(services, found);
  return found;
}

/** Right before the router, so that no other filter has changed the answer. */
export function alternateProtocolsFilters(
  { autoServices }: Gateway,
  routes: readonly Route[],
): readonly HttpFilterJson[] {
  if (autoServices === undefined || !routes.some((route) => leadsTo(route, autoServices))) return [];
  const typedConfig = packAny("envoy.extensions.filters.http.alternate_protocols_cache.v3.FilterConfig", {});
  return [{ name: "envoy.filters.http.alternate_protocols_cache", typedConfig }];
}

function leadsTo({ rules }: Route, services: ReadonlySet<string>): boolean {
  return rules.some(({ target }) => target.backends.some(({ service }) => services.has(service)));
}
