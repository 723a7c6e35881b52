/**
 * QUIC: what of a listener and of a cluster must be there for HTTP/3, and what must not.
 *
 * Whether the codec is HTTP/3 stands inside of a filter and is left to Envoy.
 */
import type { HealthCheck_HttpHealthCheck } from "../gen/envoy/config/core/v3/health_check_pb.d.ts";
import type { FilterChain } from "../gen/envoy/config/listener/v3/listener_components_pb.d.ts";
import type { Listener } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import type { HttpProtocolOptions } from "../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.d.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import { refused, ruleFor, when } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";
import { typeOf } from "./refusals-extension.ts";

const manager = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const transport = "envoy.extensions.transport_sockets.quic.v3.QuicDownstreamTransport";
/** `SocketAddress.Protocol.UDP`. */
const UDP = 1;
/** `CodecClientType.HTTP3`. */
const HTTP3 = 2;

export const quicRules: RuleTable = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": ruleFor<HttpProtocolOptions>(
    ({ upstreamProtocolOptions: { case: kind, value } }) =>
      when(
        kind === "autoConfig" &&
          value.http3ProtocolOptions !== undefined &&
          value.alternateProtocolsCacheOptions === undefined,
        () => refused(["auto_config"], "HTTP/3 beside others needs `alternate_protocols_cache_options`"),
      ),
  ),
};

/** A check in HTTP/3 is not refused: it ends the Envoy that gets it. */
export function checkCodecProblems({ codecClientType }: HealthCheck_HttpHealthCheck): readonly EnvoyProblem[] {
  const codec: number = codecClientType;
  return when(codec === HTTP3, () =>
    refused(["codec_client_type"], "a check in HTTP/3 ends the whole Envoy", "write HTTP1 or HTTP2: it goes over TCP"),
  );
}

/** Of a listener on a UDP port. */
export function udpProblems({ address, filterChains, udpListenerConfig }: Listener): readonly EnvoyProblem[] {
  if (address?.address.case !== "socketAddress") return [];
  const protocol: number = address.address.value.protocol;
  if (protocol !== UDP || filterChains.length === 0) return [];
  if (udpListenerConfig?.quicOptions === undefined) {
    const hint =
      "write `udp_listener_config: { quic_options: {} }` for HTTP/3, or move the filters to `listener_filters`";
    return [refused(["filter_chains"], "UDP without QUIC has no connections, and so no filter chains", hint)];
  }
  return filterChains.flatMap(chainProblems);
}

function chainProblems({ filters, transportSocket }: FilterChain, index: number): readonly EnvoyProblem[] {
  const typeIn = (config: FilterChain["filters"][number]["configType"] | undefined) =>
    config?.case === "typedConfig" ? typeOf(config.value) : undefined;
  const socket = transportSocket?.configType;
  const socketType = socket?.case === "typedConfig" ? typeOf(socket.value) : undefined;
  return [
    ...when(socketType !== transport, () =>
      refused(["filter_chains", index], "a chain of QUIC needs its own transport socket", `write ${transport}`),
    ),
    ...when(typeIn(filters.at(-1)?.configType) !== manager, () =>
      refused(["filter_chains", index], "a chain of QUIC ends with an HTTP connection manager"),
    ),
  ];
}
