/**
 * The fields of Envoy's messages that name another resource.
 *
 * Compiled from the descriptors of Envoy 1.40: every text field whose name says cluster, and every field
 * that says from where something is discovered. Not in the table are names that Envoy only compares
 * (`HTTPFault.upstream_cluster`) and what lives in the bootstrap. A reference that Envoy would not resolve
 * on our stream (a file, another server) is none.
 */
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import type { Reference } from "./resource.ts";
import { typeUrls } from "./type-url.ts";

const core = "envoy.config.core.v3";
const route = "envoy.config.route.v3";
const network = "envoy.extensions.filters.network";

/** Message → its fields, each a text or a list of texts, that name a cluster. */
const clusterFields: Readonly<Record<string, readonly string[]>> = {
  [`${core}.ApiConfigSource`]: ["clusterNames"],
  [`${core}.GrpcService.EnvoyGrpc`]: ["clusterName"],
  [`${core}.HttpUri`]: ["cluster"],
  [`${route}.RouteAction`]: ["cluster"],
  [`${route}.RouteAction.RequestMirrorPolicy`]: ["cluster"],
  [`${route}.WeightedCluster.ClusterWeight`]: ["name"],
  "envoy.config.trace.v3.DatadogConfig": ["collectorCluster"],
  "envoy.config.trace.v3.LightstepConfig": ["collectorCluster"],
  "envoy.config.trace.v3.ZipkinConfig": ["collectorCluster"],
  "envoy.data.dns.v3.DnsTable.DnsEndpoint": ["clusterName"],
  "envoy.data.dns.v3.DnsTable.DnsServiceTarget": ["clusterName"],
  "envoy.extensions.access_loggers.fluentd.v3.FluentdAccessLogConfig": ["cluster"],
  "envoy.extensions.clusters.aggregate.v3.ClusterConfig": ["clusters"],
  "envoy.extensions.clusters.composite.v3.ClusterConfig.ClusterEntry": ["name"],
  "envoy.extensions.clusters.mcp_multicluster.v3.ClusterConfig.McpCluster": ["cluster"],
  "envoy.extensions.filters.http.cache_v2.v3.CacheV2Config": ["overrideUpstreamCluster"],
  "envoy.extensions.filters.http.gcp_authn.v3.GcpAuthnFilterConfig": ["cluster"],
  "envoy.extensions.filters.http.mcp_router.v3.McpRouter.McpCluster": ["cluster"],
  [`${network}.dubbo_proxy.v3.RouteAction`]: ["cluster"],
  [`${network}.generic_proxy.action.v3.RouteAction`]: ["cluster"],
  [`${network}.redis_proxy.v3.RedisProxy.PrefixRoutes.Route`]: ["cluster"],
  [`${network}.redis_proxy.v3.RedisProxy.PrefixRoutes.Route.ReadCommandPolicy`]: ["cluster"],
  [`${network}.redis_proxy.v3.RedisProxy.PrefixRoutes.Route.RequestMirrorPolicy`]: ["cluster"],
  [`${network}.tcp_proxy.v3.TcpProxy`]: ["cluster"],
  [`${network}.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight`]: ["name"],
  [`${network}.thrift_proxy.v3.RouteAction`]: ["cluster"],
  [`${network}.thrift_proxy.v3.RouteAction.RequestMirrorPolicy`]: ["cluster"],
  [`${network}.thrift_proxy.v3.WeightedCluster.ClusterWeight`]: ["name"],
  "envoy.extensions.filters.udp.udp_proxy.v3.Route": ["cluster"],
  "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig": ["cluster"],
  "envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig": ["defaultCluster"],
  "envoy.extensions.router.cluster_specifiers.matcher.v3.ClusterAction": ["cluster"],
  "envoy.extensions.router.cluster_specifiers.priority_group.v3.ClusterWeight": ["clusterName"],
  "envoy.extensions.tracers.fluentd.v3.FluentdConfig": ["cluster"],
};

