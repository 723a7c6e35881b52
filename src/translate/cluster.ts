/**
 * A Cluster: a service, or one subset of it, as Envoy balances it.
 *
 * A subset is a cluster of its own, so that a canary has its own circuit breakers, ejections and
 * statistics, and stays warm at weight 0. Endpoints that are written down come by EDS, so that a host that
 * comes or goes never rebuilds the cluster: a changed cluster forgets its connections and ejections. What
 * is found by DNS, or where a redirected connection wanted to go, is the Envoy's own affair, and has no
 * load assignment beside the cluster.
 */
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { HttpProtocolOptionsJson } from "../gen/envoy/extensions/upstreams/http/v3/http_protocol_options_pb.d.ts";
import type { Endpoint, Service, ServicePolicy, Subset } from "../model/intent-service.ts";
import { present } from "../support/assert.ts";
import { alternateProtocols } from "./alternate-protocols.ts";
import { translateConnection, translateKeepalive } from "./connection.ts";
import { translateCircuitBreaker } from "./circuit-breakers.ts";
import { fromAds } from "./config-source.ts";
import { translateDnsDiscovery } from "./dns-discovery.ts";
import { duration } from "./duration.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyTypes, lazyResource } from "./envoy-resource.ts";
import { translateFallback } from "./fallback-cluster.ts";
import { translateHealthCheck } from "./health-check.ts";
import { translateLoadAssignment } from "./load-assignment.ts";
import { translateLoadBalancer } from "./load-balancer.ts";
import { clusterName, mirrorClusterName } from "./names.ts";
import { translateOutlierDetection } from "./outlier-detection.ts";
import { packAny } from "./pack-any.ts";
import { namedByDns, nameFromRequest, translateUpstreamQuic, translateUpstreamTls } from "./upstream-tls.ts";

/** Envoy's default. */
const connectTimeoutMs = 5_000;
/** Envoy's default is 1 MiB for each connection; its guide to edge deployments says 32 KiB. */
const perConnectionBufferLimitBytes = 32_768;

const hostsFromAds: ClusterJson = { type: "EDS", edsClusterConfig: { edsConfig: fromAds } };

const sockets = "envoy.extensions.transport_sockets";
const httpProtocolOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** The cluster and load assignment of the service, then those of each subset. */
export function translateService(service: Service): readonly EnvoyResource[] {
  const whole = clusterAndEndpoints(service, { at: service.at, policy: service.policy, endpoints: service.endpoints });
  const subsets = service.subsets.flatMap((subset) => [
    ...clusterAndEndpoints(service, {
      name: subset.name,
      at: subset.at,
      policy: subset.policy,
      endpoints: service.endpoints.filter((endpoint) => selects(subset, endpoint)),
    }),
    ...translateFallback(service, subset),
  ]);
  return [...whole, ...subsets];
}

/** Whether the endpoint has every label of the subset. */
export function selects(subset: Subset, endpoint: Endpoint): boolean {
  return Object.entries(subset.labels).every(([label, value]) => endpoint.labels[label] === value);
}

/** The part of a service that becomes one cluster. */
interface ClusterPart {
  readonly name?: string;
  readonly at: Service["at"];
  readonly policy: ServicePolicy;
  readonly endpoints: readonly Endpoint[];
}

/**
 * The cluster for copies of requests to a service or one subset. Its hosts are those of the one that it stands beside,
 * by the same load assignment; what is counted, ejected and limited in it is its own.
 */
export function translateMirrorCluster(service: Service, subset?: Subset): EnvoyResource {
  const { at, policy } = subset ?? service;
  const name = mirrorClusterName(service.name, subset?.name);
  return translateCluster(service, { at, policy }, { name, hostsOf: clusterName(service.name, subset?.name) });
}

/** `hostsOf` is the name of the load assignment when it is not that of the cluster. */
function translateCluster(
  { name: service, dns, originalDestination, protocol }: Service,
  { at, policy }: Pick<ClusterPart, "at" | "policy">,
  { name, hostsOf }: { readonly name: string; readonly hostsOf?: string },
): EnvoyResource {
  const hosts = (): ClusterJson => {
    if (originalDestination !== undefined) return {};
    if (dns !== undefined) return translateDnsDiscovery(name, dns, policy.healthCheck?.port);
    if (hostsOf === undefined) return hostsFromAds;
    return { ...hostsFromAds, edsClusterConfig: { ...hostsFromAds.edsClusterConfig, serviceName: hostsOf } };
  };
  return lazyResource(envoyTypes.cluster, name, at, (): ClusterJson => ({
    name,
    ...hosts(),
    ...translatePolicy(policy, protocol),
    ...(originalDestination === undefined ? {} : translateOriginalDestination(originalDestination)),
    ...translateProtocol(originalDestination === undefined ? protocol : (protocol ?? "client's"), {
      service,
      tls: namedByDns(policy.tls, dns),
      connection: policy.connection,
    }),
  }));
}

/** Hosts come with the connections, and Envoy forgets them when they are not used. */
function translateOriginalDestination({ port }: NonNullable<Service["originalDestination"]>): ClusterJson {
  return {
    type: "ORIGINAL_DST",
    lbPolicy: "CLUSTER_PROVIDED",
    ...(port === undefined ? {} : { originalDstLbConfig: { upstreamPortOverride: port } }),
  };
}

