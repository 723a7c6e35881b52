/**
 * Requests that a service counts for all Envoys: envoy.filters.http.ratelimit.
 *
 * Whom to ask and what to do without an answer is in the chain, one filter for each policy; what to ask about is in the
 * route, so that descriptors change without a new listener.
 */
import type { TypedExtensionConfigJson } from "../gen/envoy/config/core/v3/extension_pb.d.ts";
import type { RateLimit_ActionJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type {
  RateLimitJson,
  RateLimitPerRouteJson,
} from "../gen/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb.d.ts";
import type { DescriptorEntry, GlobalRateLimit } from "../model/filter-rate-limit-global.ts";
import { duration } from "./duration.ts";
import { fixedPercent, httpFilter } from "./http-filter.ts";
import { clusterName } from "./names.ts";
import { packAny } from "./pack-any.ts";

const messages = "envoy.extensions.filters.http.ratelimit.v3";

export const globalRateLimitFilter = httpFilter({
  name: "envoy.filters.http.ratelimit",
  part: "rateLimit",
  chain: {
    one: "each",
    config: ({ global }) => (global === undefined ? undefined : packAny(`${messages}.RateLimit`, filterJson(global))),
  },
  route: ({ global }) =>
    global === undefined
      ? undefined
      : packAny(`${messages}.RateLimitPerRoute`, {
          rateLimits: global.descriptors.map((entries) => ({ actions: entries.map(actionOf) })),
        } satisfies RateLimitPerRouteJson),
});

function filterJson({ service, domain, timeoutMs, failOpen, shadow, headers }: GlobalRateLimit): RateLimitJson {
  return {
    domain,
    rateLimitService: {
      grpcService: { envoyGrpc: { clusterName: clusterName(service) } },
      transportApiVersion: "V3",
    },
    ...(timeoutMs === undefined ? {} : { timeout: duration(timeoutMs) }),
    ...(failOpen ? {} : { failureModeDeny: true }),
    ...(shadow ? { filterEnforced: fixedPercent(0) } : {}),
    ...(headers ? { enableXRatelimitHeaders: "DRAFT_VERSION_03" } : {}),
    // gRPC clients try again at once after UNAVAILABLE, the default, and not after this.
    rateLimitedAsResourceExhausted: true,
  };
}

function actionOf(entry: DescriptorEntry): RateLimit_ActionJson {
  switch (entry.kind) {
    case "header":
      return { requestHeaders: { headerName: entry.header, descriptorKey: entry.key } };
    case "path":
      // The header :path has the query behind it, which would make a counter for each.
      return { extension: expression(entry.key, "request.url_path") };
    case "value":
      return { genericKey: { descriptorKey: entry.key, descriptorValue: entry.value } };
    case "clientAddress":
      return { remoteAddress: {} };
  }
}

/** A value that Envoy works out of its attributes of the request, by an expression in CEL. */
function expression(descriptorKey: string, text: string): TypedExtensionConfigJson {
  const name = "envoy.rate_limit_descriptors.expr";
  const type = "envoy.extensions.rate_limit_descriptors.expr.v3.Descriptor";
  return { name, typedConfig: packAny(type, { descriptorKey, text }) };
}