/** Message → how it names something that is discovered. */
const discoveries: Readonly<Record<string, (message: ReflectMessage) => readonly Reference[]>> = {
  "envoy.config.cluster.v3.Cluster": endpointsOfCluster,
  "envoy.extensions.transport_sockets.tls.v3.SdsSecretConfig": (message) =>
    ifOnOurStream(message, "sdsConfig", { typeUrl: typeUrls.secret, name: text(message, "name") }),
  [`${network}.http_connection_manager.v3.Rds`]: (message) =>
    ifOnOurStream(message, "configSource", { typeUrl: typeUrls.route, name: text(message, "routeConfigName") }),
  [`${route}.ScopedRouteConfiguration`]: (message) =>
    named({ typeUrl: typeUrls.route, name: text(message, "routeConfigurationName") }),
  [`${network}.http_connection_manager.v3.HttpFilter`]: discoveredExtension,
  "envoy.config.listener.v3.Filter": discoveredExtension,
  "envoy.config.listener.v3.ListenerFilter": discoveredExtension,
  "envoy.config.cluster.v3.Filter": discoveredExtension,
  "envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig.SessionFilter": discoveredExtension,
  "envoy.extensions.filters.http.composite.v3.DynamicConfig": discoveredExtension,
};

/** All message types in the table; a test holds that the Envoy API has each, with these fields. */
export const referencingFields: ReadonlyMap<string, readonly string[]> = new Map([
  ...Object.entries(clusterFields),
  ...Object.keys(discoveries).map((type): [string, readonly string[]] => [type, []]),
]);

/** What the message itself names, without the messages in it. */
export function referencesOf(message: ReflectMessage): readonly Reference[] {
  const fields = clusterFields[message.desc.typeName];
  if (fields !== undefined) {
    return fields
      .flatMap((field) => texts(message, field))
      .flatMap((name) => named({ typeUrl: typeUrls.cluster, name }));
  }
  return discoveries[message.desc.typeName]?.(message) ?? [];
}

/** The value of `Cluster.DiscoveryType.EDS`. */
const eds = 3;

/** An EDS cluster asks for its hosts by its own name, unless `service_name` gives another. */
function endpointsOfCluster(cluster: ReflectMessage): readonly Reference[] {
  const type = cluster.desc.field["type"];
  if (type === undefined || !cluster.isSet(type) || cluster.get(type) !== eds) return [];
  const config = child(cluster, "edsClusterConfig");
  if (config === undefined) return [];
  const serviceName = text(config, "serviceName");
  const name = serviceName === "" ? text(cluster, "name") : serviceName;
  return ifOnOurStream(config, "edsConfig", { typeUrl: typeUrls.endpoints, name });
}

/** An extension with a default does without the discovered one, so that it does not need it. */
function discoveredExtension(filter: ReflectMessage): readonly Reference[] {
  const discovery = child(filter, "configDiscovery");
  if (discovery === undefined || child(discovery, "defaultConfig") !== undefined) return [];
  return ifOnOurStream(discovery, "configSource", { typeUrl: typeUrls.extension, name: text(filter, "name") });
}

function ifOnOurStream(message: ReflectMessage, configSource: string, reference: Reference): readonly Reference[] {
  const source = child(message, configSource);
  if (source === undefined) return [];
  const ours = child(source, "ads") !== undefined || child(source, "self") !== undefined;
  return ours ? named(reference) : [];
}

/** An empty name names nothing. */
function named(reference: Reference): readonly Reference[] {
  return reference.name === "" ? [] : [reference];
}

function child(message: ReflectMessage, localName: string): ReflectMessage | undefined {
  const field = message.desc.field[localName];
  if (field?.fieldKind !== "message" || !message.isSet(field)) return undefined;
  return message.get(field);
}

function text(message: ReflectMessage, localName: string): string {
  return texts(message, localName)[0] ?? "";
}

function texts(message: ReflectMessage, localName: string): readonly string[] {
  const field = message.desc.field[localName];
  if (field === undefined || !message.isSet(field)) return [];
  if (field.fieldKind === "scalar") return [String(message.get(field))];
  if (field.fieldKind === "list") return [...message.get(field)].map(String);
  return [];
}
