/**
 * Warnings about listeners without routes, routes without listeners, and the two without a hostname in common.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import { commonHostname } from "../model/hostnames.ts";
import type { Intent } from "../model/intent.ts";
import { isAttached } from "./group-scope.ts";
import { routesOfNames } from "./grpc-listener.ts";
import { grpcTarget } from "./names.ts";

/** Told once for a gateway none of whose listeners has a route, else for each listener. */
export function lintListeners(intent: Intent): readonly Diagnostic[] {
  const named = new Set(intent.routes.flatMap(({ gateways }) => gateways));
  return [
    ...intent.gateways.flatMap((gateway) => lintGateway(gateway, named)),
    ...intent.routes.filter(({ gateways }) => gateways.length === 0).map(unattached),
    ...lintHostnames(intent),
    ...lintGrpcNames(intent),
  ];
}

/** Of what a route names, that which is for other hostnames only; a gateway counts by all its listeners together. */
function lintHostnames({ gateways, routes }: Intent): readonly Diagnostic[] {
  const limited = new Map(gateways.flatMap(hostnamesByName));
  // Most listeners are for all hostnames.
  if (limited.size === 0) return [];
  return routes.flatMap((route) =>
    route.gateways.flatMap((name) => {
      const hostnames = limited.get(name);
      const serves = hostnames?.some((ofListener) =>
        route.hostnames.some((ofRoute) => commonHostname(ofRoute.toLowerCase(), ofListener) !== undefined),
      );
      return hostnames === undefined || serves === true ? [] : [apart(route, name, hostnames)];
    }),
  );
}

function hostnamesByName({ name, ...gateway }: Gateway): readonly (readonly [string, readonly string[]])[] {
  const listeners = [...gateway.listeners, ...gateway.grpcListeners];
  const limited = listeners.flatMap((listener) => {
    const hostnames = listener.hostnames?.map((hostname) => hostname.toLowerCase());
    return hostnames === undefined ? [] : [[`${name}/${listener.name}`, hostnames] as const];
  });
  // One that has only listeners of TCP, TLS or UDP is for no hostname, and routes of HTTP mean others.
  if (listeners.length === 0 || limited.length < listeners.length) return limited;
  return [...limited, [name, limited.flatMap(([, hostnames]) => hostnames)]];
}

function apart(
  { name, at, hostnames }: Intent["routes"][number],
  where: string,
  served: readonly string[],
): Diagnostic {
  return {
    code: "no-common-hostname",
    severity: "warning",
    message: `the route \`${name}\` serves nothing on \`${where}\`: ${shown(hostnames)} has nothing in common with ${shown(served)}`,
    at,
    hint: "attach the route to another listener, or make the hostnames of the two overlap",
  };
}

/** As many as a sentence can take. */
function shown(hostnames: readonly string[]): string {
  return hostnames.slice(0, 3).join(", ") + (hostnames.length > 3 ? " …" : "");
}

function lintGateway(gateway: Gateway, named: ReadonlySet<string>): readonly Diagnostic[] {
  if (named.has(gateway.name) || gateway.listeners.length === 0) return [];
  const silent = gateway.listeners.filter(({ name }) => !named.has(`${gateway.name}/${name}`));
  if (silent.length === gateway.listeners.length && gateway.grpcListeners.length === 0)
    return [unrouted(`the gateway \`${gateway.name}\``, gateway.at)];
  return silent.map(({ name, at }) => unrouted(`the listener \`${gateway.name}/${name}\``, at));
}

/** Names that gRPC clients may ask for in vain. */
function lintGrpcNames({ gateways, routes }: Intent): readonly Diagnostic[] {
  return gateways.flatMap((gateway) =>
    gateway.grpcListeners.flatMap((listener) => {
      const attached = routes.filter((route) => isAttached(route, gateway, listener));
      return routesOfNames(listener, attached)
        .filter(([, ofName]) => ofName.length === 0)
        .map(([hostname]): Diagnostic => ({
          code: "unrouted-listener",
          severity: "warning",
          message: `no route of \`${gateway.name}/${listener.name}\` is for \`${hostname}\`, and no service has that name: every call to \`xds:///${grpcTarget(listener, hostname)}\` fails`,
          at: listener.at,
          hint: "write a route with this hostname, or the name of a service",
        }));
    }),
  );
}

function unrouted(what: string, at: Diagnostic["at"]): Diagnostic {
  return {
    code: "unrouted-listener",
    severity: "warning",
    message: `${what} has no route: every request is answered with 404`,
    at,
    hint: "name it under `gateways` of a route, or remove it",
  };
}

function unattached({ name, at }: Intent["routes"][number]): Diagnostic {
  return {
    code: "unused-definition",
    severity: "warning",
    message: `no Envoy gets the route \`${name}\`: there is no gateway`,
    at,
    hint: "define a listener under `gateways`",
  };
}
