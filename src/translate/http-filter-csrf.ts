/**
 * Cross-site request forgery: envoy.filters.http.csrf.
 */
import type { CsrfPolicyJson } from "../gen/envoy/extensions/filters/http/csrf/v3/csrf_pb.d.ts";
import { fixedPercent, httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

const csrfPolicy = "envoy.extensions.filters.http.csrf.v3.CsrfPolicy";

export const csrfFilter = httpFilter({
  name: "envoy.filters.http.csrf",
  part: "csrf",
  // Envoy insists on the field.
  chain: { one: "for all", config: packAny(csrfPolicy, { filterEnabled: fixedPercent(0) } satisfies CsrfPolicyJson) },
  route: ({ additionalOrigins, shadow }) =>
    packAny(csrfPolicy, {
      filterEnabled: fixedPercent(shadow ? 0 : 100),
      ...(shadow ? { shadowEnabled: fixedPercent(100) } : {}),
      // Envoy compares the host and port of the origin.
      additionalOrigins: additionalOrigins.map((host) =>
        host.startsWith("*.") ? { suffix: host.slice(1) } : { exact: host },
      ),
    } satisfies CsrfPolicyJson),
});
