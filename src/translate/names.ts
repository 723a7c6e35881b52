/**
 * The names that Fairway gives to Envoy resources.
 *
 * A name is an identity, never a position in a list: a rule that moves keeps its cluster, and with it the
 * warm connections, the ejected hosts and the statistics. People meet these names in Envoy's statistics
 * and access logs, so they are the words of the config files and nothing else.
 */
import type { Gateway, GatewayListener } from "../model/intent-gateway.ts";
import type { Route, Rule } from "../model/intent-route.ts";

/** `reviews`, or `reviews|canary` for a subset; also the name of the load assignment. */
export function clusterName(service: string, subset?: string): string {
  return subset === undefined ? service : `${service}|${subset}`;
}

/** `public/http`: of the listener, of its route configuration and of its statistics; for HTTPS, of its filter chain. */
export function listenerName(gateway: Gateway, listener: GatewayListener): string {
  return `${gateway.name}/${listener.name}`;
}

/** `0.0.0.0:443`: of the listener that HTTPS listeners share, whichever of them there are; `/` is in all other names. */
export function sharedListenerName(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** `reviews/main`: what access logs show as the route's name. */
export function envoyRouteName(route: Route, rule: Rule): string {
  return `${route.name}/${rule.name}`;
}
