/**
 * What an Envoy that has a snapshot does with one request: listener, virtual host, route, outcome.
 *
 * Works on the resources that Envoys are given and on nothing else, so that what somebody wrote as a raw
 * resource is explained as well. The lines of rules come from `Origins`, when the intent is known.
 */
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { RouteJson, VirtualHostJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { RouteConfigurationJson } from "../gen/envoy/config/route/v3/route_pb.d.ts";
import type { HttpConnectionManagerJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { Place } from "../model/diagnostic.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import type { AskedRequest } from "./asked-request.ts";
import { describeCluster, innerClusters } from "./describe-cluster.ts";
import { explainConnection } from "./explain-connection.ts";
import { describeHeaders } from "./describe-headers.ts";
import { describeSettings } from "./describe-settings.ts";
import type { ClusterFacts, Explanation, Miss, Outcome } from "./explanation.ts";
import type { RoutedRequest } from "./match-header.ts";
import { headerValue } from "./match-header.ts";
import type { TakingListener } from "./match-listener.ts";
import { matchListeners } from "./match-listener.ts";
import { matchVirtualHost, withoutPort } from "./match-virtual-host.ts";
import { missedListeners } from "./missed-listener.ts";
import { refusedConnect, refusedMethod } from "./request-method.ts";
import { requestHeaders } from "./request-headers.ts";
import { hostSeen, requestPath, schemeSeen } from "./request-path.ts";
import type { Located, ResourceLookup } from "./resource-lookup.ts";
import { withDefinitions } from "./resource-lookup.ts";
import { routeOutcome } from "./route-outcome.ts";
import { runtimeValues } from "./runtime-values.ts";
import type { Origins } from "./origins.ts";
import type { TriedRoute } from "./try-routes.ts";
import { missOf, nearestOf, tryRoutes } from "./try-routes.ts";

/** What is explained from. */
export interface ExplainSources {
  readonly lookup: ResourceLookup;
  readonly origins: Origins;
}

/** The part of an explanation that the resources tell. */
export type RequestFacts = Omit<Explanation, "group" | "version" | "node">;

const DOMAINS_SHOWN_MAX = 8;

/** Explains one request. Of several listeners that take it, the first that has a route for it is told. */
export function explainRequest(asked: AskedRequest, { lookup, origins }: ExplainSources): RequestFacts {
  const sources = { lookup: withDefinitions(lookup, origins), origins };
  const taking = matchListeners(sources.lookup, asked);
  if (taking.length === 0) {
    const { because, missed } = missedListeners(sources, asked);
    return { ...nothing(asked), nearListeners: missed, outcome: { kind: "refused", because } };
  }
  const explained = taking.map((listener) => explainAt(listener, asked, sources));
  const chosen = explained.find(({ route }) => route !== undefined) ?? explained[0] ?? nothing(asked);
  const others = explained.filter((each) => each !== chosen && each.outcome.kind !== "not-found");
  const otherListeners = others.flatMap(({ listener }) => listener ?? []);
  return { ...chosen, otherListeners: otherListeners.map(({ name, address }) => ({ name, address })) };
}

function nothing({ method, scheme, hostname, port, host, path }: AskedRequest): RequestFacts {
  const authority = hostname.includes(":") ? `[${hostname}]` : hostname;
  const url = `${scheme}://${authority}${port === undefined ? "" : `:${port}`}${path}`;
  return {
    request: { method, url, host, path },
    otherListeners: [],
    nearListeners: [],
    outcome: { kind: "unknown", because: "" },
    nearest: [],
    perhaps: [],
    clusters: [],
    settings: [],
    notes: [],
  };
}

function explainAt(listener: TakingListener, asked: AskedRequest, sources: ExplainSources): RequestFacts {
  const facts: RequestFacts = { ...nothing(asked), listener: listener.facts, notes: listener.notes };
  const { http, tcp } = listener;
  if (http === undefined && tcp !== undefined) {
    const connection = explainConnection(tcp, facts, sources);
    return { ...facts, ...connection, settings: [...listener.settings, ...connection.settings] };
  }
  if (http === undefined)
    return { ...facts, outcome: { kind: "unknown", because: "the listener does not speak HTTP" } };
  const refused = refusedMethod(asked.method, http);
  if (refused !== undefined) return { ...facts, outcome: { kind: "refused", status: 400, because: refused } };
  const sent = requestHeaders(asked.headers, http);
  if (sent.kind === "refused") return { ...facts, outcome: sent };
  const path = asked.method === "CONNECT" ? noPath : requestPath(asked.path, http);
  if (path.kind === "refused") return { ...facts, outcome: { kind: "refused", status: 400, because: path.because } };
  if (path.kind === "redirect") return { ...facts, outcome: { kind: "redirect", status: 307, location: path.path } };
  const { method } = asked;
  const { headers } = sent;
  const host = hostSeen(asked.host, http, listener.facts.address);
  const request: RoutedRequest = { method, scheme: schemeSeen(asked, http), headers, path: path.path, host };
  const seen = {
    ...facts.request,
    ...(path.path === asked.path || path === noPath ? {} : { matchedPath: path.path }),
    ...(host === asked.host ? {} : { matchedHost: host }),
  };
  const config = routeConfiguration(http, listener.facts, sources.lookup);
  if (typeof config === "string") return { ...facts, request: seen, outcome: { kind: "unknown", because: config } };
  const routed = routeRequest(request, { http, config, sources });
  const at = sources.origins.listener(config.name) ?? listener.facts.at;
  return {
    ...facts,
    request: seen,
    listener: { ...listener.facts, at },
    routeConfiguration: {
      name: config.name,
      at: config.at,
      ...(config.patchedAt === undefined ? {} : { patchedAt: config.patchedAt }),
    },
    ...routed,
    settings: [...listener.settings, ...(routed.settings ?? [])],
    notes: [...facts.notes, ...grpcNote(request, routed.outcome)],
  };
}

const noPath = { kind: "path", path: "" } as const;

/** Envoy refuses a CONNECT that a route takes, unless somebody allowed it; without a route it answers 404 to it. */
function allowed(outcome: Outcome, method: string, levels: RoutingLevels, route?: RouteJson): Outcome {
  if (method !== "CONNECT") return outcome;
  const because = refusedConnect(levels.http, route);
  return because === undefined ? outcome : { kind: "refused", status: 403, because };
}

/** What Envoy itself answers to gRPC is an HTTP 200 with the code behind it. */
function grpcNote(request: RoutedRequest, outcome: Outcome): readonly string[] {
  const type = headerValue(request, "content-type") ?? "";
  if (!/^application\/grpc(?:\+|$)/.test(type) || outcome.kind === "forward") return [];
  return ["the request is gRPC: Envoy answers with status 200, and the failure as a grpc-status"];
}

/** The routes of a connection manager, or why they are not known. */
function routeConfiguration(
  http: HttpConnectionManagerJson,
  listener: { readonly name: string; readonly at: Place },
  lookup: ResourceLookup,
): Located<RouteConfigurationJson> | string {
  const { rds, routeConfig } = http;
  if (routeConfig !== undefined) return { name: routeConfig.name ?? "", json: routeConfig, at: listener.at };
  const name = rds?.routeConfigName;
  if (name === undefined) return "the listener chooses its routes by scope, which is not played back";
  return (
    lookup.get<RouteConfigurationJson>(typeUrls.route, name) ?? `the route configuration ${name} is not in the snapshot`
  );
}

interface RoutingLevels {
  readonly http: HttpConnectionManagerJson;
  readonly config: Located<RouteConfigurationJson>;
  readonly sources: ExplainSources;
}

type Routed = Partial<RequestFacts> & Pick<RequestFacts, "outcome">;

function routeRequest(request: RoutedRequest, levels: RoutingLevels): Routed {
  const { config, sources } = levels;
  if (config.json.vhds !== undefined)
    return { outcome: { kind: "unknown", because: "the virtual hosts come by VHDS" } };
  const chosen = matchVirtualHost(config.json, request.host);
  if (chosen === undefined) {
    return { outcome: { kind: "not-found", status: 404, because: noVirtualHost(config.json, request.host) } };
  }
  const { virtualHost, domain } = chosen;
  const name = virtualHost.name ?? "";
  const routeAtOf = (route: RouteJson | undefined) => sources.origins.rule(config.name, route?.name ?? "")?.routeAt;
  // Of several routes for a host the first is as good as any, until one takes the request.
  const at = routeAtOf(virtualHost.routes?.[0]) ?? config.at;
  const host = { virtualHost: { name, domain, at } };
  const redirect = tlsRedirect(virtualHost, request);
  if (redirect !== undefined) return { ...host, outcome: allowed(redirect, request.method, levels) };
  if (virtualHost.matcher !== undefined) {
    return {
      ...host,
      outcome: { kind: "unknown", because: "the virtual host matches by a tree, which is not played back" },
    };
  }
  const tried = tryRoutes(virtualHost, request, config.json);
  const miss = (each: TriedRoute): Miss => missOf(each, config, sources.origins);
  const perhaps = tried.perhaps.map(miss);
  if (tried.taken === undefined) {
    const because = `no route of the virtual host ${name} takes it`;
    const nearest = nearestOf(tried.missed).map(miss);
    return { ...host, perhaps, nearest, outcome: { kind: "not-found", status: 404, because } };
  }
  const routeAt = routeAtOf(tried.taken.route) ?? config.at;
  const explained = explainRoute(tried.taken, virtualHost, request, levels);
  return { virtualHost: { name, domain, at: routeAt }, perhaps, ...explained };
}

function noVirtualHost({ virtualHosts = [] }: RouteConfigurationJson, host: string): string {
  const domains = virtualHosts.flatMap((each) => each.domains ?? []);
  const shown = domains.slice(0, DOMAINS_SHOWN_MAX).join(", ");
  const more = domains.length > DOMAINS_SHOWN_MAX ? ` and ${domains.length - DOMAINS_SHOWN_MAX} more` : "";
  return domains.length === 0
    ? "the listener has no routes"
    : `no virtual host is for ${host}; there are: ${shown}${more}`;
}

function tlsRedirect({ requireTls }: VirtualHostJson, request: RoutedRequest): Outcome | undefined {
  if (requireTls === undefined || requireTls === "NONE" || request.scheme === "https") return undefined;
  if (requireTls === "EXTERNAL_ONLY") {
    return { kind: "unknown", because: "clients from outside are redirected to https (require_tls)" };
  }
  return { kind: "redirect", status: 301, location: `https://${withoutPort(request.host)}${request.path}` };
}

function explainRoute(
  { route, conditions }: TriedRoute,
  virtualHost: VirtualHostJson,
  request: RoutedRequest,
  levels: RoutingLevels,
): Routed & { readonly route: NonNullable<Explanation["route"]> } {
  const { http, config, sources } = levels;
  const name = route.name ?? "";
  const origin = sources.origins.rule(config.name, name);
  const outcome = allowed(
    routeOutcome(route, request, () => runtimeValues(levels.sources.lookup)),
    request.method,
    levels,
    route,
  );
  const priority = route.route?.priority ?? "DEFAULT";
  const shares = outcome.kind === "forward" ? outcome.clusters : [];
  const weighted = route.route?.weightedClusters?.clusters ?? [];
  const describe = (cluster: string): ClusterFacts =>
    describeCluster(cluster, { lookup: sources.lookup, origin: sources.origins.cluster(cluster), priority });
  const clusters = shares.flatMap(({ cluster }, index): readonly ClusterFacts[] => {
    const facts = describe(cluster);
    const headers = describeHeaders(weighted[index] ?? {}, origin?.backendHeaders[index]);
    const whole = headers.length === 0 ? facts : { ...facts, settings: [...headers, ...facts.settings] };
    const json = sources.lookup.get<ClusterJson>(typeUrls.cluster, cluster)?.json ?? {};
    return [whole, ...innerClusters(json).map(describe)];
  });
  return {
    route: {
      name,
      at: origin?.at ?? config.at,
      conditions: conditions.map(({ asks }) => asks()),
      ...(origin?.split === undefined ? {} : { split: origin.split }),
    },
    outcome,
    clusters,
    settings: describeSettings({ http, config: config.json, virtualHost, route, origin }),
  };
}
