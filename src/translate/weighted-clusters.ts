/**
 * The clusters that share the requests of a route.
 *
 * One backend is a plain cluster. Several keep their written order, and one with weight 0 stays in the
 * list: Envoy's choice walks the list, so a canary that goes from 0 to 10 % does not move the others.
 */
import type { RouteActionJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { HeaderFilters } from "../model/intent-filter.ts";
import type { Backend, RuleTarget } from "../model/intent-route.ts";
import { assert } from "../support/assert.ts";
import { translateHeaders } from "./header-changes.ts";
import { clusterName, fallbackClusterName } from "./names.ts";

/** The cluster, or the clusters with their weights and, in the order of the backends, changes of headers. */
export function translateTarget(target: RuleTarget, headers: readonly HeaderFilters[]): RouteActionJson {
  const [first, ...others] = target.backends;
  assert(first !== undefined, "a rule that neither answers nor has backends is refused when it is parsed");
  if (others.length === 0) return { cluster: backendCluster(first) };
  return {
    weightedClusters: {
      clusters: target.backends.map((backend, index) => ({
        name: backendCluster(backend),
        weight: backend.weight,
        ...translateHeaders(headers[index] ?? {}),
      })),
    },
  };
}

/** The name of the cluster that a backend means. */
export function backendCluster({ service, subset, hasFallback }: Backend): string {
  return hasFallback === true && subset !== undefined
    ? fallbackClusterName(service, subset)
    : clusterName(service, subset);
}
