/**
 * The clusters that share the requests of a route.
 *
 * One backend is a plain cluster. Several keep their written order, and one with weight 0 stays in the
 * list: Envoy's choice walks the list, so a canary that goes from 0 to 10 % does not move the others.
 */
import type { RouteActionJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { HeaderFilters } from "../model/intent-filter.ts";
import type { RuleTarget } from "../model/intent-route.ts";
import { assert } from "../support/assert.ts";
import { translateHeaders } from "./header-changes.ts";
import { backendCluster, weightsPrefix } from "./split-weights.ts";

/**
 * The cluster, or the clusters with their weights and, in the order of the backends, changes of headers. Where Envoys
 * read the weights that are in force from their runtime layer, the route has those of the file.
 */
export function translateTarget(
  target: RuleTarget,
  {
    headers = [],
    byRuntime = false,
  }: { readonly headers?: readonly HeaderFilters[]; readonly byRuntime?: boolean } = {},
): RouteActionJson {
  const [first, ...others] = target.backends;
  assert(first !== undefined, "a rule that neither answers nor has backends is refused when it is parsed");
  if (others.length === 0) return { cluster: backendCluster(first) };
  const prefix = byRuntime ? weightsPrefix(target) : undefined;
  return {
    weightedClusters: {
      clusters: target.backends.map((backend, index) => ({
        name: backendCluster(backend),
        weight: prefix === undefined ? backend.weight : (backend.fileWeight ?? backend.weight),
        ...translateHeaders(headers[index] ?? {}),
      })),
      ...(prefix === undefined ? {} : { runtimeKeyPrefix: prefix }),
    },
  };
}
