/**
 * Warnings about listeners of TCP and TLS without a route, routes of theirs that take nothing, and TLS inside of TLS.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Gateway, L4Listener } from "../model/intent-gateway.ts";
import type { L4Route } from "../model/intent-l4-route.ts";
import type { Intent } from "../model/intent.ts";
import { kindOf, l4RoutesOn } from "../model/l4-attachments.ts";
import { listenerName } from "./names.ts";

/** Nothing when nobody wrote any. */
export function lintL4(intent: Intent): readonly Diagnostic[] {
  const { gateways, l4Routes } = intent;
  const listeners = gateways.flatMap((gateway) => gateway.l4Listeners.map((listener) => ({ gateway, listener })));
  const attached = listeners.map(({ gateway, listener }) => ({
    gateway,
    listener,
    routes: l4RoutesOn(gateway, listener, l4Routes).map(({ route }) => route),
  }));
  const used = new Set(attached.flatMap(({ routes }) => routes));
  return [
    ...attached.filter(({ routes }) => routes.length === 0).map(unrouted),
    ...l4Routes.filter((route) => !used.has(route)).map((route) => unused(route, listeners)),
    ...doubleTls(intent, attached),
  ];
}

interface Site {
  readonly gateway: Gateway;
  readonly listener: L4Listener;
}

function unrouted({ gateway, listener }: Site): Diagnostic {
  return {
    code: "unrouted-listener",
    severity: "warning",
    message: `the listener \`${listenerName(gateway, listener)}\` has no route: no Envoy opens it`,
    at: listener.at,
    hint: `name it under \`gateways\` of a route in \`${kindOf(listener)}Routes\`, or remove it`,
  };
}

function unused({ kind, name, at }: L4Route, sites: readonly Site[]): Diagnostic {
  const protocol = kind.toUpperCase();
  if (sites.every(({ listener }) => listener.protocol !== protocol)) {
    return {
      code: "unused-definition",
      severity: "warning",
      message: `no Envoy gets the route \`${name}\`: there is no ${protocol} listener`,
      at,
      hint: `write a listener with \`protocol: ${protocol}\``,
    };
  }
  return {
    code: "no-common-hostname",
    severity: "warning",
    message: `the route \`${name}\` serves nothing: it has no hostname in common with any of its listeners`,
    at,
    hint: "attach the route to another listener, or make the hostnames of the two overlap",
  };
}

/** What is passed through is TLS already, and the endpoints would find another TLS in theirs. */
function doubleTls(
  { services }: Intent,
  attached: readonly (Site & { readonly routes: readonly L4Route[] })[],
): readonly Diagnostic[] {
  const passed = attached.filter(({ listener }) => listener.protocol === "TLS" && listener.tls === undefined);
  if (passed.length === 0) return [];
  const byName = new Map(services.map((service) => [service.name, service]));
  const warned = new Set<L4Route>();
  return passed.flatMap(({ gateway, listener, routes }) =>
    routes.flatMap((route) => {
      const backend = route.target.backends.find(({ service, subset, weight }) => {
        const found = byName.get(service);
        const part = subset === undefined ? found : found?.subsets.find(({ name }) => name === subset);
        return weight > 0 && part?.policy.tls !== undefined;
      });
      if (backend === undefined || warned.has(route)) return [];
      warned.add(route);
      return [
        {
          code: "double-tls",
          severity: "warning",
          message: `connections to \`${listenerName(gateway, listener)}\` are passed on encrypted, and \`${backend.service}\` has \`tls\`: its endpoints get TLS inside of TLS`,
          at: backend.at,
          hint: "remove `tls` of the service, or write `tls: { mode: terminate, secret: … }` at the listener",
        } satisfies Diagnostic,
      ];
    }),
  );
}
