/**
 * CORS: envoy.filters.http.cors.
 */
import type { CorsJson, CorsPolicyJson } from "../gen/envoy/extensions/filters/http/cors/v3/cors_pb.d.ts";
import type { StringMatcherJson } from "../gen/envoy/type/matcher/v3/string_pb.d.ts";
import type { Cors } from "../model/filter-cors.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

export const corsFilter = httpFilter({
  name: "envoy.filters.http.cors",
  part: "cors",
  chain: { one: "for all", config: packAny("envoy.extensions.filters.http.cors.v3.Cors", {} satisfies CorsJson) },
  route: (cors) => packAny("envoy.extensions.filters.http.cors.v3.CorsPolicy", corsPolicy(cors)),
});

function corsPolicy(cors: Cors): CorsPolicyJson {
  const { allowOrigins, allowMethods, allowHeaders, exposeHeaders, allowCredentials, maxAgeMs } = cors;
  return {
    allowOriginStringMatch: allowOrigins.map(matchOrigin),
    allowMethods: allowMethods.join(", "),
    ...(allowHeaders.length === 0 ? {} : { allowHeaders: allowHeaders.join(", ") }),
    ...(exposeHeaders.length === 0 ? {} : { exposeHeaders: exposeHeaders.join(", ") }),
    ...(maxAgeMs === undefined ? {} : { maxAge: String(maxAgeMs / 1000) }),
    ...(allowCredentials ? { allowCredentials: true } : {}),
    // What a browser asks beforehand is never for the backend, also when its origin is not allowed.
    forwardNotMatchingPreflights: false,
  };
}

/** `*` stands for any origin, or for one or more labels at the beginning of the host. */
function matchOrigin(origin: string): StringMatcherJson {
  if (origin === "*") return { safeRegex: { regex: ".*" } };
  const [scheme = "", host = ""] = origin.split("://");
  if (!host.startsWith("*.")) return { exact: origin };
  return { safeRegex: { regex: `${escapeRegex(`${scheme}://`)}[A-Za-z0-9._-]+${escapeRegex(host.slice(1))}` } };
}

/** For RE2. */
function escapeRegex(text: string): string {
  return text.replace(/[.+*?()|[\]{}^$\\]/g, "\\$&");
}
