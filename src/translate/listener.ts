/**
 * A Listener: one port of a gateway, with the HTTP connection manager behind it.
 *
 * A changed listener drains its connections, so nothing in here depends on routes or services: those
 * change behind it, in the route configuration of the same name.
 */
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import type { Gateway, GatewayListener } from "../model/intent-gateway.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyResource, envoyTypes } from "./envoy-resource.ts";
import { translateHttpConnectionManager } from "./http-connection-manager.ts";
import { listenerName } from "./names.ts";

const anyAddress = "0.0.0.0";
/** Envoy's default is 1 MiB for each connection; its guide to edge deployments says 32 KiB. */
const perConnectionBufferLimitBytes = 32_768;

/** The listener of a gateway. */
export function translateListener(gateway: Gateway, listener: GatewayListener): EnvoyResource {
  const name = listenerName(gateway, listener);
  const json: ListenerJson = {
    name,
    address: { socketAddress: { address: listener.address ?? anyAddress, portValue: listener.port } },
    filterChains: [
      {
        filters: [
          { name: "envoy.filters.network.http_connection_manager", typedConfig: translateHttpConnectionManager(name) },
        ],
      },
    ],
    perConnectionBufferLimitBytes,
  };
  return envoyResource(envoyTypes.listener, name, json, listener.at);
}
