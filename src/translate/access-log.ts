/**
 * An AccessLog: what an Envoy writes down of the requests of a gateway.
 *
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage
 */
import type { AccessLogFilterJson, AccessLogJson } from "../gen/envoy/config/accesslog/v3/accesslog_pb.d.ts";
import type { GrpcServiceJson } from "../gen/envoy/config/core/v3/grpc_service_pb.d.ts";
import type { SubstitutionFormatStringJson } from "../gen/envoy/config/core/v3/substitution_format_string_pb.d.ts";
import type { FileAccessLogJson } from "../gen/envoy/extensions/access_loggers/file/v3/file_pb.d.ts";
import type { HttpGrpcAccessLogConfigJson } from "../gen/envoy/extensions/access_loggers/grpc/v3/als_pb.d.ts";
import type { OpenTelemetryAccessLogConfigJson } from "../gen/envoy/extensions/access_loggers/open_telemetry/v3/logs_service_pb.d.ts";
import type { StdoutAccessLogJson } from "../gen/envoy/extensions/access_loggers/stream/v3/stream_pb.d.ts";
import type { AnyJson } from "../gen/google/protobuf/any_pb.d.ts";
import type { AccessLog, LogReceiver } from "../model/intent-access-log.ts";
import { fractionalPercent } from "./http-filter.ts";
import { clusterName } from "./names.ts";
import { packAny } from "./pack-any.ts";

/** What people look for first; a value that is not there is left out. */
const defaultFields: Readonly<Record<string, string>> = {
  time: "%START_TIME%",
  method: "%REQ(:METHOD)%",
  host: "%REQ(:AUTHORITY)%",
  path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
  protocol: "%PROTOCOL%",
  status: "%RESPONSE_CODE%",
  grpcStatus: "%GRPC_STATUS%",
  flags: "%RESPONSE_FLAGS%",
  details: "%RESPONSE_CODE_DETAILS%",
  durationMs: "%DURATION%",
  upstreamMs: "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
  bytesIn: "%BYTES_RECEIVED%",
  bytesOut: "%BYTES_SENT%",
  route: "%ROUTE_NAME%",
  cluster: "%UPSTREAM_CLUSTER_RAW%",
  endpoint: "%UPSTREAM_HOST%",
  tries: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
  failure: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
  client: "%DOWNSTREAM_REMOTE_ADDRESS%",
  clientIdentity: "%DOWNSTREAM_PEER_URI_SAN%",
  userAgent: "%REQ(USER-AGENT)%",
  requestId: "%REQ(X-REQUEST-ID)%",
  traceId: "%TRACE_ID%",
};

/** The same for connections that nobody reads. */
const connectionFields: Readonly<Record<string, string>> = {
  time: "%START_TIME%",
  serverName: "%REQUESTED_SERVER_NAME%",
  flags: "%RESPONSE_FLAGS%",
  details: "%CONNECTION_TERMINATION_DETAILS%",
  durationMs: "%DURATION%",
  bytesIn: "%BYTES_RECEIVED%",
  bytesOut: "%BYTES_SENT%",
  route: "%FILTER_CHAIN_NAME%",
  cluster: "%UPSTREAM_CLUSTER_RAW%",
  endpoint: "%UPSTREAM_HOST%",
  failure: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
  client: "%DOWNSTREAM_REMOTE_ADDRESS%",
  clientIdentity: "%DOWNSTREAM_PEER_URI_SAN%",
};

/** What is logged: requests of HTTP, or connections whose bytes are passed on. */
type Logged = "requests" | "connections";

/** The logs of a gateway. */
export function translateAccessLogs(
  gateway: string,
  logs: readonly AccessLog[],
  logged: Logged = "requests",
): readonly AccessLogJson[] {
  return logs.map((log) => {
    const filter = filterOf(gateway, log, logged);
    return { ...sinkOf({ gateway, logged }, log), ...(filter === undefined ? {} : { filter }) };
  });
}

/** Whose log it is, and of what. */
interface LogSite {
  readonly gateway: string;
  readonly logged: Logged;
}

