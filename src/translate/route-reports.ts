/**
 * The access log by which Envoys tell the control plane of single requests while a rollout is on, so that it is known
 * which routes a version makes worse: every failed and every slow one, and a sample of the others.
 *
 * A listener that changes drains its connections, so the log is always there where the group says `routeReports`, and
 * the runtime layer turns it on and off. Off, Envoy looks up one number for each request and sends nothing.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/access_loggers/grpc/v3/als.proto
 */
import type { AccessLogFilterJson, AccessLogJson } from "../gen/envoy/config/accesslog/v3/accesslog_pb.d.ts";
import type { HttpGrpcAccessLogConfigJson } from "../gen/envoy/extensions/access_loggers/grpc/v3/als_pb.d.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { Route } from "../model/intent-route.ts";
import type { SplitWatch } from "../model/intent-split.ts";
import { fractionalPercent } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

/** What the control plane reads as its own log. */
export const routeReportsLogName = "fairway";

/** The cluster in every bootstrap that leads to the control plane. */
export const controlPlaneCluster = "fairway_xds";

/** Of the requests that went well, so many are told. */
export const SAMPLED_PERCENT = 10;

const SERVER_ERROR = 500;
/** Half a report is of no use, and a second is soon enough for people. */
const FLUSH = "1s";
/** No request is that slow: the largest that Envoy takes. */
const NEVER_MS = 4_294_967_295;

type RuntimeKey = readonly [key: string, value: number];

const keyOf = (gateway: string, what: "on" | "ms" | "sample"): string => `fairway.route_reports.${gateway}.${what}`;

/** None where the group does not want it. */
export function routeReportLogs({ name, routeReports }: Gateway): readonly AccessLogJson[] {
  if (routeReports !== true) return [];
  const config: HttpGrpcAccessLogConfigJson = {
    commonConfig: {
      logName: routeReportsLogName,
      grpcService: { envoyGrpc: { clusterName: controlPlaneCluster } },
      transportApiVersion: "V3",
      bufferFlushInterval: FLUSH,
    },
  };
  const typedConfig = packAny("envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig", config);
  return [{ name: "envoy.access_loggers.http_grpc", filter: filterOf(name), typedConfig }];
}

function filterOf(gateway: string): AccessLogFilterJson {
  const number = (runtimeKey: string, defaultValue: number) => ({ runtimeKey, defaultValue });
  return {
    andFilter: {
      filters: [
        onlyWhen(keyOf(gateway, "on")),
        {
          orFilter: {
            filters: [
              // No runtime changes what an error is, so the key is one that nobody writes.
              {
                statusCodeFilter: {
                  comparison: { op: "GE", value: number(`fairway.route_reports.${gateway}.status`, SERVER_ERROR) },
                },
              },
              { durationFilter: { comparison: { op: "GE", value: number(keyOf(gateway, "ms"), NEVER_MS) } } },
              onlyWhen(keyOf(gateway, "sample")),
            ],
          },
        },
      ],
    },
  };
}

/** A share of requests that is 0 until the runtime says another; whichever the request's id is. */
function onlyWhen(runtimeKey: string): AccessLogFilterJson {
  return { runtimeFilter: { runtimeKey, percentSampled: fractionalPercent(0), useIndependentRandomness: true } };
}

/** Turns the log of a gateway on, while a rollout moves a split that its routes use. */
export function routeReportKeys(
  { name, routeReports }: Gateway,
  routesOf: () => readonly Route[],
): readonly RuntimeKey[] {
  const watches = routeReports === true ? routesOf().flatMap(watchesOf) : [];
  if (watches.length === 0) return [];
  const slowest = watches.flatMap(({ slowerThanMs }) => slowerThanMs ?? []);
  // Envoy counts whole milliseconds.
  const ms: readonly RuntimeKey[] =
    slowest.length === 0 ? [] : [[keyOf(name, "ms"), Math.floor(Math.min(...slowest)) + 1]];
  return [[keyOf(name, "on"), 100], ...ms, [keyOf(name, "sample"), SAMPLED_PERCENT]];
}

function watchesOf({ rules }: Route): readonly SplitWatch[] {
  return rules.flatMap(({ target }) => target.split?.watch ?? []);
}
