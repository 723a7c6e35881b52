/**
 * A cluster in a few lines: its endpoints, and what Envoy does to protect them.
 */
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { HealthCheckJson } from "../gen/envoy/config/core/v3/health_check_pb.d.ts";
import type {
  LbEndpointJson,
  LocalityLbEndpointsJson,
} from "../gen/envoy/config/endpoint/v3/endpoint_components_pb.d.ts";
import type { ClusterLoadAssignmentJson } from "../gen/envoy/config/endpoint/v3/endpoint_pb.d.ts";
import { snakeCase } from "../model/position.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import { describeBalancer } from "./describe-balancer.ts";
import type { ClusterFacts, EndpointFacts, Setting } from "./explanation.ts";
import { addressText } from "./match-listener.ts";
import type { ClusterOrigin } from "./origins.ts";
import type { Located, ResourceLookup } from "./resource-lookup.ts";
import type { RuntimeValues } from "./runtime-values.ts";
import { runtimeValues } from "./runtime-values.ts";

/** More are counted only: an answer is for people. */
const ENDPOINTS_SHOWN_MAX = 20;

/** What a cluster is looked at with; `priority` is that of the route. */
interface ClusterView {
  readonly lookup: ResourceLookup;
  readonly origin: ClusterOrigin | undefined;
  readonly priority: string;
}

/** The facts of a cluster; of one that is not in the snapshot, that it is not. */
export function describeCluster(name: string, { lookup, origin, priority }: ClusterView): ClusterFacts {
  const cluster = lookup.get<ClusterJson>(typeUrls.cluster, name);
  if (cluster === undefined) return { name, endpointCount: 0, endpoints: [], settings: [] };
  const { json, at } = cluster;
  const assignment = assignmentOf(lookup, name, json);
  const endpoints = (assignment?.json.endpoints ?? []).flatMap(endpointsOf);
  const patchedAt = [...(cluster.patchedAt ?? []), ...(assignment?.patchedAt ?? [])];
  return {
    name,
    at,
    ...(patchedAt.length === 0 ? {} : { patchedAt }),
    discovery: json.clusterType?.name ?? json.type ?? "STATIC",
    endpointCount: endpoints.length,
    endpoints: endpoints.slice(0, ENDPOINTS_SHOWN_MAX).map((endpoint) => {
      const written = origin?.endpoint(endpoint.address);
      return written === undefined ? endpoint : { ...endpoint, at: written };
    }),
    settings: [
      ...triedClusters(json),
      setting("load balancing", describeBalancer(json)),
      setting("connect timeout", json.connectTimeout ?? "5s"),
      ...circuitBreaker(json, priority, runtimeValues(lookup)),
      ...connection(json),
      ...outlierDetection(json),
      ...(json.healthChecks ?? []).map(healthCheck),
      ...(json.transportSocket === undefined ? [] : [setting("transport", transportOf(json))]),
    ].map((each) => {
      const written = origin?.blocks[each.name];
      return written === undefined ? each : { ...each, at: written };
    }),
  };
}

function triedClusters(json: ClusterJson): readonly Setting[] {
  const clusters = innerClusters(json);
  return clusters.length === 0 ? [] : [setting("tries", clusters.join(", then "))];
}

/** Of an aggregate cluster those that it asks, the first one first. */
export function innerClusters({ clusterType }: ClusterJson): readonly string[] {
  if (clusterType?.name !== "envoy.clusters.aggregate") return [];
  return (clusterType.typedConfig as { readonly clusters?: readonly string[] } | undefined)?.clusters ?? [];
}

function setting(name: string, text: string): Setting {
  return { name, text };
}

function assignmentOf(
  lookup: ResourceLookup,
  name: string,
  cluster: ClusterJson,
): Pick<Located<ClusterLoadAssignmentJson>, "json" | "patchedAt"> | undefined {
  if (cluster.type !== "EDS") return { json: cluster.loadAssignment ?? {} };
  const service = cluster.edsClusterConfig?.serviceName ?? "";
  return lookup.get<ClusterLoadAssignmentJson>(typeUrls.endpoints, service === "" ? name : service);
}

