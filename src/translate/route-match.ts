/**
 * A RouteMatch: which requests a route takes.
 */
import type {
  HeaderMatcherJson,
  QueryParameterMatcherJson,
  RouteMatchJson,
} from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { StringMatcherJson } from "../gen/envoy/type/matcher/v3/string_pb.d.ts";
import type { PathMatch, RuleMatch, ValueMatch } from "../model/intent-route.ts";
import { unreachable } from "../support/assert.ts";

/** All conditions of the match; the method is a header to Envoy. */
export function translateRouteMatch(match: RuleMatch): RouteMatchJson {
  const method: readonly HeaderMatcherJson[] =
    match.method === undefined ? [] : [{ name: ":method", stringMatch: { exact: match.method } }];
  const headers = [...method, ...match.headers.map(translateHeader)];
  return {
    ...translatePath(match.path),
    ...(headers.length === 0 ? {} : { headers }),
    ...(match.queryParams.length === 0 ? {} : { queryParameters: match.queryParams.map(translateQueryParameter) }),
  };
}

function translatePath(path: PathMatch): RouteMatchJson {
  switch (path.kind) {
    case "exact":
      return { path: path.path };
    case "prefix": {
      // A plain `prefix: /a` would take `/ab` as well. Envoy wants the separated prefix without its trailing slash.
      const stem = path.path.replace(/\/+$/, "");
      return stem === "" ? { prefix: "/" } : { pathSeparatedPrefix: stem };
    }
    case "regex":
      return { safeRegex: { regex: path.pattern } };
    default:
      return unreachable(path);
  }
}

function translateHeader(header: ValueMatch): HeaderMatcherJson {
  const stringMatch = translateValue(header.value);
  return stringMatch === undefined ? { name: header.name, presentMatch: true } : { name: header.name, stringMatch };
}

function translateQueryParameter(param: ValueMatch): QueryParameterMatcherJson {
  const stringMatch = translateValue(param.value);
  return stringMatch === undefined ? { name: param.name, presentMatch: true } : { name: param.name, stringMatch };
}

/** Undefined when only the presence counts. */
function translateValue(value: ValueMatch["value"]): StringMatcherJson | undefined {
  switch (value.kind) {
    case "exact":
      return { exact: value.text };
    case "prefix":
      return { prefix: value.text };
    case "regex":
      return { safeRegex: { regex: value.pattern } };
    case "present":
      return undefined;
    default:
      return unreachable(value);
  }
}