function sinkOf(site: LogSite, log: AccessLog): AccessLogJson {
  const { sink } = log;
  switch (sink.kind) {
    case "stdout":
    case "stderr": {
      const type = sink.kind === "stdout" ? "StdoutAccessLog" : "StderrAccessLog";
      const json: StdoutAccessLogJson = { logFormat: lineOf(site, log) };
      return logger(sink.kind, packAny(`envoy.extensions.access_loggers.stream.v3.${type}`, json));
    }
    case "file": {
      const json: FileAccessLogJson = { path: sink.path, logFormat: lineOf(site, log) };
      return logger("file", packAny("envoy.extensions.access_loggers.file.v3.FileAccessLog", json));
    }
    case "grpc": {
      const grpcService = serviceOf(sink);
      const json: HttpGrpcAccessLogConfigJson = {
        commonConfig: { logName: site.gateway, grpcService, transportApiVersion: "V3" },
      };
      if (site.logged === "connections") {
        return logger("tcp_grpc", packAny("envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig", json));
      }
      return logger("http_grpc", packAny("envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig", json));
    }
    case "openTelemetry": {
      const type = "envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig";
      return logger("open_telemetry", packAny(type, openTelemetry(site, log, sink)));
    }
  }
}

function logger(name: string, typedConfig: AnyJson): AccessLogJson {
  return { name: `envoy.access_loggers.${name}`, typedConfig };
}

/** One request or connection on one line. */
function lineOf({ logged }: LogSite, { text, fields }: AccessLog): SubstitutionFormatStringJson {
  if (text === undefined) return { jsonFormat: fieldsOf(logged, fields), omitEmptyValues: true };
  return { textFormatSource: { inlineString: text.endsWith("\n") ? text : `${text}\n` } };
}

function fieldsOf(logged: Logged, fields: AccessLog["fields"]): Record<string, string> {
  const all = new Map(Object.entries(logged === "requests" ? defaultFields : connectionFields));
  for (const { name, format } of fields) {
    if (format === undefined) all.delete(name);
    else all.set(name, format);
  }
  return Object.fromEntries(all);
}

function openTelemetry(
  { gateway, logged }: LogSite,
  { text, fields }: AccessLog,
  receiver: LogReceiver,
): OpenTelemetryAccessLogConfigJson {
  const attributes = Object.entries(fieldsOf(logged, fields)).map(([key, stringValue]) => ({
    key,
    value: { stringValue },
  }));
  return {
    logName: gateway,
    grpcService: serviceOf(receiver),
    ...(text === undefined ? { attributes: { values: attributes } } : { body: { stringValue: text } }),
  };
}

function serviceOf({ service, subset }: LogReceiver): GrpcServiceJson {
  return { envoyGrpc: { clusterName: clusterName(service, subset) } };
}

/** Any of what is written suffices. The runtime keys let an operator change a number in a running Envoy. */
function filterOf(gateway: string, { only }: AccessLog, logged: Logged): AccessLogFilterJson | undefined {
  if (only === undefined) return undefined;
  const key = (what: string): string => `fairway.access_log.${gateway}.${what}`;
  const { errors, slowerThanMs, percent } = only;
  const filters: AccessLogFilterJson[] = [
    ...(errors && logged === "connections" ? [{ responseFlagFilter: { flags: failureFlags } }] : []),
    ...(errors && logged === "requests" ? errorFilters(key("status")) : []),
    ...(slowerThanMs === undefined
      ? []
      : [{ durationFilter: { comparison: { op: "GE" as const, value: runtimeNumber(key("ms"), slowerThanMs) } } }]),
    ...(percent === undefined
      ? []
      : [{ runtimeFilter: { runtimeKey: key("percent"), percentSampled: fractionalPercent(percent) } }]),
  ];
  const [first, second] = filters;
  return second === undefined ? first : { orFilter: { filters } };
}

const SERVER_ERROR = 500;

/**
 * Envoy's flags of what got no answer, or a broken one. The others are no failure (DI, a delay on purpose), or what the
 * client is told with a status of its own (NR, RL, UAEX, IH).
 */
const failureFlags = [
  "DC",
  "DF",
  "DO",
  "DPE",
  "DT",
  "LH",
  "LR",
  "NC",
  "OM",
  "SI",
  "UC",
  "UF",
  "UH",
  "UMSDR",
  "UO",
  "UPE",
  "UR",
  "URX",
  "UT",
];

function errorFilters(key: string): readonly AccessLogFilterJson[] {
  const isGrpc: AccessLogFilterJson = {
    headerFilter: { header: { name: "content-type", stringMatch: { prefix: "application/grpc" } } },
  };
  return [
    { statusCodeFilter: { comparison: { op: "GE", value: runtimeNumber(key, SERVER_ERROR) } } },
    { responseFlagFilter: { flags: failureFlags } },
    // Whose HTTP status is 200.
    { andFilter: { filters: [isGrpc, { grpcStatusFilter: { exclude: true, statuses: ["OK"] } }] } },
  ];
}

function runtimeNumber(
  runtimeKey: string,
  defaultValue: number,
): { readonly runtimeKey: string; readonly defaultValue: number } {
  return { runtimeKey, defaultValue };
}
