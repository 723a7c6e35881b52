/**
 * A Listener: one port, with the HTTP connection managers behind it; of TCP and TLS see `l4-listener.ts`.
 *
 * A changed listener drains its connections, so of routes and services nothing is in here but which HTTP filters
 * they use (`http-filters.ts`): all else changes behind it, in the route configurations. A listener of HTTP has one, of its own name. HTTPS
 * listeners of the same address and port, of whatever gateways, are one Envoy listener with a filter
 * chain for each; Envoy exchanges filter chains in place, and only the connections of a changed one drain.
 */
import type { FilterChainJson, ListenerFilterJson } from "../gen/envoy/config/listener/v3/listener_components_pb.d.ts";
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import type { Gateway, GatewayListener, ListenerTls } from "../model/intent-gateway.ts";
import type { Route } from "../model/intent-route.ts";
import { translateAccessLogs } from "./access-log.ts";
import { translateDownstreamTls, translateQuicTls } from "./downstream-tls.ts";
import { duration } from "./duration.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyResource, envoyTypes } from "./envoy-resource.ts";
import { translateHttpConnectionManager } from "./http-connection-manager.ts";
import { chainOf } from "./http-filters.ts";
import { listenerName, sharedListenerName } from "./names.ts";
import { packAny } from "./pack-any.ts";
import { routeReportLogs } from "./route-reports.ts";
import { translateTracing } from "./tracing.ts";

const anyAddress = "0.0.0.0";
/** Envoy's default is 1 MiB for each connection; its guide to edge deployments says 32 KiB. */
export const perConnectionBufferLimitBytes = 32_768;
/** A client that begins a handshake and never ends it would hold its connection for ever: Envoy's default is no limit. */
export const handshakeTimeout = duration(10_000);

/** An HTTP listener of a gateway; `routes` are those attached to it. */
export function translateListener(
  gateway: Gateway,
  listener: GatewayListener,
  routes: readonly Route[],
): EnvoyResource {
  const name = listenerName(gateway, listener);
  const json = listenerJson(name, listener, {
    filterChains: [{ filters: networkFilters(name, listener, httpFilter(name, { gateway, listener }, routes)) }],
  });
  return envoyResource(envoyTypes.listener, name, json, listener.at);
}

/** A filter chain, and the listener whose address it is on. */
export interface SharedChain {
  readonly listener: GatewayListener;
  readonly chain: FilterChainJson;
  /** The same for connections of HTTP/3, where the listener takes them. */
  readonly quic?: FilterChainJson;
}

/** The filter chains of the HTTPS listeners of a gateway; `routesOf` a listener are those attached to it. */
export function httpsChains(
  gateway: Gateway,
  routesOf: (listener: GatewayListener) => readonly Route[],
): readonly SharedChain[] {
  return gateway.listeners.flatMap((listener) => {
    const { tls } = listener;
    if (tls === undefined) return [];
    const parts = { gateway, listener, tls, name: listenerName(gateway, listener), routes: routesOf(listener) };
    const quic = listener.http3 === undefined ? {} : { quic: filterChain({ ...parts, http3: true }) };
    return [{ listener, chain: filterChain(parts), ...quic }];
  });
}

/** The Envoy listeners of what speaks TLS, in whatever gateways of a group: one for each address and port. */
export function translateSharedListeners(chains: readonly SharedChain[]): readonly EnvoyResource[] {
  const byAddress = Map.groupBy(chains, ({ listener }) => sharedListenerName(addressOf(listener), listener.port));
  return [...byAddress].flatMap(([name, ofAddress]) => {
    const [first] = ofAddress;
    if (first === undefined) return [];
    const listenerFilters: readonly ListenerFilterJson[] = [
      {
        name: "envoy.filters.listener.tls_inspector",
        // Also when one chain takes all: a second one then comes without draining the listener.
        typedConfig: packAny("envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector", {}),
      },
    ];
    const json = listenerJson(name, first.listener, {
      listenerFilters,
      filterChains: ofAddress.map(({ chain }) => chain),
    });
    return [envoyResource(envoyTypes.listener, name, json, first.listener.at)];
  });
}

