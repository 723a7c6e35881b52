/**
 * The runtime layer of a group: values that its Envoys ask for while they work, so that a change of them makes no new
 * cluster, no new listener and no new routes: limits of clusters, the weights of splits, and whether requests are told of.
 *
 * Its Envoys have the layer in their bootstrap, and the group says so by `runtime`; then the layer is always there, if
 * only empty: a layer that is taken away is kept for ever by an Envoy on SotW, which cannot be told. Limits in it are
 * over those of the clusters, which stay as they are written: an Envoy without the layer has these. Weights in it are over those of the routes, which are the file's.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/operations/runtime
 */
import type { CircuitBreaker, LiveThresholds, Service, ServicePolicy, Subset } from "../model/intent-service.ts";
import type { Route } from "../model/intent-route.ts";
import type { JsonValue, NodeGroup } from "../model/intent.ts";
import { snakeCase } from "../model/position.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyResource, envoyTypes } from "./envoy-resource.ts";
import type { GroupScope } from "./group-scope.ts";
import { routesOn } from "./group-scope.ts";
import { clusterName, fallbackClusterName, mirrorClusterName } from "./names.ts";
import { routeReportKeys } from "./route-reports.ts";
import { runtimeWeights } from "./split-weights.ts";

/** The name of the layer in the bootstrap and of the resource. */
export const runtimeLayerName = "fairway";

/** None for a group whose Envoys have no layer. What somebody wrote as a key of his own wins. */
export function translateRuntime(
  { runtime, at }: NodeGroup,
  { gateways, services, mirrored, routes }: Pick<GroupScope, "gateways" | "services" | "mirrored" | "routes">,
): readonly EnvoyResource[] {
  if (runtime === undefined) return [];
  const limits = [
    ...services.flatMap(limitsOfService),
    ...mirrored.flatMap(({ service, subset }) =>
      limitsOf(mirrorClusterName(service.name, subset?.name), (subset ?? service).policy),
    ),
  ];
  const reports = gateways.flatMap((gateway) => routeReportKeys(gateway, () => routesOn(gateway, routes)));
  const layer: Record<string, JsonValue> = {
    ...Object.fromEntries([...limits, ...routes.flatMap(weightsOf), ...reports]),
    ...runtime,
  };
  const sorted = Object.fromEntries(Object.entries(layer).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return [envoyResource(envoyTypes.runtime, runtimeLayerName, { name: runtimeLayerName, layer: sorted }, at)];
}

/** Those of its splits; many routes have the same. */
function weightsOf({ rules }: Route): readonly (readonly [key: string, weight: number])[] {
  return rules.flatMap(({ target }) => runtimeWeights(target));
}

/** The key by which Envoy reads a limit of a cluster. */
function liveLimitKey(cluster: string, priority: "default" | "high", limit: keyof LiveThresholds): string {
  return `circuit_breakers.${cluster}.${priority}.${snakeCase(limit)}`;
}

type Limit = readonly [key: string, value: number];

function limitsOfService(service: Service): readonly Limit[] {
  return [
    ...limitsOf(clusterName(service.name), service.policy),
    ...service.subsets.flatMap((subset) => limitsOfSubset(service, subset)),
  ];
}

/** Envoy counts retries in the cluster that the route names. */
function limitsOfSubset(service: Service, { name, policy, fallbacks }: Subset): readonly Limit[] {
  return [
    ...limitsOf(clusterName(service.name, name), policy),
    ...(fallbacks === undefined ? [] : limitsOf(fallbackClusterName(service.name, name), policy)),
  ];
}

function limitsOf(cluster: string, { circuitBreaker }: ServicePolicy): readonly Limit[] {
  return circuitBreaker === undefined ? [] : [...limitsOfBreaker(cluster, circuitBreaker)];
}

function* limitsOfBreaker(cluster: string, breaker: CircuitBreaker): Iterable<Limit> {
  for (const [priority, live] of [
    ["default", breaker.live],
    ["high", breaker.high?.live],
  ] as const) {
    for (const [limit, value] of Object.entries(live ?? {})) {
      yield [liveLimitKey(cluster, priority, limit as keyof LiveThresholds), value];
    }
  }
}
