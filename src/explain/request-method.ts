/**
 * What Envoy makes of a method before it looks for a route, and of CONNECT after it found one.
 */
import type { RouteJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { HttpConnectionManagerJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";

/** What Envoy's parser of HTTP/1 takes; every one was asked of Envoy 1.40, and others it answers with 400. */
const http1Methods = new Set(
  [
    "ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE MSEARCH NOTIFY",
    "OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK",
    "UNSUBSCRIBE",
  ].flatMap((line) => line.split(" ")),
);

/** Why Envoy answers 400 to the method; undefined when it takes it. */
export function refusedMethod(method: string, http: HttpConnectionManagerJson): string | undefined {
  const { codecType = "AUTO", httpProtocolOptions } = http;
  if (codecType === "HTTP2" || codecType === "HTTP3" || http1Methods.has(method)) return undefined;
  if (httpProtocolOptions?.allowCustomMethods === true) return undefined;
  const upper = method.toUpperCase();
  return http1Methods.has(upper)
    ? `HTTP methods are case-sensitive: over HTTP/1.1 Envoy takes ${upper} and refuses ${method}`
    : `over HTTP/1.1 Envoy refuses the method ${method}, which it does not know`;
}

/** Why Envoy answers 403 to a CONNECT that a route takes; undefined when it is allowed. */
export function refusedConnect(http: HttpConnectionManagerJson, route: RouteJson | undefined): string | undefined {
  const find = (configs: readonly { readonly upgradeType?: string; readonly enabled?: boolean }[] = []) =>
    configs.find(({ upgradeType }) => upgradeType?.toUpperCase() === "CONNECT");
  const upgrade = find(route?.route?.upgradeConfigs) ?? find(http.upgradeConfigs);
  if (upgrade !== undefined && upgrade.enabled !== false) return undefined;
  return "neither the listener nor the route allows CONNECT (upgrade_configs)";
}
