/**
 * Routes whose users keep their backend while the weights of a split change.
 *
 * Envoy takes the backend from a hash of who the user is instead of at random (`use_hash_policy`): as long as the order
 * of the backends and the sum of the weights stay, whoever has the canary keeps it while its share grows.
 *
 * Envoy issues no cookie for that. So there are two routes for a cookie: one for users who have it, and one for those
 * who have not, which hashes the request's id and gives just this to the user as his cookie. Both are the same text,
 * so the second request goes where the first went.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-weightedcluster
 */
import type { RouteJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { RuleTarget } from "../model/intent-route.ts";

/** A user moves at most once in so long; a rollout takes hours. */
const COOKIE_SECONDS = 7 * 86_400;

/** Envoy makes one for every request that comes from outside. */
const REQUEST_ID = "x-request-id";

/** The route, or the two that it becomes. */
export function stickyRoutes(route: RouteJson, { split, backends }: RuleTarget): readonly RouteJson[] {
  const { sticky } = split ?? {};
  if (sticky === undefined || backends.length < 2) return [route];
  if (sticky.kind === "header") return [hashing(route, { header: { headerName: sticky.name } })];
  const { name } = sticky;
  const known: RouteJson = {
    ...route,
    match: { ...route.match, headers: [...(route.match?.headers ?? []), hasCookie(name)] },
  };
  const attributes = `Path=/; Max-Age=${COOKIE_SECONDS}; HttpOnly; SameSite=Lax`;
  const issued = { key: "set-cookie", value: `${name}=%REQ(${REQUEST_ID})%; ${attributes}` };
  const newcomer: RouteJson = {
    ...route,
    responseHeadersToAdd: [
      ...(route.responseHeadersToAdd ?? []),
      { header: issued, appendAction: "APPEND_IF_EXISTS_OR_ADD" },
    ],
  };
  return [hashing(known, { cookie: { name } }), hashing(newcomer, { header: { headerName: REQUEST_ID } })];
}

type HashPolicyJson = NonNullable<NonNullable<RouteJson["route"]>["hashPolicy"]>[number];

function hashing(route: RouteJson, policy: HashPolicyJson): RouteJson {
  const { weightedClusters, ...action } = route.route ?? {};
  return {
    ...route,
    route: { ...action, weightedClusters: { ...weightedClusters, useHashPolicy: true }, hashPolicy: [policy] },
  };
}

function hasCookie(name: string): NonNullable<NonNullable<RouteJson["match"]>["headers"]>[number] {
  const literal = name.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return { name: "cookie", stringMatch: { safeRegex: { regex: `(?:.*[;,] ?)?${literal}=[^;]+.*` } } };
}
