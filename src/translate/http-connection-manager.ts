/**
 * The HttpConnectionManager: HTTP on a listener, with its routes by RDS.
 *
 * The values are those of Envoy's guide for edge deployments, with one exception that is explained below:
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge
 */
import type { ClientTraffic, GatewayDrain, GatewayTimeouts } from "../model/intent-gateway.ts";
import type { AccessLogJson } from "../gen/envoy/config/accesslog/v3/accesslog_pb.d.ts";
import type { AnyJson } from "../gen/google/protobuf/any_pb.d.ts";
import type {
  HttpConnectionManagerJson,
  HttpFilterJson,
} from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { RouterJson } from "../gen/envoy/extensions/filters/http/router/v3/router_pb.d.ts";
import { translateClientTraffic, translateUnderscores } from "./client-traffic.ts";
import { fromAds } from "./config-source.ts";
import { duration } from "./duration.ts";
import { packAny } from "./pack-any.ts";

/** What one client may make Envoy hold: 100 streams, 64 KiB of each, 1 MiB of all. */
export const http2ProtocolOptions = {
  maxConcurrentStreams: 100,
  initialStreamWindowSize: 65_536,
  initialConnectionWindowSize: 1_048_576,
};
/** Envoy's default, also the guide's: a connection that carries nothing for an hour is closed. */
const idleTimeoutMs = 3_600_000;
/** Envoy's default, also the guide's: a stream on which nothing moves is reset. */
const streamIdleTimeoutMs = 300_000;
/** Headers that trickle in hold a connection for nothing. */
const requestHeadersTimeoutMs = 10_000;

/** Between the two GOAWAYs of HTTP/2, for streams that cross the first one on their way; Envoy's default. */
const goawayMsMax = 5_000;
/** A connection that is told to close late in the drain shall end before it is cut. */
const goawayShare = 10;

/** What of an HttpConnectionManager differs from listener to listener. */
export interface HttpSite {
  /** The listener's: of the statistics, and of the route configuration. */
  readonly name: string;
  /** Those before the router. */
  readonly httpFilters: readonly HttpFilterJson[];
  readonly drain?: GatewayDrain | undefined;
  readonly accessLog: readonly AccessLogJson[];
  /** Empty without traces. */
  readonly tracing: Pick<HttpConnectionManagerJson, "tracing" | "earlyHeaderMutationExtensions">;
  readonly timeouts?: GatewayTimeouts | undefined;
  readonly clients?: ClientTraffic | undefined;
  /** Over HTTP/2, not over QUIC. */
  readonly extendedConnect?: boolean | undefined;
  /** Over QUIC; Envoy refuses any other codec there, and this one everywhere else. */
  readonly http3?: boolean | undefined;
}

/** HTTP on a listener. */
export function translateHttpConnectionManager({
  name,
  httpFilters,
  drain,
  accessLog,
  tracing,
  timeouts = {},
  clients = {},
  extendedConnect = false,
  http3 = false,
}: HttpSite): AnyJson {
  const router: RouterJson = {};
  const manager: HttpConnectionManagerJson = {
    ...(http3 ? { codecType: "HTTP3" } : {}),
    statPrefix: name,
    rds: { routeConfigName: name, configSource: fromAds },
    httpFilters: [
      ...httpFilters,
      {
        name: "envoy.filters.http.router",
        typedConfig: packAny("envoy.extensions.filters.http.router.v3.Router", router),
      },
    ],
    ...(accessLog.length === 0 ? {} : { accessLog }),
    ...translateClientTraffic(clients),
    ...tracing,
    commonHttpProtocolOptions: {
      ...translateUnderscores(clients),
      idleTimeout: duration(timeouts.idleMs ?? idleTimeoutMs),
      ...optional("maxStreamDuration", timeouts.maxStreamDurationMs),
      ...optional("maxConnectionDuration", timeouts.maxConnectionDurationMs),
    },
    // What a client may make Envoy hold over QUIC is said at the listener.
    ...(http3
      ? { http3ProtocolOptions: {} }
      : { http2ProtocolOptions: { ...http2ProtocolOptions, ...(extendedConnect ? { allowConnect: true } : {}) } }),
    streamIdleTimeout: duration(timeouts.streamIdleMs ?? streamIdleTimeoutMs),
    requestHeadersTimeout: duration(timeouts.requestHeadersMs ?? requestHeadersTimeoutMs),
    // The guide says 300 s for the whole request, which cuts long uploads and every streaming gRPC call; Envoy's default is no limit.
    requestTimeout: "0s",
    ...(drain === undefined ? {} : { drainTimeout: duration(Math.min(goawayMsMax, drain.timeMs / goawayShare)) }),
  };
  return packAny("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", manager);
}

/** Envoy's default is none, and to it 0 would be a limit of 0. */
function optional<Key extends string>(key: Key, ms: number | undefined): { readonly [K in Key]?: string } {
  return ms === undefined || ms === 0 ? {} : ({ [key]: duration(ms) } as { readonly [K in Key]?: string });
}
