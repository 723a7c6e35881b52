/**
 * The names that Fairway gives to Envoy resources.
 *
 * A name is an identity, never a position in a list: a rule that moves keeps its cluster, and with it the
 * warm connections, the ejected hosts and the statistics. People meet these names in Envoy's statistics
 * and access logs, so they are the words of the config files and nothing else.
 */
import type { Gateway, GatewayListener, GrpcListener } from "../model/intent-gateway.ts";
import type { L4Route } from "../model/intent-l4-route.ts";
import type { Route, Rule } from "../model/intent-route.ts";
import type { Service } from "../model/intent-service.ts";

/** `reviews`, or `reviews|canary` for a subset; also the name of the load assignment. */
export function clusterName(service: string, subset?: string): string {
  return subset === undefined ? service : `${service}|${subset}`;
}

/** `reviews|canary|fallback`: of the cluster that sends requests to the subset, and to others when it is not well. */
export function fallbackClusterName(service: string, subset: string): string {
  return `${clusterName(service, subset)}|fallback`;
}

/** All of a service but those for copies of requests. */
export function clusterNamesOf({ name, subsets }: Service): readonly string[] {
  return [
    clusterName(name),
    ...subsets.flatMap((subset) => [
      clusterName(name, subset.name),
      ...(subset.fallbacks === undefined ? [] : [fallbackClusterName(name, subset.name)]),
    ]),
  ];
}

/** `reviews|canary|mirror`, or `reviews||mirror` of the whole service: of the cluster that gets copies of requests and nothing else. */
export function mirrorClusterName(service: string, subset = ""): string {
  return `${service}|${subset}|mirror`;
}

/** `public/http`: of the listener, of its route configuration and of its statistics; for HTTPS, of its filter chain. */
export function listenerName(gateway: Gateway, listener: GatewayListener): string {
  return `${gateway.name}/${listener.name}`;
}

/** `public/db/postgres`: of the filter chain of a route of TLS, and of its statistics. */
export function l4ChainName(gateway: Gateway, listener: GatewayListener, route: L4Route): string {
  return `${listenerName(gateway, listener)}/${route.name}`;
}

/** `0.0.0.0:443`: of the listener that HTTPS listeners share, whichever of them there are; `/` is in all other names. */
export function sharedListenerName(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** `0.0.0.0:443/http3`: of the listener on the UDP port of the same number, for those of them that take HTTP/3. */
export function http3ListenerName(address: string, port: number): string {
  return `${sharedListenerName(address, port)}/http3`;
}

/** `orders`, or `orders:50051`: what gRPC clients write behind `xds:///`, and the name of their listener. */
export function grpcTarget({ port }: GrpcListener, hostname: string): string {
  return port === undefined ? hostname : `${hostname}:${port}`;
}

/** `mesh/grpc/orders`: of the routes for one name. */
export function grpcRoutesName(gateway: Gateway, listener: GrpcListener, hostname: string): string {
  return `${gateway.name}/${listener.name}/${grpcTarget(listener, hostname)}`;
}

/** `reviews/main`: what access logs show as the route's name. */
export function envoyRouteName(route: Route, rule: Rule): string {
  return `${route.name}/${rule.name}`;
}
