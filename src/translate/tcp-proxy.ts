/**
 * A TcpProxy: the bytes of a connection, to a cluster that is chosen by weight when it opens.
 *
 * Its clusters stand in the listener itself, so a route that changes is a filter chain that changes:
 * connections that are open on it go on, and are cut at the end of the drain time.
 */
import type { AccessLogJson } from "../gen/envoy/config/accesslog/v3/accesslog_pb.d.ts";
import type { FilterChainJson } from "../gen/envoy/config/listener/v3/listener_components_pb.d.ts";
import type { TcpProxyJson } from "../gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb.d.ts";
import type { L4Route } from "../model/intent-l4-route.ts";
import type { RuleTarget } from "../model/intent-route.ts";
import { present } from "../support/assert.ts";
import { duration } from "./duration.ts";
import { packAny } from "./pack-any.ts";
import { backendCluster } from "./split-weights.ts";

/** Envoy's default, written out so that a reader sees what is in force. */
const idleTimeoutMs = 3_600_000;

/** The filter that ends a chain; `name` is that of its statistics. */
export function tcpProxyFilter(
  name: string,
  route: L4Route,
  accessLog: readonly AccessLogJson[],
): NonNullable<FilterChainJson["filters"]>[number] {
  const { idleMs = idleTimeoutMs, maxConnectionDurationMs, maxConnectAttempts } = route;
  const json: TcpProxyJson = {
    statPrefix: name,
    ...clustersOf(route.target),
    idleTimeout: duration(idleMs),
    ...(maxConnectionDurationMs === undefined
      ? {}
      : { maxDownstreamConnectionDuration: duration(maxConnectionDurationMs) }),
    ...(maxConnectAttempts === undefined ? {} : { maxConnectAttempts }),
    ...(accessLog.length === 0 ? {} : { accessLog }),
  };
  return {
    name: "envoy.filters.network.tcp_proxy",
    typedConfig: packAny("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", json),
  };
}

/** Envoy takes no weight of 0 here; in routes of HTTP it does. */
function clustersOf({ backends }: RuleTarget): Pick<TcpProxyJson, "cluster" | "weightedClusters"> {
  const live = backends.filter(({ weight }) => weight > 0);
  const first = present(live[0], "weights that are all 0 are refused when they are parsed");
  if (live.length === 1) return { cluster: backendCluster(first) };
  return {
    weightedClusters: { clusters: live.map((backend) => ({ name: backendCluster(backend), weight: backend.weight })) },
  };
}
