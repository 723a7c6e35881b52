/**
 * Which routes of TCP, TLS and UDP are on which listeners, and for which hostnames there.
 *
 * Drafts and what became of them are asked alike: a draft without `gateways` is on all of them.
 */
import { commonHostname } from "./hostnames.ts";
import type { L4Listener } from "./intent-gateway.ts";
import type { L4Kind, L4Route } from "./intent-l4-route.ts";

interface AnyGateway {
  readonly name: string;
  readonly l4Listeners: readonly L4Listener[];
}

type AnyRoute = Pick<L4Route, "kind" | "hostnames"> & { readonly gateways?: readonly string[] };

/** A route on a listener. */
export interface L4Attachment<Route> {
  readonly route: Route;
  /** Those that both have; `*` alone when nothing limits them, which is always so of TCP and UDP. */
  readonly hostnames: readonly string[];
}

const kinds = { TCP: "tcp", TLS: "tls", UDP: "udp" } as const;

/** The kind of route that the listener takes. */
export function kindOf({ protocol }: L4Listener): L4Kind {
  return kinds[protocol];
}

/** The routes of a listener that have a hostname there, in the order of the list. */
export function l4RoutesOn<Route extends AnyRoute>(
  gateway: AnyGateway,
  listener: L4Listener,
  routes: readonly Route[],
): readonly L4Attachment<Route>[] {
  const names = [gateway.name, `${gateway.name}/${listener.name}`];
  return routes
    .filter(
      ({ kind, gateways }) => kind === kindOf(listener) && (gateways?.some((name) => names.includes(name)) ?? true),
    )
    .flatMap((route) => {
      const hostnames = hostnamesOn(listener, route);
      return hostnames.length === 0 ? [] : [{ route, hostnames }];
    });
}

function hostnamesOn({ hostnames }: L4Listener, route: AnyRoute): readonly string[] {
  if (hostnames === undefined) return route.hostnames.includes("*") ? ["*"] : route.hostnames;
  const common = route.hostnames.flatMap((ofRoute) => hostnames.flatMap((each) => commonHostname(ofRoute, each) ?? []));
  return [...new Set(common)].toSorted();
}
