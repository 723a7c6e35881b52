/**
 * `fairway bootstrap`: the file an Envoy is started with, so that it finds this control plane and its own name.
 *
 * `createBootstrap` turns options into the message `envoy.config.bootstrap.v3.Bootstrap` in its JSON form,
 * and `printBootstrap` turns that into text. Nothing here asks the network, so a bootstrap can be made on
 * any machine and shipped to another. The result starts without a warning in Envoy's log.
 */
import { isIP } from "node:net";
import { Command } from "commander";
import { tell } from "./output.ts";
import { wantedStart } from "./wanted-start.ts";
import { controlPlaneCluster } from "../translate/route-reports.ts";
import { runtimeLayerName } from "../translate/runtime-layer.ts";
import { yamlText } from "../snapshot/yaml-text.ts";
import type { JsonObject } from "./bootstrap-node.ts";
import { bootstrapNode } from "./bootstrap-node.ts";
import { overloadManager } from "./bootstrap-overload.ts";
import { statsConfig } from "./bootstrap-stats.ts";
import { trafficBuckets, trafficSink } from "./bootstrap-traffic.ts";
import { tlsTransportSocket } from "./bootstrap-tls.ts";
import {
  readBootstrapOptions,
  type BootstrapFlags,
  type BootstrapOptions,
  type HostPort,
} from "./bootstrap-options.ts";
import { createGrpcBootstrap } from "./grpc-bootstrap.ts";

/** Of the Envoys themselves, where there is one. */
const ownCluster = "fairway_local";

const HTTP_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
const CARES_RESOLVER = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig";

/** The subcommand; it prints to the command's output and ends with exit code 2 on a usage error. */
export function bootstrapCommand(): Command {
  const command = new Command("bootstrap");
  command
    .description("print the bootstrap file that an Envoy, or a gRPC client, is started with")
    .option("--node-id <id>", "the Envoy's name, unique in the fleet (required)")
    .option("--cluster <name>", "the Envoy's service cluster, which node groups can match", "default")
    .option("--sotw", "state-of-the-world ADS instead of delta ADS")
    .option("--xds <host:port>", "where the control plane listens; several replicas with commas", "127.0.0.1:18000")
    .option("--admin <host:port>", "where this Envoy's own admin page listens", "127.0.0.1:9901")
    .option("--locality <region/zone/sub-zone>", "where this Envoy is; zone and sub-zone may be left out")
    .option(
      "--local-service <name>",
      "the service whose endpoints are the Envoys of this fleet, for zone aware routing",
    )
    .option("--metadata <key=value...>", "node metadata, text; dots in the key nest (team.name=shop)")
    .option("--tls-ca <file>", "connect by TLS; the authority of the control plane's certificate, on Envoy's machine")
    .option("--tls-name <name>", "the name in the control plane's certificate, when it is not the host of --xds")
    .option("--tls-cert <file>", "this Envoy's own certificate, on its machine")
    .option("--tls-key <file>", "the key of --tls-cert")
    .option(
      "--config <dir...>",
      "config directories: makes it as the config wants Envoy to be started, and names the flags",
    )
    .option("--grpc", "the bootstrap of a gRPC client or server without an Envoy, as JSON, for GRPC_XDS_BOOTSTRAP")
    .option("--max-heap <size>", "512MiB or 2GiB: at 95 % of it Envoy gives memory back, at 98 % it answers 503")
    .option("--max-connections <number>", "connections of clients at a time; 50000 when absent")
    .option("--stats <which>", "which statistics Envoy keeps: small, those that dashboards read, or all", "small")
    .option(
      "--no-traffic-reports",
      "do not send the control plane how requests to subsets went; canaries are judged by --load-reports then",
    )
    .option("--all-traffic-reports", "send it of all clusters, and not only of subsets")
    .option("--stats-flush-interval <duration>", "how often statistics are sent, from 1s to 60s; 5s when absent")
    .option("--load-reports", "report the load on each cluster to the control plane")
    .option("--runtime", "a runtime layer, for groups of nodes with `runtime` and for `live` limits")
    .option("-o, --output <format>", "yaml or json", "yaml")
    .action((flags: BootstrapFlags): void | Promise<void> => {
      const options = readBootstrapOptions(flags);
      if (!options.ok) return command.error(options.error.map((line) => `error: ${line}`).join("\n"), { exitCode: 2 });
      const forGrpc = flags.grpc === true;
      const format = forGrpc || flags.output === "json" ? "json" : "yaml";
      const print = (wanted: BootstrapOptions): void => {
        const bootstrap = forGrpc ? createGrpcBootstrap(wanted) : createBootstrap(wanted);
        command.configureOutput().writeOut?.(printBootstrap(bootstrap, format));
      };
      return flags.config === undefined
        ? print(options.value)
        : asConfigWants(command, flags.config, options.value).then(print);
    });
  return command;
}

