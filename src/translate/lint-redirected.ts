/**
 * Warnings about connections that the firewall leads to Envoy: listeners to which none is handed over, and requests that
 * shall go on to where they wanted to, on listeners that do not know where that is.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Gateway, GatewayListener } from "../model/intent-gateway.ts";
import type { Backend } from "../model/intent-route.ts";
import type { Intent } from "../model/intent.ts";
import { l4RoutesOn } from "../model/l4-attachments.ts";
import { isAttached } from "./group-scope.ts";
import { listenerName } from "./names.ts";

/** Nothing when nobody wrote any of the words. */
export function lintRedirected(intent: Intent): readonly Diagnostic[] {
  const handing = new Set(
    intent.gateways
      .filter((gateway) => listenersOf(gateway).some((listener) => listener.originalDestination?.handsOver === true))
      .flatMap(({ groups }) => groups),
  );
  const waiting = intent.gateways
    .filter(({ groups }) => groups.some((group) => !handing.has(group)))
    .flatMap((gateway) =>
      listenersOf(gateway)
        .filter(({ bindToPort }) => bindToPort === false)
        .map((listener) => neverHandedOver(gateway, listener)),
    );
  return [...waiting, ...lintServices(intent)];
}

function listenersOf({ listeners, l4Listeners }: Gateway): readonly GatewayListener[] {
  return [...listeners, ...l4Listeners];
}

function neverHandedOver(gateway: Gateway, listener: GatewayListener): Diagnostic {
  return {
    code: "never-handed-over",
    severity: "warning",
    message: `the listener \`${listenerName(gateway, listener)}\` gets no connections: no listener of its node groups has \`useOriginalDst\``,
    at: listener.at,
    hint: "write `useOriginalDst: true` at the listener that the firewall leads to, or remove `bindToPort: false`",
  };
}

/** Each backend is told once. */
function lintServices(intent: Intent): readonly Diagnostic[] {
  const wanted = new Set(
    intent.services.flatMap(({ name, originalDestination }) => (originalDestination === undefined ? [] : [name])),
  );
  if (wanted.size === 0) return [];
  const warned = new Set<Backend>();
  return intent.gateways.flatMap((gateway) =>
    listenersOf(gateway)
      .filter((listener) => !knowsDestination(listener))
      .flatMap((listener) =>
        backendsOn(intent, gateway, listener)
          .filter((backend) => backend.weight > 0 && wanted.has(backend.service) && !warned.has(backend))
          .map((backend): Diagnostic => {
            warned.add(backend);
            return {
              code: "no-original-destination",
              severity: "warning",
              message: `what comes to \`${listenerName(gateway, listener)}\` and goes to \`${backend.service}\` fails: nothing tells Envoy where it wanted to go`,
              at: backend.at,
              hint: "write `originalDestination: true` at the listener if the firewall leads connections there, else send it to a service with `endpoints`",
            };
          }),
      ),
  );
}

/** A load balancer says it in the PROXY protocol too. */
function knowsDestination({ originalDestination, bindToPort, proxyProtocol }: GatewayListener): boolean {
  return originalDestination !== undefined || bindToPort === false || proxyProtocol !== undefined;
}

function backendsOn({ routes, l4Routes }: Intent, gateway: Gateway, listener: GatewayListener): readonly Backend[] {
  const l4 = gateway.l4Listeners.find(({ name }) => name === listener.name);
  if (l4 !== undefined) return l4RoutesOn(gateway, l4, l4Routes).flatMap(({ route }) => route.target.backends);
  return routes
    .filter((route) => isAttached(route, gateway, listener))
    .flatMap(({ rules }) => rules.flatMap(({ target }) => target.backends));
}
