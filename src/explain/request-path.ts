/**
 * The path, host and scheme of a request as routes see them, after what the HttpConnectionManager does to them.
 *
 * Normalisation is that of the URL library of Chromium, as Envoy applies it: dot segments go, also in
 * their percent-encoded form, a backslash is a slash, escapes of unreserved characters are undone and a few
 * characters are escaped. The query is never touched.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto
 */
import type { HttpConnectionManagerJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";

import type { AskedRequest } from "./asked-request.ts";
import type { RoutedRequest } from "./match-header.ts";
import { withoutPort } from "./match-virtual-host.ts";

/** The path with its query, or why Envoy answers at once. */
export type RequestPath =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "refused"; readonly because: string };

type PathOptions = Pick<HttpConnectionManagerJson, "normalizePath" | "mergeSlashes" | "pathWithEscapedSlashesAction">;

/** Applies the options in Envoy's order: escaped slashes, normalisation, merging. */
export function requestPath(written: string, options: PathOptions): RequestPath {
  if (written.includes("#")) return { kind: "refused", because: "a path with a fragment is refused" };
  const question = written.indexOf("?");
  let path = question === -1 ? written : written.slice(0, question);
  const query = question === -1 ? "" : written.slice(question);
  const hasEscapedSlash = /%(?:2f|5c)/i.test(path);
  const action = options.pathWithEscapedSlashesAction;
  if (hasEscapedSlash && action === "REJECT_REQUEST") {
    return { kind: "refused", because: "a path with an escaped slash is refused (path_with_escaped_slashes_action)" };
  }
  const unescapes = action === "UNESCAPE_AND_FORWARD" || action === "UNESCAPE_AND_REDIRECT";
  if (unescapes) path = path.replace(/%2f/gi, "/").replace(/%5c/gi, "\\");
  if (options.normalizePath === true) {
    if (path.includes("%00")) return { kind: "refused", because: "a path with %00 is refused" };
    path = normalise(path);
  }
  if (options.mergeSlashes === true) path = mergeSlashes(path);
  return { kind: hasEscapedSlash && action === "UNESCAPE_AND_REDIRECT" ? "redirect" : "path", path: path + query };
}

/** Envoy believes a client's `x-forwarded-proto` unless it is to look at the connection alone. */
export function schemeSeen(
  { scheme, headers }: AskedRequest,
  http: HttpConnectionManagerJson,
): RoutedRequest["scheme"] {
  if (http.useRemoteAddress === true && (http.xffNumTrustedHops ?? 0) === 0) return scheme;
  const forwarded = headers.find(([name]) => name === "x-forwarded-proto")?.[1];
  return forwarded === "http" || forwarded === "https" ? forwarded : scheme;
}

/** The host after what the HttpConnectionManager strips; `address` is where the listener listens. */
export function hostSeen(host: string, http: HttpConnectionManagerJson, address: string): string {
  const listening = address.slice(address.lastIndexOf(":") + 1);
  const strips =
    http.stripAnyHostPort === true || (http.stripMatchingHostPort === true && host.endsWith(`:${listening}`));
  const bare = strips ? withoutPort(host) : host;
  return http.stripTrailingHostDot === true ? bare.replace(/\.(?=:\d+$|$)/, "") : bare;
}

function normalise(path: string): string {
  const segments: string[] = [];
  let endsInDots = false;
  for (const raw of path.split(/[/\\]/).slice(1)) {
    const segment = raw.replace(/%([\da-f]{2})/gi, undoEscape).replace(/["<>^`{|}]/g, escape);
    endsInDots = segment === "." || segment === "..";
    if (segment === "..") segments.pop();
    else if (segment !== ".") segments.push(segment);
  }
  return `/${segments.join("/")}${endsInDots && segments.length > 0 ? "/" : ""}`;
}

function undoEscape(escaped: string, digits: string): string {
  const character = String.fromCharCode(Number.parseInt(digits, 16));
  return /[\w.~-]/.test(character) ? character : escaped;
}

function escape(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** A path of slashes alone keeps two of them, as in Envoy: its first and its last. */
function mergeSlashes(path: string): string {
  if (!path.includes("//")) return path;
  const parts = path.split("/").filter((part) => part !== "");
  return `/${parts.join("/")}${path.endsWith("/") ? "/" : ""}`;
}