export function listenerJson(
  name: string,
  listener: GatewayListener,
  chains: Pick<ListenerJson, "listenerFilters" | "filterChains">,
): ListenerJson {
  const { originalDestination, bindToPort } = listener;
  const listenerFilters = [
    ...originalDestinationFilter(listener),
    ...proxyProtocolFilter(listener),
    ...(chains.listenerFilters ?? []),
  ];
  return {
    name,
    address: { socketAddress: { address: addressOf(listener), portValue: listener.port } },
    ...(originalDestination?.handsOver === true ? { useOriginalDst: true } : {}),
    ...(bindToPort === false ? { bindToPort } : {}),
    ...(listenerFilters.length === 0 ? {} : { listenerFilters }),
    filterChains: chains.filterChains ?? [],
    perConnectionBufferLimitBytes,
  };
}

/** Asks the kernel, which knows of each connection where the firewall took it from. */
function originalDestinationFilter({ originalDestination }: GatewayListener): readonly ListenerFilterJson[] {
  if (originalDestination === undefined) return [];
  const typedConfig = packAny("envoy.extensions.filters.listener.original_dst.v3.OriginalDst", {});
  return [{ name: "envoy.filters.listener.original_dst", typedConfig }];
}

/** It stands before the handshake, so before who reads that; all listeners of a port have the same. */
function proxyProtocolFilter({ proxyProtocol }: GatewayListener): readonly ListenerFilterJson[] {
  if (proxyProtocol === undefined) return [];
  const typedConfig = packAny("envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol", {
    allowRequestsWithoutProxyProtocol: proxyProtocol.optional,
  });
  return [{ name: "envoy.filters.listener.proxy_protocol", typedConfig }];
}

function filterChain(chain: {
  readonly name: string;
  readonly gateway: Gateway;
  readonly listener: GatewayListener;
  readonly tls: ListenerTls;
  readonly routes: readonly Route[];
  readonly http3?: boolean;
}): FilterChainJson {
  const { hostnames } = chain.listener;
  const http = httpFilter(chain.name, chain, chain.routes);
  return {
    name: chain.name,
    ...(hostnames === undefined ? {} : { filterChainMatch: { serverNames: hostnames } }),
    filters: networkFilters(chain.name, chain.listener, http),
    transportSocket: chain.http3 === true ? translateQuicTls(chain.tls) : translateDownstreamTls(chain.tls),
    transportSocketConnectTimeout: handshakeTimeout,
  };
}

type NetworkFilter = NonNullable<FilterChainJson["filters"]>[number];

/** A connection beyond the limit is closed before anything is read of it; `last` is the filter that ends the chain. */
export function networkFilters(
  statPrefix: string,
  { connectionLimit: limit }: GatewayListener,
  last: NetworkFilter,
): readonly NetworkFilter[] {
  if (limit === undefined) return [last];
  const typedConfig = packAny("envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit", {
    statPrefix,
    maxConnections: String(limit.maxConnections),
    ...(limit.delayMs === undefined ? {} : { delay: duration(limit.delayMs) }),
  });
  return [{ name: "envoy.filters.network.connection_limit", typedConfig }, last];
}

function httpFilter(
  name: string,
  {
    gateway,
    listener,
    http3,
  }: { readonly gateway: Gateway; readonly listener: GatewayListener; readonly http3?: boolean },
  routes: readonly Route[],
): NetworkFilter {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typedConfig: translateHttpConnectionManager({
      name,
      httpFilters: chainOf(gateway, routes),
      drain: gateway.drain,
      accessLog: [...translateAccessLogs(gateway.name, gateway.accessLogs), ...routeReportLogs(gateway)],
      tracing: gateway.tracing === undefined ? {} : translateTracing(gateway.name, gateway.tracing),
      timeouts: gateway.timeouts,
      clients: gateway.clients,
      extendedConnect: listener.extendedConnect,
      http3,
    }),
  };
}

/** Where the listener is. */
export function addressOf(listener: GatewayListener): string {
  return listener.address ?? anyAddress;
}
