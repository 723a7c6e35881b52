/**
 * What the action of a matched route makes of a request: forwarded, redirected, answered.
 */
import type { RouteActionJson, RouteJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { ClusterShare, Outcome } from "./explanation.ts";
import type { RoutedRequest } from "./match-header.ts";
import { headerValue } from "./match-header.ts";
import type { RuntimeValues } from "./runtime-values.ts";
import { redirectLocation, redirectStatus, rewrite } from "./rewrite.ts";

/** The outcome of a route that matched; `runtime` is asked when the weights may stand there. */
export function routeOutcome(route: RouteJson, request: RoutedRequest, runtime: () => RuntimeValues): Outcome {
  const match = route.match ?? {};
  if (route.redirect !== undefined) {
    return {
      kind: "redirect",
      status: redirectStatus(route.redirect),
      location: redirectLocation(route.redirect, match, request),
    };
  }
  if (route.directResponse !== undefined) {
    const { status = 200, body } = route.directResponse;
    return { kind: "answer", status, ...(body?.inlineString === undefined ? {} : { body: body.inlineString }) };
  }
  if (route.route === undefined)
    return { kind: "unknown", because: "the route's action is one that filters decide on" };
  const clusters = sharesOf(route.route, request, runtime);
  if (!Array.isArray(clusters)) return clusters as Outcome;
  return { kind: "forward", clusters, ...rewrite(route.route, match, request) };
}

function sharesOf(
  action: RouteActionJson,
  request: RoutedRequest,
  runtime: () => RuntimeValues,
): readonly ClusterShare[] | Outcome {
  if (action.cluster !== undefined) return [{ cluster: action.cluster, percent: 100 }];
  if (action.clusterHeader !== undefined) {
    const cluster = headerValue(request, action.clusterHeader);
    if (cluster !== undefined && cluster !== "") return [{ cluster, percent: 100 }];
    return {
      kind: "refused",
      status: notFoundStatus(action),
      because: `header ${action.clusterHeader} names no cluster`,
    };
  }
  const { clusters, runtimeKeyPrefix = "" } = action.weightedClusters ?? {};
  if (clusters === undefined) return { kind: "unknown", because: "an extension chooses the cluster" };
  const live = runtimeKeyPrefix === "" ? {} : runtime();
  const shares = clusters.map(({ name, clusterHeader, weight = 0 }) => {
    const set = live[`${runtimeKeyPrefix}.${name}`];
    return {
      cluster: name ?? headerValue(request, clusterHeader ?? "") ?? `(header ${clusterHeader})`,
      weight: typeof set === "number" ? set : weight,
    };
  });
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  return shares.map(({ cluster, weight }) => ({ cluster, percent: total === 0 ? 0 : (weight * 100) / total }));
}

/** What Envoy answers when it does not know the cluster. */
function notFoundStatus({ clusterNotFoundResponseCode: code }: RouteActionJson): number {
  if (code === "NOT_FOUND") return 404;
  return code === "INTERNAL_SERVER_ERROR" ? 500 : 503;
}
