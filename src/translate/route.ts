/**
 * A Route: one match of a rule, and what is done with the requests that it takes.
 */
import type { RouteJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { Gateway, GatewayListener } from "../model/intent-gateway.ts";
import type { Route, Rule, RuleMatch } from "../model/intent-route.ts";
import { defined } from "../model/sort.ts";
import { effectiveFilters } from "./effective-filters.ts";
import { effectivePart, effectivePolicy } from "./effective-policy.ts";
import { placeHeaders, translateHeaders } from "./header-changes.ts";
import type { HeaderFields } from "./header-changes.ts";
import { perRoute } from "./http-filters.ts";
import { envoyRouteName } from "./names.ts";
import { translateRedirect } from "./redirect.ts";
import { translateRouteAction } from "./route-action.ts";
import { translateRouteMatch } from "./route-match.ts";
import { routeTracing } from "./tracing.ts";

/** One match of one rule: what becomes one Envoy route. */
export interface RouteEntry {
  readonly route: Route;
  readonly rule: Rule;
  readonly ruleIndex: number;
  readonly match: RuleMatch;
  readonly matchIndex: number;
}

/** The virtual host that a route is in, and where that is. */
export interface RouteSite {
  readonly gateway: Gateway;
  readonly listener: GatewayListener;
  readonly hostname: string;
}

/** The Envoy route of a match. */
export function translateRoute(entry: RouteEntry, site: RouteSite): RouteJson {
  const name = envoyRouteName(entry.route, entry.rule);
  return {
    name,
    match: translateRouteMatch(entry.match, {
      hasGrpcWeb: takesGrpcWeb(entry, site.gateway),
      isConnect: entry.rule.connect !== undefined,
    }),
    ...translateAction(entry, site),
    ...translateRouteTracing(name, entry, site),
    ...perRoute(entry.route, entry.rule, site.gateway),
  };
}

function takesGrpcWeb({ route, rule, match }: RouteEntry, gateway: Gateway): boolean {
  return match.grpc !== undefined && effectiveFilters(gateway, route, rule).some(({ name }) => name === "grpcWeb");
}

/** Where the gateway has no traces, no route has. */
function translateRouteTracing(
  name: string,
  { route, rule }: RouteEntry,
  { gateway }: RouteSite,
): Pick<RouteJson, "decorator" | "tracing"> {
  if (gateway.tracing === undefined) return {};
  return routeTracing(gateway.tracing, name, effectivePart("tracing", gateway, route, rule)?.value);
}

function translateAction({ route, rule, match }: RouteEntry, site: RouteSite): RouteJson & HeaderFields {
  const { timeouts, retry, upgrades, requestHeaders, responseHeaders } = effectivePolicy(site.gateway, route, rule);
  const headers = defined({ requestHeaders: requestHeaders?.value, responseHeaders: responseHeaders?.value });
  const { redirect, respond } = rule;
  if (redirect !== undefined) {
    return { redirect: translateRedirect(redirect, { ...site, path: match.path }), ...translateHeaders(headers) };
  }
  if (respond !== undefined) {
    const body = respond.body === undefined ? {} : { body: { inlineString: respond.body } };
    return { directResponse: { status: respond.status, ...body }, ...translateHeaders(headers) };
  }
  const { route: routeHeaders, backends: backendHeaders } = placeHeaders(headers, rule.target.backends);
  const longestMs = site.gateway.timeouts?.maxStreamDurationMs;
  const policy = {
    timeouts: timeouts?.value,
    retry: retry?.value,
    upgrades: upgrades?.value,
    backendHeaders,
    ...defined({ longestMs, weightsByRuntime: site.gateway.weightsByRuntime }),
  };
  return { route: translateRouteAction(rule, match, policy), ...translateHeaders(routeHeaders) };
}