/** With the layer that the group has; the flags are told beside the bootstrap, because it cannot hold them. */
async function asConfigWants(
  command: Command,
  roots: readonly string[],
  options: BootstrapOptions,
): Promise<BootstrapOptions> {
  const wanted = await wantedStart(roots, bootstrapNode(options));
  if (!wanted.ok) return command.error(wanted.error, { exitCode: 2 });
  const { group, flags, runtime } = wanted.value;
  if (flags.length > 0) tell(`start this Envoy with: ${flags.join(" ")}`);
  if (!runtime || options.runtime === true) return options;
  tell(`with a runtime layer, because the group ${group} has \`runtime\``);
  return { ...options, runtime: true };
}

/** The message as an object; field names are the proto's own, durations proto3 JSON. */
export function createBootstrap(options: BootstrapOptions): JsonObject {
  return {
    node: bootstrapNode(options),
    admin: {
      address: socketAddress(options.admin),
      // The admin page must answer when the connection limit below is reached.
      ignore_global_conn_limit: true,
    },
    dynamic_resources: {
      ads_config: {
        api_type: options.api === "delta" ? "DELTA_GRPC" : "GRPC",
        transport_api_version: "V3",
        // The node names every extension of the binary (60 kB in Envoy 1.40); SotW would repeat it in each request.
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: controlPlaneCluster, retry_policy: reconnect() } }],
      },
      cds_config: fromAds(),
      lds_config: fromAds(),
    },
    ...(options.runtime === true ? { layered_runtime: layeredRuntime() } : {}),
    ...statsConfig(options.stats ?? "small", options.trafficReports === false ? [] : [trafficBuckets]),
    ...trafficSink(options, controlPlaneCluster),
    ...clusterManager(options),
    static_resources: {
      clusters: [
        controlPlane(options),
        ...(options.localService === undefined ? [] : [localCluster(options.localService)]),
      ],
    },
    typed_dns_resolver_config: impatientResolver(),
    overload_manager: overloadManager(options.overload ?? {}),
  };
}

/** The text of a bootstrap; the YAML means the same to a YAML 1.1 reader (Envoy) and a YAML 1.2 reader (people's tools). */
export function printBootstrap(bootstrap: JsonObject, format: "yaml" | "json"): string {
  return format === "json" ? `${JSON.stringify(bootstrap, null, 2)}\n` : yamlText(bootstrap);
}

/**
 * Clusters and listeners come over the one ADS stream. Without a deadline Envoy waits for its first
 * configuration and does not report ready before; with one it would report ready and serve nothing.
 */
