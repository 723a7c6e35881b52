/**
 * HTTP/3: the filter chains of HTTPS listeners once more on a UDP port, and the header that tells clients of it.
 *
 * Whatever holds for a request holds here too, because routes, filters and certificates are those of the HTTPS listener.
 * Clients learn of the port from answers, by a header of the route configuration and not of the listener: nobody's
 * connection over TCP ends when HTTP/3 comes or goes.
 */
import type { HeaderValueOptionJson } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import type { GatewayListener, ListenerHttp3 } from "../model/intent-gateway.ts";
import { duration } from "./duration.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyResource, envoyTypes } from "./envoy-resource.ts";
import { http2ProtocolOptions } from "./http-connection-manager.ts";
import type { SharedChain } from "./listener.ts";
import { addressOf, handshakeTimeout, perConnectionBufferLimitBytes } from "./listener.ts";
import { http3ListenerName } from "./names.ts";

/** A day, which clients take when nobody says anything (RFC 7838, section 3.1). */
const maxAgeMs = 86_400_000;
/** Envoy's default, written out so that a reader sees what is in force: then a connection without a packet is over. */
const idleTimeoutMs = 300_000;

/** The Envoy listeners of the chains that have one for QUIC: one for each address and port. */
export function translateHttp3Listeners(chains: readonly SharedChain[]): readonly EnvoyResource[] {
  const ofQuic = chains.flatMap(({ listener, quic }) => (quic === undefined ? [] : [{ listener, quic }]));
  const byAddress = Map.groupBy(ofQuic, ({ listener }) => http3ListenerName(addressOf(listener), listener.port));
  return [...byAddress].flatMap(([name, ofAddress]) => {
    const [first] = ofAddress;
    if (first === undefined) return [];
    const { listener } = first;
    const json: ListenerJson = {
      name,
      address: { socketAddress: { protocol: "UDP", address: addressOf(listener), portValue: listener.port } },
      filterChains: ofAddress.map(({ quic }) => quic),
      udpListenerConfig: {
        quicOptions: {
          // What one client may make Envoy hold is the same as of HTTP/2.
          quicProtocolOptions: http2ProtocolOptions,
          idleTimeout: duration(idleTimeoutMs),
          cryptoHandshakeTimeout: handshakeTimeout,
        },
        // Many datagrams by one call, where the kernel can.
        downstreamSocketConfig: { preferGro: true },
      },
      perConnectionBufferLimitBytes,
    };
    return [envoyResource(envoyTypes.listener, name, json, listener.at)];
  });
}

/** `h3=":443"; ma=86400`. What a backend says of ports is about itself, so it is replaced. */
export function altSvc({ port }: GatewayListener, http3: ListenerHttp3): HeaderValueOptionJson {
  const value = `h3=":${http3.advertisedPort ?? port}"; ma=${(http3.maxAgeMs ?? maxAgeMs) / 1_000}`;
  return { header: { key: "alt-svc", value }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" };
}
