/**
 * The part of a cluster that says which name its hosts are found by.
 *
 * Written as Envoy's DNS extension: the fields of the cluster itself, such as `respect_dns_ttl`, are
 * deprecated. Envoy keeps the addresses that it has while the DNS servers do not answer.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/service_discovery
 */
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { DnsClusterJson } from "../gen/envoy/extensions/clusters/dns/v3/dns_cluster_pb.d.ts";
import type { DnsDiscovery } from "../model/intent-service.ts";
import { duration } from "./duration.ts";
import { endpointAt } from "./load-assignment.ts";
import { packAny } from "./pack-any.ts";

const dnsCluster = "envoy.extensions.clusters.dns.v3.DnsCluster";

/** Envoy's own pace, for answers that do not say how long they hold. */
const defaultRefreshMs = 5_000;

const families = {
  v4: "V4_ONLY",
  v6: "V6_ONLY",
  "v4-preferred": "V4_PREFERRED",
  "v6-preferred": "AUTO",
  all: "ALL",
} as const;

/** The hosts of the cluster of this name. */
export function translateDnsDiscovery(clusterName: string, dns: DnsDiscovery, healthCheckPort?: number): ClusterJson {
  const config: DnsClusterJson = {
    dnsRefreshRate: duration(dns.refreshMs ?? defaultRefreshMs),
    respectDnsTtl: dns.refreshMs === undefined,
    dnsLookupFamily: families[dns.family],
    allAddressesInSingleEndpoint: dns.mode === "logical",
  };
  return {
    clusterType: { name: "envoy.clusters.dns", typedConfig: packAny(dnsCluster, config) },
    loadAssignment: {
      clusterName,
      endpoints: [{ lbEndpoints: [{ endpoint: endpointAt({ host: dns.name, port: dns.port }, healthCheckPort) }] }],
    },
  };
}