function fromAds(): JsonObject {
  return { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" };
}

/** So long an Envoy that starts waits for a layer that its control plane does not have. */
const RUNTIME_TIMEOUT = "2s";

/** What is changed on the admin page of one Envoy is over what all of them get; Envoy has that layer only when it is named. */
function layeredRuntime(): JsonObject {
  const config = { ads: {}, resource_api_version: "V3", initial_fetch_timeout: RUNTIME_TIMEOUT };
  return {
    layers: [
      { name: runtimeLayerName, rtds_layer: { name: runtimeLayerName, rtds_config: config } },
      { name: "admin", admin_layer: {} },
    ],
  };
}

function clusterManager({ loadReports, localService }: BootstrapOptions): { readonly cluster_manager?: JsonObject } {
  if (loadReports !== true && localService === undefined) return {};
  return {
    cluster_manager: {
      ...(localService === undefined ? {} : { local_cluster_name: ownCluster }),
      ...(loadReports === true ? { load_stats_config: reportLoads() } : {}),
    },
  };
}

/**
 * The Envoys of the fleet, from which each knows how many of them share its zone: zone aware routing needs that to keep
 * endpoints evenly loaded. It is never sent a request, and Envoy wants it in the bootstrap.
 */
function localCluster(service: string): JsonObject {
  return {
    name: ownCluster,
    type: "EDS",
    connect_timeout: "5s",
    eds_cluster_config: { service_name: service, eds_config: { ads: {}, resource_api_version: "V3" } },
  };
}

/** How often, and of which clusters, the control plane says. */
function reportLoads(): JsonObject {
  return {
    api_type: "GRPC",
    transport_api_version: "V3",
    grpc_services: [{ envoy_grpc: { cluster_name: controlPlaneCluster, retry_policy: reconnect() } }],
  };
}

/** Envoy's own default waits up to 30 s after a lost control plane is back; an idle stream costs next to nothing. */
function reconnect(): JsonObject {
  return { retry_back_off: { base_interval: "0.25s", max_interval: "5s" } };
}

/**
 * An Envoy that starts, or gets a service found by DNS, waits for the first answer or the last try. With the
 * resolver's own patience that is 100 s when no DNS server answers, with this it is 10 s; Envoy goes on asking.
 */
function impatientResolver(): JsonObject {
  return {
    name: "envoy.network.dns_resolver.cares",
    typed_config: {
      "@type": `type.googleapis.com/${CARES_RESOLVER}`,
      query_timeout_seconds: "2",
      query_tries: 2,
    },
  };
}

/**
 * Of several replicas each Envoy begins with one at random and stays there. When the stream breaks it goes to the next,
 * and one that could not be reached, or said UNAVAILABLE, is left alone for a while.
 */
function controlPlane({ xds, replicas, tls }: BootstrapOptions): JsonObject {
  const all = [xds, ...(replicas ?? [])];
  const byAddress = all.every(({ host }) => isIP(host) !== 0);
  const isOne = all.length === 1;
  return {
    name: controlPlaneCluster,
    type: byAddress ? "STATIC" : "STRICT_DNS",
    ...(byAddress ? {} : { dns_lookup_family: "ALL" }),
    // Where there is another replica to go to, a silent one is given up sooner.
    connect_timeout: isOne ? "5s" : "2s",
    ...(isOne ? {} : failover),
    // A peer that vanished without a word (a host lost, a NAT entry dropped) is noticed twice: by HTTP/2 pings and by the kernel.
    typed_extension_protocol_options: {
      [HTTP_PROTOCOL_OPTIONS]: {
        "@type": `type.googleapis.com/${HTTP_PROTOCOL_OPTIONS}`,
        explicit_http_config: {
          http2_protocol_options: { connection_keepalive: { interval: isOne ? "30s" : "10s", timeout: "5s" } },
        },
      },
    },
    upstream_connection_options: {
      tcp_keepalive: { keepalive_probes: 3, keepalive_time: isOne ? 30 : 10, keepalive_interval: 5 },
    },
    ...(tls === undefined ? {} : { transport_socket: tlsTransportSocket(tls, all) }),
    load_assignment: {
      cluster_name: controlPlaneCluster,
      endpoints: [{ lb_endpoints: all.map((each) => ({ endpoint: { address: socketAddress(each) } })) }],
    },
  };
}

const failover: JsonObject = {
  lb_policy: "ROUND_ROBIN",
  outlier_detection: {
    // One connection that fails tells enough: beside the stream only a report is sent every few seconds.
    split_external_local_origin_errors: true,
    consecutive_local_origin_failure: 1,
    enforcing_consecutive_local_origin_failure: 100,
    consecutive_gateway_failure: 1,
    enforcing_consecutive_gateway_failure: 100,
    enforcing_success_rate: 0,
    enforcing_local_origin_success_rate: 0,
    interval: "1s",
    base_ejection_time: "5s",
    max_ejection_time: "30s",
    max_ejection_percent: 100,
  },
  // When all are left alone, all are tried.
  common_lb_config: { healthy_panic_threshold: { value: 1 } },
};

function socketAddress(at: HostPort): JsonObject {
  return { socket_address: { address: at.host, port_value: at.port } };
}
