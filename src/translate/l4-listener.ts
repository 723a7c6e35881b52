/**
 * Listeners of TCP, and the filter chains of TLS: connections that are passed on unread.
 *
 * A TCP listener is an Envoy listener of its own. One of TLS has a filter chain for each of its routes, which
 * Envoy picks by the name that the client asks for, on the Envoy listener that all of the port share. Without a
 * route there is nothing to do with a connection, so that nothing listens.
 */
import type { FilterChainJson } from "../gen/envoy/config/listener/v3/listener_components_pb.d.ts";
import type { Gateway, L4Listener } from "../model/intent-gateway.ts";
import type { L4Route } from "../model/intent-l4-route.ts";
import type { L4Attachment } from "../model/l4-attachments.ts";
import { l4RoutesOn } from "../model/l4-attachments.ts";
import { translateAccessLogs } from "./access-log.ts";
import { translateDownstreamTls } from "./downstream-tls.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyResource, envoyTypes } from "./envoy-resource.ts";
import type { SharedChain } from "./listener.ts";
import { handshakeTimeout, listenerJson, networkFilters } from "./listener.ts";
import { l4ChainName, listenerName } from "./names.ts";
import { tcpProxyFilter } from "./tcp-proxy.ts";

/** The TCP listeners of a gateway that have a route. */
export function translateTcpListeners(gateway: Gateway, routes: readonly L4Route[]): readonly EnvoyResource[] {
  return gateway.l4Listeners
    .filter(({ protocol }) => protocol === "TCP")
    .flatMap((listener) => {
      // A second route is refused when it is parsed.
      const [attached] = l4RoutesOn(gateway, listener, routes);
      if (attached === undefined) return [];
      const name = listenerName(gateway, listener);
      const filterChains = [{ name, filters: filtersOf(name, gateway, listener, attached.route) }];
      return [envoyResource(envoyTypes.listener, name, listenerJson(name, listener, { filterChains }), listener.at)];
    });
}

/** The filter chains of the TLS listeners of a gateway, one for each route. */
export function tlsRouteChains(gateway: Gateway, routes: readonly L4Route[]): readonly SharedChain[] {
  return gateway.l4Listeners
    .filter(({ protocol }) => protocol === "TLS")
    .flatMap((listener) =>
      l4RoutesOn(gateway, listener, routes).map((attached) => ({
        listener,
        chain: filterChain(gateway, listener, attached),
      })),
    );
}

function filterChain(
  gateway: Gateway,
  listener: L4Listener,
  { route, hostnames }: L4Attachment<L4Route>,
): FilterChainJson {
  const name = l4ChainName(gateway, listener, route);
  const { tls } = listener;
  const match = {
    ...(hostnames.includes("*") ? {} : { serverNames: [...hostnames] }),
    // What is not TLS at all would otherwise reach endpoints that expect it.
    ...(tls === undefined ? { transportProtocol: "tls" } : {}),
  };
  return {
    name,
    ...(Object.keys(match).length === 0 ? {} : { filterChainMatch: match }),
    filters: filtersOf(name, gateway, listener, route),
    ...(tls === undefined
      ? {}
      : {
          // Nobody knows here what is spoken inside, so nothing is offered.
          transportSocket: translateDownstreamTls({ ...tls, alpn: tls.alpn ?? [] }),
          transportSocketConnectTimeout: handshakeTimeout,
        }),
  };
}

function filtersOf(
  name: string,
  gateway: Gateway,
  listener: L4Listener,
  route: L4Route,
): NonNullable<FilterChainJson["filters"]> {
  const accessLog = translateAccessLogs(gateway.name, gateway.accessLogs, "connections");
  return [...networkFilters(name, listener, tcpProxyFilter(name, route, accessLog))];
}
