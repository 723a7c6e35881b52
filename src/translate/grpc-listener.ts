/**
 * What a gRPC client is given for the name in `xds:///name`: a Listener without address, of exactly that name,
 * and a RouteConfiguration with one virtual host.
 *
 * gRPC clients do themselves what an Envoy would do: they ask for a listener by name, then for its routes, the
 * clusters in them and their endpoints. Each name has routes of its own, so that a client is told of nothing
 * that it did not ask for.
 * https://github.com/grpc/proposal/blob/master/A27-xds-global-load-balancing.md
 */
import type { ListenerJson } from "../gen/envoy/config/listener/v3/listener_pb.d.ts";
import type { RouteConfigurationJson } from "../gen/envoy/config/route/v3/route_pb.d.ts";
import type { HttpConnectionManagerJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import type { Gateway, GrpcListener } from "../model/intent-gateway.ts";
import type { Route } from "../model/intent-route.ts";
import { sameItems } from "../support/same-content.ts";
import { fromAds } from "./config-source.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyResource, envoyTypes } from "./envoy-resource.ts";
import { translateGrpcRoute } from "./grpc-route.ts";
import { grpcRoutesName, grpcTarget } from "./names.ts";
import { packAny } from "./pack-any.ts";
import { byPrecedence, entriesOf, routesByHostname } from "./virtual-host.ts";

/** The names of one listener as they were made the last time. */
export type KnownTargets = Map<string, { readonly routes: readonly Route[]; readonly made: readonly EnvoyResource[] }>;

/** Two resources for each name; one whose routes are the same objects as before stays the same. */
export function translateGrpcListener(
  gateway: Gateway,
  listener: GrpcListener,
  attached: readonly Route[],
  known: KnownTargets = new Map(),
): readonly EnvoyResource[] {
  return routesOfNames(listener, attached).flatMap(([hostname, routes]) => {
    const before = known.get(hostname);
    if (before !== undefined && sameItems(before.routes, routes)) return before.made;
    const made = translateTarget({ gateway, listener, hostname }, routes);
    known.set(hostname, { routes, made });
    return made;
  });
}

/** For each name the routes that are for it, those with a wildcard too. */
export function routesOfNames(
  { hostnames }: GrpcListener,
  attached: readonly Route[],
): readonly (readonly [hostname: string, routes: readonly Route[]])[] {
  const byHostname = routesByHostname(attached);
  return hostnames.map((hostname) => {
    const labels = hostname.toLowerCase().split(".");
    const wider = labels.map((_, index) => ["*", ...labels.slice(index + 1)].join("."));
    const routes = [labels.join("."), ...wider].flatMap((each) => byHostname.get(each) ?? []);
    return [hostname, [...new Set(routes)]] as const;
  });
}

function translateTarget(
  site: { readonly gateway: Gateway; readonly listener: GrpcListener; readonly hostname: string },
  routes: readonly Route[],
): readonly EnvoyResource[] {
  const { gateway, listener, hostname } = site;
  const target = grpcTarget(listener, hostname);
  const routesName = grpcRoutesName(gateway, listener, hostname);
  const manager: HttpConnectionManagerJson = {
    statPrefix: routesName,
    rds: { routeConfigName: routesName, configSource: fromAds },
    // gRPC refuses a list of filters that the router does not end.
    httpFilters: [
      {
        name: "envoy.filters.http.router",
        typedConfig: packAny("envoy.extensions.filters.http.router.v3.Router", {}),
      },
    ],
  };
  const managerType = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
  const json: ListenerJson = { name: target, apiListener: { apiListener: packAny(managerType, manager) } };
  const entries = routes.flatMap(entriesOf).toSorted(byPrecedence);
  const configuration: RouteConfigurationJson = {
    name: routesName,
    // gRPC compares the domain with all that stands behind `xds:///`, the port included.
    virtualHosts: [{ name: target, domains: [target], routes: entries.flatMap((e) => translateGrpcRoute(e, gateway)) }],
  };
  return [
    envoyResource(envoyTypes.listener, target, json, listener.at),
    envoyResource(envoyTypes.route, routesName, configuration, listener.at),
  ];
}
