/**
 * The routes of a virtual host tried in order, and which of those that missed came nearest.
 */
import type { RouteJson, VirtualHostJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { RouteConfigurationJson } from "../gen/envoy/config/route/v3/route_pb.d.ts";
import type { Miss } from "./explanation.ts";
import type { Condition } from "./match-condition.ts";
import { describeCondition, stateOfAll } from "./match-condition.ts";
import type { RoutedRequest } from "./match-header.ts";
import { matchRoute } from "./match-route.ts";
import type { Origins } from "./origins.ts";
import type { Located } from "./resource-lookup.ts";

/** Whoever looks for a mistake wants the nearest one, not all of them. */
const MISSES_SHOWN_MAX = 3;

/** A route and how each of its conditions fared. */
export interface TriedRoute {
  readonly route: RouteJson;
  readonly conditions: readonly Condition[];
}

/** Goes through the routes as Envoy does; the first that matches takes the request. */
export function tryRoutes(
  virtualHost: VirtualHostJson,
  request: RoutedRequest,
  config: RouteConfigurationJson,
): { readonly taken?: TriedRoute; readonly missed: readonly TriedRoute[]; readonly perhaps: readonly TriedRoute[] } {
  const options = { ignorePathParameters: config.ignorePathParametersInPathMatching === true };
  const missed: TriedRoute[] = [];
  const perhaps: TriedRoute[] = [];
  for (const route of virtualHost.routes ?? []) {
    const tried = { route, conditions: matchRoute(route.match ?? {}, request, options) };
    const state = stateOfAll(tried.conditions);
    if (state === "holds") return { taken: tried, missed, perhaps };
    (state === "fails" ? missed : perhaps).push(tried);
  }
  return { missed, perhaps };
}

/** The nearest misses: fewest conditions that fail, those with the right path first; then in Envoy's order. */
export function nearestOf(missed: readonly TriedRoute[]): readonly TriedRoute[] {
  const distance = ({ conditions }: TriedRoute) => {
    const failing = conditions.filter(({ state }) => state === "fails").length;
    return (conditions[0]?.state === "fails" ? 1_000 : 0) + failing;
  };
  return missed.toSorted((a, b) => distance(a) - distance(b)).slice(0, MISSES_SHOWN_MAX);
}

/** A miss for people; `at` is the place when its rule is not known. */
export function missOf(
  { route, conditions }: TriedRoute,
  config: Located<RouteConfigurationJson>,
  origins: Origins,
): Miss {
  const name = route.name ?? "";
  return {
    route: name,
    at: origins.rule(config.name, name)?.at ?? config.at,
    conditions: conditions.filter(({ state }) => state !== "holds").map(describeCondition),
  };
}
