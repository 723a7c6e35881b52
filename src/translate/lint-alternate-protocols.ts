/**
 * Warnings about services with `protocol: auto` whose HTTP/3 nobody finds out about.
 *
 * What answers say in `alt-svc` Envoy reads after the route has changed their headers, and on a listener with `http3` the
 * route has put the listener's own port there.
 */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { GatewayListener } from "../model/intent-gateway.ts";
import type { Backend } from "../model/intent-route.ts";
import type { Service } from "../model/intent-service.ts";
import type { Intent } from "../model/intent.ts";
import { autoServicesOf } from "./alternate-protocols.ts";
import { isAttached } from "./group-scope.ts";
import { listenerName } from "./names.ts";

/** Each backend is told once; nothing when nobody wrote `auto`. */
export function lintAlternateProtocols({ gateways, routes, services }: Intent): readonly Diagnostic[] {
  const auto = autoServicesOf(services);
  if (auto.size === 0) return [];
  const byName = new Map(services.filter(({ name }) => auto.has(name)).map((service) => [service.name, service]));
  const warned = new Set<Backend>();
  return gateways.flatMap((gateway) =>
    gateway.listeners.flatMap((listener) => {
      const port = advertisedPort(listener);
      if (port === undefined) return [];
      return routes
        .filter((route) => isAttached(route, gateway, listener))
        .flatMap(({ rules }) => rules.flatMap(({ target }) => target.backends))
        .filter((backend) => {
          const service = byName.get(backend.service);
          const isHidden = service !== undefined && backend.weight > 0 && hasOtherPorts(service, port);
          return isHidden && !warned.has(backend);
        })
        .map((backend): Diagnostic => {
          warned.add(backend);
          return {
            code: "auto-stays-on-tcp",
            severity: "warning",
            message: `by \`${listenerName(gateway, listener)}\` Envoy never learns that \`${backend.service}\` takes HTTP/3: \`http3\` of the listener puts its own port into \`alt-svc\``,
            at: backend.at,
            hint: "write `protocol: http3` if all endpoints take it, else `protocol: http2`",
          };
        });
    }),
  );
}

function advertisedPort({ http3, port }: GatewayListener): number | undefined {
  return http3 === undefined ? undefined : (http3.advertisedPort ?? port);
}

/** Where the ports are the same, what the listener says happens to be right for the endpoints too. */
function hasOtherPorts({ dns, endpoints }: Service, port: number): boolean {
  return dns === undefined ? endpoints.some((endpoint) => endpoint.port !== port) : dns.port !== port;
}
