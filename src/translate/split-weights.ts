/**
 * Where Envoys with a runtime layer read the weights of a split: one key for each of its clusters.
 *
 * Envoy reads `<prefix>.<cluster>` at each request, and takes the weight of the route for a key that is not there. So
 * the prefix tells the clusters: were some keys those of other backends, Envoy would add up weights that have nothing
 * to do with each other, and refuse requests when the sum is 0.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-weightedcluster
 */
import type { Backend, RuleTarget } from "../model/intent-route.ts";
import { contentHash } from "../support/hash.ts";
import { clusterName, fallbackClusterName } from "./names.ts";

/** All keys of weights begin so, and nothing else that Envoy knows. */
export const weightKeys = "fairway.split.";

/** As many digits tell apart what one split was made of. */
const DIGITS = 8;

/** Undefined for what is no split, has one backend, or has one cluster twice, which one key cannot tell. */
export function weightsPrefix({ split, backends }: RuleTarget): string | undefined {
  const clusters = backends.map(backendCluster);
  if (split === undefined || clusters.length < 2 || new Set(clusters).size < clusters.length) return undefined;
  return `${weightKeys}${split.name}.${contentHash([split.name, ...clusters]).slice(0, DIGITS)}`;
}

/** The weights in force by key; nothing where the route has them. */
export function runtimeWeights(target: RuleTarget): readonly (readonly [key: string, weight: number])[] {
  const prefix = weightsPrefix(target);
  if (prefix === undefined) return [];
  return target.backends.map((backend) => [`${prefix}.${backendCluster(backend)}`, backend.weight] as const);
}

/** The name of the cluster that a backend means. */
export function backendCluster({ service, subset, hasFallback }: Backend): string {
  return hasFallback === true && subset !== undefined
    ? fallbackClusterName(service, subset)
    : clusterName(service, subset);
}
