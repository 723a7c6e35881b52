/**
 * Envoy's HeaderMatcher and CookieMatcher for a request whose headers are known.
 *
 * Of several headers of one name it suffices that one matches, and an inverted matcher wants that none does.
 * What Envoy sets or removes itself before it looks for a route is not known here.
 */
import type { CookieMatcherJson, HeaderMatcherJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { StringMatcherJson } from "../gen/envoy/type/matcher/v3/string_pb.d.ts";
import type { Condition } from "./match-condition.ts";
import { known, unsure } from "./match-condition.ts";
import { describeText, matchesText } from "./match-text.ts";

/** A request as routes see it. */
export interface RoutedRequest {
  readonly method: string;
  readonly scheme: "http" | "https";
  readonly host: string;
  /** After normalisation, with its query; empty for CONNECT, which has none. */
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Envoy sets, changes or removes these by what it knows of the connection. */
const setByEnvoy =
  /^(?:x-envoy-.*|x-forwarded-(?:for|client-cert|host|port)|x-request-id|via|connection|keep-alive|proxy-connection|te|transfer-encoding|upgrade|content-length)$/;

/** The values of a header, in the order sent; empty when there is none. */
function headerValues(request: RoutedRequest, written: string): readonly string[] {
  const name = written.toLowerCase();
  if (name === ":method") return [request.method];
  if (name === ":path") return request.path === "" ? [] : [request.path];
  if (name === ":authority" || name === "host") return [request.host];
  if (name === ":scheme" || name === "x-forwarded-proto") return [request.scheme];
  return request.headers.filter(([given]) => given === name).map(([, value]) => value);
}

/** The first value of a header, or undefined. */
export function headerValue(request: RoutedRequest, name: string): string | undefined {
  return headerValues(request, name)[0];
}

/** Whether the header is as the matcher wants it. */
export function matchHeader(matcher: HeaderMatcherJson, request: RoutedRequest): Condition {
  const name = (matcher.name ?? "").toLowerCase();
  const asks = () => describeHeader(name, matcher);
  if (setByEnvoy.test(name)) return unsure(asks, "Envoy itself sets or removes this header");
  const values = headerValues(request, name);
  const because = () => (values.length === 0 ? "there is none" : `it is ${values.map(quoted).join(" and ")}`);
  const inverted = matcher.invertMatch === true;
  const treated = values.length === 0 && matcher.treatMissingHeaderAsEmpty === true ? [""] : values;
  const text = textMatcher(matcher);
  if (text === undefined && matcher.rangeMatch === undefined) {
    return known((treated.length > 0 === (matcher.presentMatch ?? true)) !== inverted, asks, because);
  }
  // A header that is not there matches nothing, not even an inverted matcher.
  if (treated.length === 0) return known(false, asks, because);
  const matched = treated.map((value) => (text === undefined ? inRange(matcher, value) : matchesText(text, value)));
  if (matched.includes(undefined)) return unsure(asks, "only Envoy knows");
  return known(matched.includes(true) !== inverted, asks, because);
}

function quoted(value: string): string {
  return JSON.stringify(value);
}

/** Whether a cookie is as the matcher wants it. */
export function matchCookie(matcher: CookieMatcherJson, request: RoutedRequest): Condition {
  const { name = "", stringMatch = {}, invertMatch = false } = matcher;
  const value = cookieValue(request, name);
  const asks = () => `cookie ${name} ${invertMatch ? "is not what " : ""}${describeText(stringMatch)}`;
  const because = () => (value === undefined ? "there is none" : `it is ${quoted(value)}`);
  if (value === undefined) return known(invertMatch, asks, because);
  const matched = matchesText(stringMatch, value);
  return matched === undefined ? unsure(asks, "only Envoy knows") : known(matched !== invertMatch, asks, because);
}

/** The first of the name; blanks are trimmed before a name only, and quotes around the whole value. */
function cookieValue(request: RoutedRequest, name: string): string | undefined {
  for (const cookie of headerValues(request, "cookie").flatMap((header) => header.split(";"))) {
    const equals = cookie.indexOf("=");
    if (equals === -1 || cookie.slice(0, equals).trimStart() !== name) continue;
    return cookie.slice(equals + 1).replace(/^"(.*)"$/, "$1");
  }
  return undefined;
}

/** How older configurations say what `string_match` says. */
interface OlderMatcher {
  readonly exactMatch?: string;
  readonly prefixMatch?: string;
  readonly suffixMatch?: string;
  readonly containsMatch?: string;
  readonly safeRegexMatch?: NonNullable<StringMatcherJson["safeRegex"]>;
}

function textMatcher(matcher: HeaderMatcherJson): StringMatcherJson | undefined {
  if (matcher.stringMatch !== undefined) return matcher.stringMatch;
  const older: OlderMatcher = matcher;
  if (older.exactMatch !== undefined) return { exact: older.exactMatch };
  if (older.prefixMatch !== undefined) return { prefix: older.prefixMatch };
  if (older.suffixMatch !== undefined) return { suffix: older.suffixMatch };
  if (older.containsMatch !== undefined) return { contains: older.containsMatch };
  if (older.safeRegexMatch !== undefined) return { safeRegex: older.safeRegexMatch };
  return undefined;
}

/** Start inclusive, end exclusive; what is no whole number is in no range. */
function inRange({ rangeMatch }: HeaderMatcherJson, text: string): boolean {
  if (!/^\s*[+-]?\d{1,19}\s*$/.test(text)) return false;
  const value = BigInt(text.trim().replace("+", ""));
  return value >= BigInt(rangeMatch?.start ?? 0) && value < BigInt(rangeMatch?.end ?? 0);
}

function describeHeader(name: string, matcher: HeaderMatcherJson): string {
  const what = name === ":method" ? "method" : `header ${name}`;
  const not = matcher.invertMatch === true;
  const text = textMatcher(matcher);
  if (text !== undefined) return `${what} ${not ? "is not one that " : ""}${describeText(text)}`;
  if (matcher.rangeMatch !== undefined) {
    const { start = "0", end = "0" } = matcher.rangeMatch;
    return `${what} ${not ? "is not" : "is"} a number from ${start} to below ${end}`;
  }
  return `${what} is ${(matcher.presentMatch ?? true) === not ? "absent" : "present"}`;
}
