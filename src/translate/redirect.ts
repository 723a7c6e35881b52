/**
 * A RedirectAction: where the client is sent, by Gateway API's rules.
 *
 * Without a port the location has the well-known port of the scheme that is written, and without a scheme
 * the port of the listener; well-known ports are left out. Envoy for its part keeps the Host header of the
 * request, with its port, so whatever the config files know about the host is written out.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprequestredirectfilter
 */
import type { RedirectActionJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { Redirect, RedirectStatus } from "../model/intent-filter.ts";
import type { GatewayListener } from "../model/intent-gateway.ts";
import type { PathMatch } from "../model/intent-route.ts";
import { replacePrefix } from "./path-change.ts";

/** Where a route is: its virtual host, on its listener. */
export interface RedirectedFrom {
  readonly hostname: string;
  readonly listener: GatewayListener;
  readonly path: PathMatch;
}

const wellKnownPorts = { http: 80, https: 443 } as const;
const defaultStatus: RedirectStatus = 302;
const responseCodes = {
  301: "MOVED_PERMANENTLY",
  302: "FOUND",
  303: "SEE_OTHER",
  307: "TEMPORARY_REDIRECT",
  308: "PERMANENT_REDIRECT",
} as const satisfies Record<RedirectStatus, string>;

/** The redirect of one match. */
export function translateRedirect(redirect: Redirect, from: RedirectedFrom): RedirectActionJson {
  return {
    ...(redirect.scheme === undefined ? {} : { schemeRedirect: redirect.scheme }),
    ...translateAuthority(redirect, from),
    ...translatePath(redirect, from.path),
    responseCode: responseCodes[redirect.status ?? defaultStatus],
  };
}

function translateAuthority({ scheme, hostname, port }: Redirect, from: RedirectedFrom): RedirectActionJson {
  const { port: listenerPort, tls } = from.listener;
  const listenerScheme = tls === undefined ? "http" : "https";
  const host = hostname ?? (from.hostname.startsWith("*") ? undefined : from.hostname);
  const wanted = port ?? (scheme === undefined ? listenerPort : wellKnownPorts[scheme]);
  const known = wanted === wellKnownPorts[scheme ?? listenerScheme];
  // Envoy would keep the port of a Host header, and clients of such a listener send one.
  const kept = host === undefined && listenerPort !== wellKnownPorts[listenerScheme];
  return {
    ...(host === undefined ? {} : { hostRedirect: host }),
    ...(known && !kept ? {} : { portRedirect: wanted }),
  };
}

function translatePath({ path }: Redirect, matched: PathMatch): RedirectActionJson {
  if (path === undefined) return {};
  return path.kind === "full" ? { pathRedirect: path.path } : replacePrefix(matched, path.path);
}
