/**
 * What of a route belongs to a listener that is for some hostnames only.
 *
 * As in Gateway API a route serves there the hostnames that both have in common, so that a client which
 * asked for one name cannot reach another one's routes by its Host header.
 */
import { commonHostname } from "../model/hostnames.ts";
import type { GatewayListener } from "../model/intent-gateway.ts";
import type { Route } from "../model/intent-route.ts";

/** The copies of routes for one listener; undefined for those that have no hostname there. */
export type NarrowedRoutes = WeakMap<Route, { readonly copy: Route | undefined }>;

/** The routes with the hostnames that they have on this listener; those with none are left out. */
export function narrowRoutes(
  listener: GatewayListener,
  routes: readonly Route[],
  known: NarrowedRoutes = new WeakMap(),
): readonly Route[] {
  const { hostnames } = listener;
  if (hostnames === undefined) return routes;
  return routes.flatMap((route) => {
    const narrowed = known.get(route) ?? { copy: narrowRoute(route, hostnames) };
    known.set(route, narrowed);
    return narrowed.copy ?? [];
  });
}

function narrowRoute(route: Route, hostnames: readonly string[]): Route | undefined {
  const common = route.hostnames.flatMap((ofRoute) =>
    hostnames.flatMap((ofListener) => commonHostname(ofRoute.toLowerCase(), ofListener) ?? []),
  );
  return common.length === 0 ? undefined : { ...route, hostnames: [...new Set(common)] };
}
