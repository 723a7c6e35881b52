/**
 * An aggregate Cluster: a subset, and those that take over when too few of its hosts are healthy.
 *
 * Routes lead to it instead of the subset's own cluster, which it asks first. Requests, and what hosts answer, are counted
 * by the cluster whose host it is, so that a canary has nothing of what its fallback did; answers by status code are
 * counted here, together.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/aggregate_cluster
 */
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { Service, Subset } from "../model/intent-service.ts";
import { translateCircuitBreaker } from "./circuit-breakers.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyTypes, lazyResource } from "./envoy-resource.ts";
import { clusterName, fallbackClusterName } from "./names.ts";
import { packAny } from "./pack-any.ts";

/** None for a subset without fallback. */
export function translateFallback(service: Service, subset: Subset): readonly EnvoyResource[] {
  const { fallbacks } = subset;
  if (fallbacks === undefined) return [];
  const name = fallbackClusterName(service.name, subset.name);
  const { circuitBreaker } = subset.policy;
  const cluster = lazyResource(envoyTypes.cluster, name, subset.at, (): ClusterJson => ({
    name,
    clusterType: {
      name: "envoy.clusters.aggregate",
      typedConfig: packAny("envoy.extensions.clusters.aggregate.v3.ClusterConfig", {
        clusters: [subset.name, ...fallbacks].map((each) => clusterName(service.name, each)),
      }),
    },
    lbPolicy: "CLUSTER_PROVIDED",
    // Envoy counts retries here, and all else in the cluster that a request goes to.
    ...translateCircuitBreaker(circuitBreaker),
  }));
  return [cluster];
}
