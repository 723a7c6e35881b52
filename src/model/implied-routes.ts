/**
 * Routes that nobody wrote: a name that gRPC clients ask for, that no route is for and that is a service's
 * leads to that service.
 *
 * So the everyday case, `xds:///orders` for the service `orders`, needs no route; the first route that is for
 * the name takes its place.
 */
import type { Gateway, GrpcListener } from "./intent-gateway.ts";
import type { Route } from "./intent-route.ts";

/** The routes implied before, by gateway and `listener/name`; keep it between calls. */
export type ImpliedRoutes = WeakMap<Gateway, Map<string, Route>>;

/** One for each such name; `services` holds the names of all services. */
export function impliedRoutes(
  intent: { readonly gateways: readonly Gateway[]; readonly routes: readonly Route[] },
  services: () => ReadonlySet<string>,
  known: ImpliedRoutes,
): readonly Route[] {
  const withNames = intent.gateways.filter(({ grpcListeners }) => grpcListeners.length > 0);
  if (withNames.length === 0) return [];
  const hostnamesAt = hostnamesByPlace(intent.routes);
  const names = services();
  return withNames.flatMap((gateway) =>
    gateway.grpcListeners.flatMap((listener) => {
      const places = [gateway.name, `${gateway.name}/${listener.name}`];
      return listener.hostnames
        .filter((hostname) => names.has(hostname) && !places.some((place) => serves(hostnamesAt.get(place), hostname)))
        .map((hostname) => impliedOnce(gateway, listener, hostname, known));
    }),
  );
}

/** What routes name as a gateway or listener → the hostnames that they are for there. */
function hostnamesByPlace(routes: readonly Route[]): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { gateways, hostnames } of routes) {
    for (const place of gateways) {
      const ofPlace = found.get(place) ?? new Set<string>();
      found.set(place, ofPlace);
      for (const hostname of hostnames) ofPlace.add(hostname.toLowerCase());
    }
  }
  return found;
}

function serves(hostnames: ReadonlySet<string> | undefined, hostname: string): boolean {
  if (hostnames === undefined) return false;
  const labels = hostname.toLowerCase().split(".");
  const wider = labels.map((_, index) => ["*", ...labels.slice(index + 1)].join("."));
  return [labels.join("."), ...wider].some((each) => hostnames.has(each));
}

function impliedOnce(gateway: Gateway, listener: GrpcListener, hostname: string, known: ImpliedRoutes): Route {
  const ofGateway = known.get(gateway) ?? new Map<string, Route>();
  known.set(gateway, ofGateway);
  // No route that somebody wrote has a slash in its name.
  const name = `${gateway.name}/${listener.name}/${hostname}`;
  const route = ofGateway.get(name) ?? implied(name, `${gateway.name}/${listener.name}`, hostname, listener.at);
  ofGateway.set(name, route);
  return route;
}

function implied(name: string, place: string, service: string, at: Route["at"]): Route {
  return {
    name,
    at,
    gateways: [place],
    hostnames: [service],
    policies: [],
    rules: [
      {
        name: "service",
        at,
        matches: [{ at, path: { kind: "prefix", path: "/" }, headers: [], queryParams: [] }],
        target: { backends: [{ at, service, weight: 1 }] },
        mirrors: [],
        policies: [],
      },
    ],
  };
}
