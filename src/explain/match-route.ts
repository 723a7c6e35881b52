/**
 * Envoy's RouteMatch, condition by condition, for one request.
 *
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto#config-route-v3-routematch
 */
import type { QueryParameterMatcherJson, RouteMatchJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { Condition } from "./match-condition.ts";
import { known, unsure } from "./match-condition.ts";
import type { RoutedRequest } from "./match-header.ts";
import { headerValue, matchCookie, matchHeader } from "./match-header.ts";
import { describeText, matchesRegex, matchesText } from "./match-text.ts";

/** What depends on the route configuration and not on the route. */
export interface MatchOptions {
  /** `/a;x=1/b` is matched as `/a/b`. */
  readonly ignorePathParameters: boolean;
}

/** Every condition of the match, the path first. */
export function matchRoute(match: RouteMatchJson, request: RoutedRequest, options: MatchOptions): readonly Condition[] {
  return [
    matchPath(match, request, options),
    ...(match.headers ?? []).map((matcher) => matchHeader(matcher, request)),
    ...(match.queryParameters ?? []).map((matcher) => matchQuery(matcher, request)),
    ...(match.cookies ?? []).map((matcher) => matchCookie(matcher, request)),
    ...(match.grpc === undefined ? [] : [matchGrpc(request)]),
    ...(match.runtimeFraction === undefined ? [] : [matchFraction(match.runtimeFraction)]),
    ...onlyKnownToEnvoy(match),
  ];
}

/** The part of a path that a route matched: what a prefix rewrite replaces. */
export function matchedPath(match: RouteMatchJson, path: string): string {
  return match.prefix ?? match.pathSeparatedPrefix ?? match.path ?? pathAlone(path);
}

/** Without the query. */
export function pathAlone(path: string): string {
  const question = path.indexOf("?");
  return question === -1 ? path : path.slice(0, question);
}

function matchPath(match: RouteMatchJson, request: RoutedRequest, options: MatchOptions): Condition {
  const whole = pathAlone(request.path);
  const path = options.ignorePathParameters ? whole.replace(/;[^/]*/g, "") : whole;
  const foldsCase = match.caseSensitive === false;
  const fold = (text: string) => (foldsCase ? text.toLowerCase() : text);
  const inAnyCase = foldsCase ? " in any case" : "";
  const isConnect = request.method === "CONNECT";
  const because = () => (isConnect ? "a CONNECT request has no path" : `it is ${path}`);
  const { prefix, pathSeparatedPrefix: stem, path: exact, safeRegex } = match;
  if (exact !== undefined)
    return known(!isConnect && fold(path) === fold(exact), () => `path is ${exact}${inAnyCase}`, because);
  if (prefix !== undefined) {
    return known(
      !isConnect && fold(path).startsWith(fold(prefix)),
      () => `path begins with ${prefix}${inAnyCase}`,
      because,
    );
  }
  if (stem !== undefined) {
    const holds = !isConnect && (fold(path) === fold(stem) || fold(path).startsWith(`${fold(stem)}/`));
    return known(holds, () => `path is ${stem} or below${inAnyCase}`, because);
  }
  if (safeRegex !== undefined) {
    const pattern = safeRegex.regex ?? "";
    const asks = () => `path matches ${pattern}`;
    const matched = !isConnect && matchesRegex(pattern, path);
    return matched === undefined ? unsure(asks, "Envoy cannot compile it either") : known(matched, asks, because);
  }
  if (match.connectMatcher !== undefined) {
    return known(
      isConnect,
      () => "method is CONNECT",
      () => `it is ${request.method}`,
    );
  }
  const name = match.pathMatchPolicy?.name ?? "an extension";
  const asks = () => `path is what ${name} takes`;
  return isConnect ? known(false, asks, because) : unsure(asks, "an extension decides");
}

/** The first parameter of a name counts; names and values are compared as sent, without decoding. */
function matchQuery(matcher: QueryParameterMatcherJson, request: RoutedRequest): Condition {
  const { name = "", stringMatch, presentMatch } = matcher;
  const value = queryParameter(request.path, name);
  const because = () => (value === undefined ? "there is none" : `it is ${JSON.stringify(value)}`);
  if (stringMatch === undefined) {
    const wanted = presentMatch ?? true;
    const asks = () => `query parameter ${name} is ${wanted ? "present" : "absent"}`;
    return known((value !== undefined) === wanted, asks, because);
  }
  const asks = () => `query parameter ${name} ${describeText(stringMatch)}`;
  const matched = value !== undefined && matchesText(stringMatch, value);
  if (matched === undefined) return unsure(asks, "only Envoy knows");
  return known(matched, asks, because);
}

function queryParameter(path: string, name: string): string | undefined {
  const question = path.indexOf("?");
  if (question === -1) return undefined;
  for (const pair of path.slice(question + 1).split("&")) {
    const equals = pair.indexOf("=");
    const key = equals === -1 ? pair : pair.slice(0, equals);
    if (key === name) return equals === -1 ? "" : pair.slice(equals + 1);
  }
  return undefined;
}

function matchGrpc(request: RoutedRequest): Condition {
  const type = headerValue(request, "content-type");
  const holds = type === "application/grpc" || type?.startsWith("application/grpc+") === true;
  return known(
    holds,
    () => "content-type is application/grpc",
    () => (type === undefined ? "there is none" : `it is ${type}`),
  );
}

const hundreds = { HUNDRED: 100, TEN_THOUSAND: 10_000, MILLION: 1_000_000 } as const;

function matchFraction({ defaultValue, runtimeKey }: NonNullable<RouteMatchJson["runtimeFraction"]>): Condition {
  const { numerator = 0, denominator = "HUNDRED" } = defaultValue ?? {};
  const percent = (numerator * 100) / (hundreds[denominator as keyof typeof hundreds] ?? 100);
  const key = runtimeKey === undefined || runtimeKey === "" ? "" : `, unless the runtime key ${runtimeKey} says else`;
  const asks = () => `${percent} % of requests${key}`;
  if (percent >= 100) return { state: "holds", asks };
  if (percent === 0) return { state: "fails", asks, because: () => "that is none" };
  return unsure(asks, "it is left to chance");
}

function onlyKnownToEnvoy(match: RouteMatchJson): readonly Condition[] {
  const asked: readonly (readonly [unknown, string])[] = [
    [match.tlsContext, "the client's certificate is as asked for"],
    [match.dynamicMetadata?.[0], "the metadata that filters set is as asked for"],
    [match.filterState?.[0], "the filter state is as asked for"],
  ];
  return asked
    .filter(([present]) => present !== undefined)
    .map(([, text]) => unsure(() => text, "only a running Envoy knows"));
}
