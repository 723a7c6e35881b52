/**
 * A listener of UDP: datagrams, passed on to an endpoint that stays the same as long as a client keeps talking.
 *
 * The clients are told apart by address and port. Envoy has no drain for them: a listener that changes is another
 * one, and each client gets an endpoint anew with its next datagram.
 */
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { L4Route } from "../model/intent-l4-route.ts";
import { l4RoutesOn } from "../model/l4-attachments.ts";
import { present } from "../support/assert.ts";
import { translateAccessLogs } from "./access-log.ts";
import { duration } from "./duration.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyResource, envoyTypes } from "./envoy-resource.ts";
import { addressOf } from "./listener.ts";
import { listenerName } from "./names.ts";
import { packAny } from "./pack-any.ts";
import { backendCluster } from "./split-weights.ts";

const udpProxy = "envoy.extensions.filters.udp.udp_proxy.v3";

/** Envoy's default, written out so that a reader sees what is in force. */
const idleTimeoutMs = 60_000;

/** The UDP listeners of a gateway that have a route. */
export function translateUdpListeners(gateway: Gateway, routes: readonly L4Route[]): readonly EnvoyResource[] {
  return gateway.l4Listeners
    .filter(({ protocol }) => protocol === "UDP")
    .flatMap((listener) => {
      // A second route is refused when it is parsed.
      const [attached] = l4RoutesOn(gateway, listener, routes);
      if (attached === undefined) return [];
      const name = listenerName(gateway, listener);
      const json: ListenerJson = {
        name,
        address: { socketAddress: { protocol: "UDP", address: addressOf(listener), portValue: listener.port } },
        listenerFilters: [
          { name: "envoy.filters.udp_listener.udp_proxy", typedConfig: proxy(name, gateway, attached.route) },
        ],
        udpListenerConfig: {},
      };
      return [envoyResource(envoyTypes.listener, name, json, listener.at)];
    });
}

function proxy(
  statPrefix: string,
  gateway: Gateway,
  { target, idleMs = idleTimeoutMs }: L4Route,
): ReturnType<typeof packAny> {
  const backend = present(target.backends[0], "a route of UDP has one backend");
  const accessLog = translateAccessLogs(gateway.name, gateway.accessLogs, "connections");
  return packAny(`${udpProxy}.UdpProxyConfig`, {
    statPrefix,
    matcher: {
      onNoMatch: {
        action: { name: "route", typedConfig: packAny(`${udpProxy}.Route`, { cluster: backendCluster(backend) }) },
      },
    },
    idleTimeout: duration(idleMs),
    ...(accessLog.length === 0 ? {} : { accessLog }),
  });
}
