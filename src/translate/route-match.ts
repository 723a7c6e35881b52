/**
 * A RouteMatch: which requests a route takes.
 */
import type {
  HeaderMatcherJson,
  QueryParameterMatcherJson,
  RouteMatchJson,
} from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { StringMatcherJson } from "../gen/envoy/type/matcher/v3/string_pb.d.ts";
import type { ValueMatch } from "../model/intent-match.ts";
import type { PathMatch, RuleMatch } from "../model/intent-route.ts";
import { unreachable } from "../support/assert.ts";

/**
 * gRPC, and gRPC-Web that a filter makes gRPC of: Envoy looks for the route before that, and its own condition on
 * gRPC knows the first alone.
 */
const grpcOrWeb: HeaderMatcherJson = {
  name: "content-type",
  stringMatch: { safeRegex: { regex: "application/grpc(-web(-text)?)?([+].*)?" } },
};

/** All conditions of the match; the method is a header to Envoy, but for CONNECT, which has no path. */
export function translateRouteMatch(match: RuleMatch, { hasGrpcWeb = false, isConnect = false } = {}): RouteMatchJson {
  const method: readonly HeaderMatcherJson[] =
    match.method === undefined ? [] : [{ name: ":method", stringMatch: { exact: match.method } }];
  const isWeb = match.grpc !== undefined && hasGrpcWeb;
  const headers = [...method, ...(isWeb ? [grpcOrWeb] : []), ...match.headers.map(translateHeader)];
  return {
    ...(isConnect ? { connectMatcher: {} } : translatePath(match.path)),
    ...(match.grpc === undefined || isWeb ? {} : { grpc: {} }),
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

/** One header, of a request or of an answer. */
export function translateHeader(header: ValueMatch): HeaderMatcherJson {
  return { name: header.name, ...translateValue(header.value) };
}

function translateQueryParameter(param: ValueMatch): QueryParameterMatcherJson {
  return { name: param.name, ...translateValue(param.value) };
}

/** Fields that the matchers of headers and of query parameters both have. */
function translateValue(value: ValueMatch["value"]): {
  readonly stringMatch?: StringMatcherJson;
  readonly presentMatch?: boolean;
} {
  switch (value.kind) {
    case "exact":
      return { stringMatch: { exact: value.text } };
    case "prefix":
      return { stringMatch: { prefix: value.text } };
    case "suffix":
      return { stringMatch: { suffix: value.text } };
    case "contains":
      return { stringMatch: { contains: value.text } };
    case "regex":
      return { stringMatch: { safeRegex: { regex: value.pattern } } };
    case "present":
      return { presentMatch: true };
    case "absent":
      return { presentMatch: false };
    default:
      return unreachable(value);
  }
}
