/**
 * What a route makes of the path and host of a request: rewrites, and where a redirect leads.
 */
import type {
  RedirectActionJson,
  RouteActionJson,
  RouteMatchJson,
} from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { RegexMatchAndSubstituteJson } from "../gen/envoy/type/matcher/v3/regex_pb.d.ts";
import type { RoutedRequest } from "./match-header.ts";
import { headerValue } from "./match-header.ts";
import { matchedPath, pathAlone } from "./match-route.ts";
import { replaceRegex } from "./match-text.ts";

/** What is rewritten; absent parts stay as they are. */
export interface Rewritten {
  readonly path?: string;
  readonly host?: string;
}

/** The request as the backend gets it. */
export function rewrite(action: RouteActionJson, match: RouteMatchJson, request: RoutedRequest): Rewritten {
  // CONNECT has no path that could become another.
  const path = request.path === "" ? "" : rewritePath(action, match, request.path);
  const host = rewriteHost(action, request);
  return {
    ...(path === request.path ? {} : { path }),
    ...(host === undefined || host === request.host ? {} : { host }),
  };
}

/** The `location` of a redirect. */
export function redirectLocation(redirect: RedirectActionJson, match: RouteMatchJson, request: RoutedRequest): string {
  const scheme = redirect.schemeRedirect ?? (redirect.httpsRedirect === true ? "https" : request.scheme);
  const port = redirect.portRedirect === undefined ? "" : `:${redirect.portRedirect}`;
  const host = redirect.hostRedirect ?? hostFor(request, scheme, port);
  return `${scheme}://${host}${port}${redirectPath(redirect, match, request.path)}`;
}

/** The status of a redirect; Envoy's default is 301. */
export function redirectStatus({ responseCode }: RedirectActionJson): number {
  const statuses: Readonly<Record<string, number>> = {
    MOVED_PERMANENTLY: 301,
    FOUND: 302,
    SEE_OTHER: 303,
    TEMPORARY_REDIRECT: 307,
    PERMANENT_REDIRECT: 308,
  };
  return statuses[responseCode ?? ""] ?? 301;
}

interface PathRewrite {
  readonly prefixRewrite?: string;
  readonly regexRewrite?: RegexMatchAndSubstituteJson;
}

function rewritePath({ prefixRewrite = "", regexRewrite }: PathRewrite, match: RouteMatchJson, path: string): string {
  const alone = pathAlone(path);
  const query = path.slice(alone.length);
  if (prefixRewrite !== "") return `${prefixRewrite}${path.slice(matchedPath(match, path).length)}`;
  if (regexRewrite === undefined) return path;
  return `${replaceRegex(regexRewrite.pattern?.regex ?? "", regexRewrite.substitution ?? "", alone)}${query}`;
}

function rewriteHost(action: RouteActionJson, request: RoutedRequest): string | undefined {
  if (action.hostRewriteLiteral !== undefined) return action.hostRewriteLiteral;
  if (action.hostRewriteHeader !== undefined) return headerValue(request, action.hostRewriteHeader);
  const { hostRewritePathRegex: regex } = action;
  if (regex === undefined) return undefined;
  return replaceRegex(regex.pattern?.regex ?? "", regex.substitution ?? "", pathAlone(request.path));
}

function redirectPath(redirect: RedirectActionJson, match: RouteMatchJson, path: string): string {
  const { pathRedirect, stripQuery = false } = redirect;
  if (pathRedirect !== undefined && pathRedirect !== "") {
    // A query of its own wins over that of the request.
    if (pathRedirect.includes("?") || stripQuery) return pathRedirect;
    return `${pathRedirect}${path.slice(pathAlone(path).length)}`;
  }
  const rewritten = rewritePath(redirect, match, path);
  return stripQuery ? pathAlone(rewritten) : rewritten;
}

/** The request's own host, without a port that another scheme or port makes wrong. */
function hostFor(request: RoutedRequest, scheme: string, port: string): string {
  const { host } = request;
  const colon = host.startsWith("[") ? host.lastIndexOf("]:") + 1 : host.lastIndexOf(":");
  if (colon <= 0) return host;
  const written = host.slice(colon);
  const isDefault = written === (request.scheme === "https" ? ":443" : ":80");
  return port !== "" || (scheme !== request.scheme && isDefault) ? host.slice(0, colon) : host;
}