function endpointsOf(group: LocalityLbEndpointsJson): readonly EndpointFacts[] {
  const { region, zone, subZone } = group.locality ?? {};
  const locality = [region, zone, subZone].filter((part) => part !== undefined && part !== "").join("/");
  return (group.lbEndpoints ?? []).map((endpoint) => ({
    address: addressText(endpoint.endpoint?.address),
    priority: group.priority ?? 0,
    ...(locality === "" ? {} : { locality }),
    ...(endpoint.loadBalancingWeight === undefined ? {} : { weight: endpoint.loadBalancingWeight }),
    ...healthOf(endpoint),
  }));
}

function healthOf({ healthStatus }: LbEndpointJson): Pick<EndpointFacts, "health"> {
  return healthStatus === undefined || healthStatus === "UNKNOWN" ? {} : { health: healthStatus };
}

/** Envoy's own limits are in force where nobody wrote any. */
const limitDefaults = { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024 } as const;

/** In words, when there are any for this cluster and priority. */
function liveText(name: string, priority: string, layer: RuntimeValues): readonly string[] {
  const prefix = `circuit_breakers.${name}.${priority.toLowerCase()}.`;
  const limits = Object.entries(layer).filter(([key]) => key.startsWith(prefix));
  if (limits.length === 0) return [];
  return [`live: ${limits.map(([key, value]) => `${key.slice(prefix.length)} ${textOf(value)}`).join(", ")}`];
}

function circuitBreaker(
  { name = "", circuitBreakers }: ClusterJson,
  priority: string,
  layer: RuntimeValues,
): readonly Setting[] {
  const live = liveText(name, priority, layer);
  const perHost = circuitBreakers?.perHostThresholds?.[0]?.maxConnections;
  const hostLimit = perHost === undefined ? [] : [`max_connections ${perHost} to each endpoint`];
  const threshold = circuitBreakers?.thresholds?.find((each) => (each.priority ?? "DEFAULT") === priority);
  if (threshold === undefined) {
    const defaults = "Envoy's defaults: 1024 requests, connections and waiting, 3 retries";
    return [setting("circuit breaker", [[defaults, ...hostLimit].join(", "), ...live].join("; "))];
  }
  const limits = Object.entries(limitDefaults).map(
    ([key, otherwise]) => `${snakeCase(key)} ${threshold[key as keyof typeof limitDefaults] ?? otherwise}`,
  );
  const { retryBudget: budget, maxRetries = 3, maxConnectionPools: pools } = threshold;
  // Beside a budget Envoy ignores the number.
  const retries =
    budget === undefined
      ? `max_retries ${maxRetries}`
      : `retry budget ${textOf(budget.budgetPercent?.value ?? 20)} % of requests, at least ${budget.minRetryConcurrency ?? 3} at once`;
  const poolLimit = pools === undefined ? [] : [`max_connection_pools ${pools}`];
  const all = [...limits, retries, ...poolLimit, ...hostLimit].join(", ");
  return [setting("circuit breaker", [all, ...live].join("; "))];
}

/** Of the HTTP options that are packed into the cluster. */
interface ProtocolOptions {
  readonly commonHttpProtocolOptions?: Readonly<Record<string, unknown>>;
  readonly explicitHttpConfig?: { readonly http2ProtocolOptions?: Readonly<Record<string, unknown>> };
  readonly autoConfig?: {
    readonly http2ProtocolOptions?: Readonly<Record<string, unknown>>;
    readonly http3ProtocolOptions?: object;
  };
}

function connection({ typedExtensionProtocolOptions, upstreamConnectionOptions }: ClusterJson): readonly Setting[] {
  const options = protocolOptions(typedExtensionProtocolOptions);
  const { tcpKeepalive } = upstreamConnectionOptions ?? {};
  const parts = Object.entries({
    ...options?.commonHttpProtocolOptions,
    ...(options?.explicitHttpConfig ?? options?.autoConfig)?.http2ProtocolOptions,
    ...tcpKeepalive,
  }).map(([key, value]) => `${snakeCase(key)} ${textOf(value)}`);
  return parts.length === 0 ? [] : [setting("connection", parts.join(", "))];
}

function protocolOptions(written: ClusterJson["typedExtensionProtocolOptions"]): ProtocolOptions | undefined {
  return written?.["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"] as ProtocolOptions | undefined;
}

