/**
 * How connections to the hosts of a cluster are kept: how long, for how many requests, and what the kernel asks.
 */
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { HttpProtocolOptionsJson } from "../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.d.ts";
import type { ServiceConnection } from "../model/intent-service.ts";
import { duration } from "./duration.ts";

type CommonOptions = NonNullable<HttpProtocolOptionsJson["commonHttpProtocolOptions"]>;

/** What all protocols have in common; undefined when nobody wrote any of it. */
export function translateConnection(connection: ServiceConnection | undefined): CommonOptions | undefined {
  const { idleTimeoutMs, maxConnectionDurationMs, maxRequestsPerConnection } = connection ?? {};
  const options: CommonOptions = {
    ...(idleTimeoutMs === undefined ? {} : { idleTimeout: duration(idleTimeoutMs) }),
    ...(maxConnectionDurationMs === undefined ? {} : { maxConnectionDuration: duration(maxConnectionDurationMs) }),
    ...(maxRequestsPerConnection === undefined ? {} : { maxRequestsPerConnection }),
  };
  return Object.keys(options).length === 0 ? undefined : options;
}

/** Envoy counts in whole seconds. */
export function translateKeepalive(
  connection: ServiceConnection | undefined,
): Pick<ClusterJson, "upstreamConnectionOptions"> {
  if (connection?.tcpKeepalive === undefined) return {};
  const { timeMs, intervalMs, probes } = connection.tcpKeepalive;
  return {
    upstreamConnectionOptions: {
      tcpKeepalive: {
        ...(probes === undefined ? {} : { keepaliveProbes: probes }),
        ...(timeMs === undefined ? {} : { keepaliveTime: timeMs / 1_000 }),
        ...(intervalMs === undefined ? {} : { keepaliveInterval: intervalMs / 1_000 }),
      },
    },
  };
}
