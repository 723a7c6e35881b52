/**
 * Warnings about listeners without routes, and routes without listeners.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { Intent } from "../model/intent.ts";

/** Told once for a gateway none of whose listeners has a route, else for each listener. */
export function lintListeners(intent: Intent): readonly Diagnostic[] {
  const named = new Set(intent.routes.flatMap(({ gateways }) => gateways));
  return [
    ...intent.gateways.flatMap((gateway) => lintGateway(gateway, named)),
    ...intent.routes.filter(({ gateways }) => gateways.length === 0).map(unattached),
  ];
}

function lintGateway(gateway: Gateway, named: ReadonlySet<string>): readonly Diagnostic[] {
  if (named.has(gateway.name)) return [];
  const silent = gateway.listeners.filter(({ name }) => !named.has(`${gateway.name}/${name}`));
  if (silent.length === gateway.listeners.length) return [unrouted(`the gateway \`${gateway.name}\``, gateway.at)];
  return silent.map(({ name, at }) => unrouted(`the listener \`${gateway.name}/${name}\``, at));
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
