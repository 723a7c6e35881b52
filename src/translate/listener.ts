/**
 * A Listener: one port, with the HTTP connection managers behind it.
 *
 * A changed listener drains its connections, so nothing in here depends on routes or services: those
 * change behind it, in the route configurations. A listener of HTTP has one, of its own name. HTTPS
 * listeners of the same address and port, of whatever gateways, are one Envoy listener with a filter
 * chain for each; Envoy exchanges filter chains in place, and only the connections of a changed one drain.
 */
import type { FilterChainJson, ListenerFilterJson } from "../gen/envoy/config/listener/v3/listener_components_pb.d.ts";
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import type { Gateway, GatewayListener, ListenerTls } from "../model/intent-gateway.ts";
import { translateDownstreamTls } from "./downstream-tls.ts";
import { duration } from "./duration.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyResource, envoyTypes } from "./envoy-resource.ts";
import { translateHttpConnectionManager } from "./http-connection-manager.ts";
import { listenerName, sharedListenerName } from "./names.ts";
import { packAny } from "./pack-any.ts";

const anyAddress = "0.0.0.0";
/** Envoy's default is 1 MiB for each connection; its guide to edge deployments says 32 KiB. */
const perConnectionBufferLimitBytes = 32_768;
/** A client that begins a handshake and never ends it would hold its connection for ever: Envoy's default is no limit. */
const handshakeTimeoutMs = 10_000;

/** An HTTP listener of a gateway. */
export function translateListener(gateway: Gateway, listener: GatewayListener): EnvoyResource {
  const name = listenerName(gateway, listener);
  const json = listenerJson(name, listener, { filterChains: [{ filters: [httpFilter(name, gateway)] }] });
  return envoyResource(envoyTypes.listener, name, json, listener.at);
}

/** The HTTPS listeners of all gateways of a group, one for each address and port. */
export function translateTlsListeners(gateways: readonly Gateway[]): readonly EnvoyResource[] {
  const chains = gateways.flatMap((gateway) =>
    gateway.listeners.flatMap((listener) =>
      listener.tls === undefined
        ? []
        : [{ gateway, listener, tls: listener.tls, name: listenerName(gateway, listener) }],
    ),
  );
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
    const json = listenerJson(name, first.listener, { listenerFilters, filterChains: ofAddress.map(filterChain) });
    return [envoyResource(envoyTypes.listener, name, json, first.listener.at)];
  });
}

function listenerJson(
  name: string,
  listener: GatewayListener,
  chains: Pick<ListenerJson, "listenerFilters" | "filterChains">,
): ListenerJson {
  return {
    name,
    address: { socketAddress: { address: addressOf(listener), portValue: listener.port } },
    ...chains,
    perConnectionBufferLimitBytes,
  };
}

function filterChain(chain: {
  readonly name: string;
  readonly gateway: Gateway;
  readonly listener: GatewayListener;
  readonly tls: ListenerTls;
}): FilterChainJson {
  const { hostnames } = chain.listener;
  return {
    name: chain.name,
    ...(hostnames === undefined ? {} : { filterChainMatch: { serverNames: hostnames } }),
    filters: [httpFilter(chain.name, chain.gateway)],
    transportSocket: translateDownstreamTls(chain.tls),
    transportSocketConnectTimeout: duration(handshakeTimeoutMs),
  };
}

function httpFilter(name: string, { drain }: Gateway): NonNullable<FilterChainJson["filters"]>[number] {
  return {
    name: "envoy.filters.network.http_connection_manager",
    typedConfig: translateHttpConnectionManager(name, drain),
  };
}

function addressOf(listener: GatewayListener): string {
  return listener.address ?? anyAddress;
}
