/**
 * A RouteConfiguration: everything that one listener routes.
 *
 * It exists even when no route does, because a listener whose routes never come keeps Envoy warming; every
 * request is then answered 404.
 */
import type { RouteConfigurationJson } from "../gen/envoy/config/route/v3/route_pb.d.ts";
import type { GatewayListener, Gateway } from "../model/intent-gateway.ts";
import type { Route } from "../model/intent-route.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { altSvc } from "./http3-listener.ts";
import { envoyResource, envoyTypes } from "./envoy-resource.ts";
import { perGateway } from "./http-filters.ts";
import { listenerName } from "./names.ts";
import { headersOfTracing } from "./tracing.ts";
import type { KnownHosts } from "./virtual-host.ts";
import { translateVirtualHosts } from "./virtual-host.ts";

/** The route configuration of a listener; `routes` are those attached to it. */
export function translateRouteConfiguration(
  gateway: Gateway,
  listener: GatewayListener,
  routes: readonly Route[],
  known?: KnownHosts,
): EnvoyResource {
  const name = listenerName(gateway, listener);
  const hidden = gateway.tracing === undefined ? [] : headersOfTracing(gateway.tracing);
  const json: RouteConfigurationJson = {
    name,
    ...(hidden.length === 0 ? {} : { requestHeadersToRemove: hidden }),
    ...perGateway(gateway),
    ...(listener.http3 === undefined ? {} : { responseHeadersToAdd: [altSvc(listener, listener.http3)] }),
    virtualHosts: [...translateVirtualHosts({ gateway, listener }, routes, known)],
    // `example.com` is meant whatever port the client wrote behind it.
    ignorePortInHostMatching: true,
    // A route may arrive before its cluster is known; Fairway has checked the reference and orders the pushes.
    validateClusters: false,
  };
  return envoyResource(envoyTypes.route, name, json, listener.at);
}