function clusterAndEndpoints(service: Service, part: ClusterPart): readonly EnvoyResource[] {
  const name = clusterName(service.name, part.name);
  const cluster = translateCluster(service, part, { name });
  if (service.dns !== undefined || service.originalDestination !== undefined) return [cluster];
  const assignment = () =>
    translateLoadAssignment(name, part.endpoints, {
      healthCheckPort: part.policy.healthCheck?.port,
      loadBalancer: part.policy.loadBalancer,
    });
  return [cluster, lazyResource(envoyTypes.endpoints, name, part.at, assignment)];
}

function translatePolicy(policy: ServicePolicy, protocol: Service["protocol"]): ClusterJson {
  return {
    connectTimeout: duration(policy.connectTimeoutMs ?? connectTimeoutMs),
    perConnectionBufferLimitBytes: policy.connection?.bufferLimitBytes ?? perConnectionBufferLimitBytes,
    ...translateKeepalive(policy.connection),
    ...translateLoadBalancer(policy.loadBalancer ?? { policy: "ROUND_ROBIN" }),
    ...translateCircuitBreaker(policy.circuitBreaker),
    ...(policy.outlierDetection === undefined
      ? {}
      : { outlierDetection: translateOutlierDetection(policy.outlierDetection) }),
    ...(policy.healthCheck === undefined
      ? {}
      : {
          healthChecks: [translateHealthCheck(policy.healthCheck, protocol)],
          // Otherwise Envoy keeps sending requests to a host that was taken out of the files as long as it passes its checks.
          ignoreHealthOnHostRemoval: true,
        }),
  };
}

/** Who the client is stands before the handshake. */
function translateTransport(
  version: NonNullable<ServicePolicy["connection"]>["proxyProtocol"],
  tls: ServicePolicy["tls"],
): Pick<ClusterJson, "transportSocket"> {
  const inner = tls === undefined ? undefined : translateUpstreamTls(tls);
  if (version === undefined) return inner === undefined ? {} : { transportSocket: inner };
  const plain = {
    name: "envoy.transport_sockets.raw_buffer",
    typedConfig: packAny(`${sockets}.raw_buffer.v3.RawBuffer`, {}),
  };
  const typedConfig = packAny(`${sockets}.proxy_protocol.v3.ProxyProtocolUpstreamTransport`, {
    config: { version },
    transportSocket: inner ?? plain,
  });
  return { transportSocket: { name: "envoy.transport_sockets.upstream_proxy_protocol", typedConfig } };
}

/** How Envoy speaks with the endpoints; without a word about it, HTTP/1.1 in the clear. Who wanted to go elsewhere speaks what is spoken there. */
function translateProtocol(
  protocol: Service["protocol"] | "client's",
  {
    service,
    tls,
    connection,
  }: {
    readonly service: string;
    readonly tls: ServicePolicy["tls"];
    readonly connection: ServicePolicy["connection"];
  },
): ClusterJson {
  const fromRequest = tls === undefined ? undefined : nameFromRequest(tls);
  const common = translateConnection(connection);
  const streams = connection?.maxConcurrentStreams;
  const limit = streams === undefined ? {} : { maxConcurrentStreams: streams };
  const written = translateVersions(protocol, service, limit);
  const options: HttpProtocolOptionsJson = {
    ...(common === undefined ? {} : { commonHttpProtocolOptions: common }),
    ...(written ?? { explicitHttpConfig: { httpProtocolOptions: {} } }),
    ...(fromRequest === undefined ? {} : { upstreamHttpProtocolOptions: fromRequest }),
  };
  return {
    ...(written !== undefined || fromRequest !== undefined || common !== undefined
      ? { typedExtensionProtocolOptions: { [httpProtocolOptions]: packAny(httpProtocolOptions, options) } }
      : {}),
    ...(protocol === "http3" || protocol === "auto"
      ? { transportSocket: translateUpstreamQuic(present(tls, "HTTP/3 without `tls` is refused"), protocol) }
      : translateTransport(connection?.proxyProtocol, tls)),
  };
}

/** What is written of the versions of HTTP; undefined where Envoy's default is meant, HTTP/1.1. */
function translateVersions(
  protocol: Service["protocol"] | "client's",
  service: string,
  limit: { readonly maxConcurrentStreams?: number },
): HttpProtocolOptionsJson | undefined {
  switch (protocol) {
    case "http2":
    case "grpc":
      return { explicitHttpConfig: { http2ProtocolOptions: limit } };
    case "http3":
      return { explicitHttpConfig: { http3ProtocolOptions: { quicProtocolOptions: limit } } };
    case "client's":
      return { useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: limit } };
    case "auto":
      return {
        autoConfig: {
          httpProtocolOptions: {},
          http2ProtocolOptions: limit,
          http3ProtocolOptions: { quicProtocolOptions: limit },
          alternateProtocolsCacheOptions: alternateProtocols(service),
        },
      };
    default:
      return undefined;
  }
}