function outlierDetection({ outlierDetection: detection }: ClusterJson): readonly Setting[] {
  if (detection === undefined) return [];
  const parts = Object.entries(detection).map(([key, value]) => `${snakeCase(key)} ${textOf(value)}`);
  return [setting("outlier detection", parts.length === 0 ? "Envoy's defaults" : parts.join(", "))];
}

function healthCheck(check: HealthCheckJson): Setting {
  const { httpHealthCheck: http, grpcHealthCheck: grpc } = check;
  const what = http === undefined ? (grpc === undefined ? "TCP" : "gRPC") : `GET ${http.path ?? "/"}`;
  const times = `every ${check.interval ?? "?"}, timeout ${check.timeout ?? "?"}`;
  const counts = `unhealthy after ${textOf(check.unhealthyThreshold)}, healthy after ${textOf(check.healthyThreshold)}`;
  return setting("health check", `${what} ${times}, ${counts}`);
}

/** What is read of a TLS context. */
interface Tls {
  readonly sni?: string;
  readonly commonTlsContext?: {
    readonly tlsCertificateSdsSecretConfigs?: readonly SecretName[];
    readonly validationContextSdsSecretConfig?: SecretName;
    readonly combinedValidationContext?: {
      readonly validationContextSdsSecretConfig?: SecretName;
      readonly defaultValidationContext?: {
        readonly matchTypedSubjectAltNames?: readonly { readonly matcher?: Readonly<Record<string, unknown>> }[];
      };
    };
  };
}

interface SecretName {
  readonly name?: string;
}

/** A transport socket, and the one in it. */
interface Transport {
  readonly name?: string;
  readonly typedConfig?: Tls & {
    readonly "@type"?: string;
    readonly config?: { readonly version?: string };
    readonly transportSocket?: Transport;
    /** Of QUIC. */
    readonly upstreamTlsContext?: Tls;
  };
}

function transportOf({ transportSocket, typedExtensionProtocolOptions }: ClusterJson): string {
  const described = describeTransport(transportSocket);
  if (protocolOptions(typedExtensionProtocolOptions)?.autoConfig?.http3ProtocolOptions === undefined) return described;
  return described.replace("HTTP/3,", "HTTP/3 where answers say so in alt-svc, else HTTP/2 or HTTP/1.1 by ALPN;");
}

function describeTransport({ name = "", typedConfig = {} }: Transport = {}): string {
  const { "@type": type = name, config, transportSocket, upstreamTlsContext } = typedConfig;
  if (type.endsWith(".ProxyProtocolUpstreamTransport")) {
    return `PROXY protocol ${config?.version ?? "V1"}, then ${describeTransport(transportSocket)}`;
  }
  if (type.endsWith(".QuicUpstreamTransport")) return `HTTP/3, ${describeTls(upstreamTlsContext)}`;
  if (type.endsWith(".RawBuffer")) return "plain text";
  return describeTls(typedConfig, type.endsWith(".UpstreamTlsContext") ? "TLS" : type.slice(type.lastIndexOf(".") + 1));
}

/** What is shown and what is asked for, by the names of secrets. */
function describeTls({ sni, commonTlsContext = {} }: Tls = {}, kind = "TLS"): string {
  const {
    tlsCertificateSdsSecretConfigs = [],
    validationContextSdsSecretConfig,
    combinedValidationContext,
  } = commonTlsContext;
  const shown = tlsCertificateSdsSecretConfigs.map(({ name }) => textOf(name)).join(", ");
  const authority = (combinedValidationContext?.validationContextSdsSecretConfig ?? validationContextSdsSecretConfig)
    ?.name;
  const names = (combinedValidationContext?.defaultValidationContext?.matchTypedSubjectAltNames ?? []).map(
    ({ matcher = {} }) => Object.values(matcher).map(textOf).join(" "),
  );
  return [
    kind,
    ...(sni === undefined ? [] : [`server name ${sni}`]),
    ...(shown === "" ? [] : [`shows the certificate of ${shown}`]),
    ...(authority === undefined ? [] : [`trusts ${authority}`]),
    ...(names.length === 0 ? [] : [`asks for the name ${names.join(" or ")}`]),
  ].join(", ");
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "?");
}
