/**
 * Virtual hosts: the routes of one hostname, most specific first.
 *
 * Envoy picks the most specific hostname and then the first route that matches, so all rules for a
 * hostname, whichever route they were written in, are put in one virtual host in the order of precedence
 * that Gateway API defines: written order does not matter until everything else is equal.
 */
import type { VirtualHostJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { Gateway, GatewayListener } from "../model/intent-gateway.ts";
import type { Route, RuleMatch } from "../model/intent-route.ts";
import { sameItems } from "../support/same-content.ts";
import type { RouteEntry, RouteSite } from "./route.ts";
import { translateRoute } from "./route.ts";
import { stickyRoutes } from "./sticky-split.ts";

/** The virtual hosts of one listener as they were made the last time, by hostname; those of the same gateway only. */
export type KnownHosts = Map<string, { readonly routes: readonly Route[]; readonly json: VirtualHostJson }>;

/** One virtual host for each hostname of the routes on a listener, sorted by it; one whose routes are the same objects as before stays the same. */
export function translateVirtualHosts(
  { gateway, listener }: { readonly gateway: Gateway; readonly listener: GatewayListener },
  routes: readonly Route[],
  known: KnownHosts = new Map(),
): readonly VirtualHostJson[] {
  const before = new Map(known);
  known.clear();
  return [...routesByHostname(routes)]
    .toSorted(([a], [b]) => compareText(a, b))
    .map(([hostname, attached]) => {
      const old = before.get(hostname);
      const json =
        old !== undefined && sameItems(old.routes, attached)
          ? old.json
          : translateVirtualHost({ gateway, listener, hostname }, attached);
      known.set(hostname, { routes: attached, json });
      return json;
    });
}

function translateVirtualHost(site: RouteSite, routes: readonly Route[]): VirtualHostJson {
  return {
    name: site.hostname,
    domains: [site.hostname],
    routes: routes
      .flatMap(entriesOf)
      .toSorted(byPrecedence)
      .flatMap((entry) => stickyRoutes(translateRoute(entry, site), entry.rule.target)),
  };
}

/** The routes of each virtual host. */
export function routesByHostname(routes: readonly Route[]): ReadonlyMap<string, readonly Route[]> {
  const byHostname = new Map<string, Route[]>();
  for (const route of routes) {
    // Hostnames know no case, and Envoy refuses a domain that is there twice.
    const written = route.hostnames.map((hostname) => hostname.toLowerCase());
    for (const hostname of written.length === 1 ? written : new Set(written)) {
      const attached = byHostname.get(hostname);
      if (attached === undefined) byHostname.set(hostname, [route]);
      else attached.push(route);
    }
  }
  return byHostname;
}

/**
 * Which of two matches is tried first: exact paths, then gRPC services and methods, then regular expressions,
 * then prefixes, longer ones first; then those for gRPC alone; those that name a method; more headers; more
 * query parameters; the route's name; and the order in which the rules are written. Regular expressions, on
 * which Gateway API leaves the choice, come before prefixes, as in Envoy Gateway and Contour: behind a prefix
 * `/` none would ever match.
 */
export function byPrecedence(a: RouteEntry, b: RouteEntry): number {
  return (
    pathRank(a.match) - pathRank(b.match) ||
    pathLength(b.match) - pathLength(a.match) ||
    methodLength(b.match) - methodLength(a.match) ||
    Number(b.match.grpc !== undefined) - Number(a.match.grpc !== undefined) ||
    Number(b.match.method !== undefined) - Number(a.match.method !== undefined) ||
    b.match.headers.length - a.match.headers.length ||
    b.match.queryParams.length - a.match.queryParams.length ||
    compareText(a.route.name, b.route.name) ||
    a.ruleIndex - b.ruleIndex ||
    a.matchIndex - b.matchIndex
  );
}

/** What becomes Envoy routes of one route, unsorted. */
export function entriesOf(route: Route): readonly RouteEntry[] {
  return route.rules.flatMap((rule, ruleIndex) =>
    rule.matches.map((match, matchIndex) => ({ route, rule, ruleIndex, match, matchIndex })),
  );
}

const pathRanks = { exact: 0, grpc: 1, regex: 2, prefix: 3 } as const;

function pathRank(match: RuleMatch): number {
  return pathRanks[isPartOfGrpc(match) ? "grpc" : match.path.kind];
}

/** Whether it names a gRPC service or method, and not one exact path. */
function isPartOfGrpc({ grpc, path }: RuleMatch): boolean {
  return path.kind !== "exact" && (grpc?.service !== undefined || grpc?.method !== undefined);
}

/** Of gRPC the service decides before the method. */
function pathLength(match: RuleMatch): number {
  const { grpc, path } = match;
  if (isPartOfGrpc(match)) return grpc?.service?.text.length ?? 0;
  return path.kind === "regex" ? path.pattern.length : path.path.length;
}

function methodLength(match: RuleMatch): number {
  return isPartOfGrpc(match) ? (match.grpc?.method?.text.length ?? 0) : 0;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
