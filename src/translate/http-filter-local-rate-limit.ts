/**
 * Requests that each Envoy counts for itself: envoy.filters.http.local_ratelimit.
 *
 * The route carries all of it, the descriptors and how requests come by them (`rate_limits`) included. A bucket is found
 * by a descriptor: what `when` compares and what `each` reads have different keys, so that no request fits a bucket
 * that is not meant.
 */
import type { RateLimit_ActionJson, RateLimitJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type {
  LocalRateLimitDescriptorJson,
  RateLimitDescriptor_EntryJson,
} from "../gen/envoy/extensions/common/ratelimit/v3/ratelimit_pb.d.ts";
import type { LocalRateLimitJson } from "../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.d.ts";
import type { TokenBucketJson } from "../gen/envoy/type/v3/token_bucket_pb.d.ts";
import type { LocalRateLimit, RateLimitBucket, TokenBucket } from "../model/filter-rate-limit-local.ts";
import { duration } from "./duration.ts";
import { fixedPercent, httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

const localRateLimit = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit";

/** Envoy insists on a bucket for what no descriptor is for; nobody empties this one. */
const unlimited: TokenBucket = { requests: 4_294_967_295, perMs: 1_000, burst: 4_294_967_295 };

/** Who has one IPv6 address has all of its /64. */
const ipv6PrefixBits = 64;

export const localRateLimitFilter = httpFilter({
  name: "envoy.filters.http.local_ratelimit",
  part: "rateLimit",
  chain: {
    one: "for all",
    config: packAny(localRateLimit, { statPrefix: "rate_limit" } satisfies LocalRateLimitJson),
  },
  route: ({ local }) => (local === undefined ? undefined : packAny(localRateLimit, limitJson(local))),
});

function limitJson(limit: LocalRateLimit): LocalRateLimitJson {
  const { statPrefix, others = unlimited, buckets, valuesMax, shadow, headers, retryAfter } = limit;
  const keyed = buckets.map((bucket) => ({ bucket, keys: keysOf(bucket) }));
  return {
    statPrefix,
    tokenBucket: tokenBucket(others),
    filterEnabled: fixedPercent(100),
    filterEnforced: fixedPercent(shadow ? 0 : 100),
    // gRPC clients try again at once after UNAVAILABLE, the default, and not after this.
    rateLimitedAsResourceExhausted: true,
    ...(headers ? { enableXRatelimitHeaders: "DRAFT_VERSION_03" } : {}),
    ...(retryAfter ? { enableRetryAfterHeader: true } : {}),
    ...(keyed.length === 0
      ? {}
      : {
          alwaysConsumeDefaultTokenBucket: false,
          rateLimits: keyed.map(({ keys }): RateLimitJson => ({ actions: keys.map(({ action }) => action) })),
          descriptors: keyed.map(({ bucket, keys }): LocalRateLimitDescriptorJson => ({
            entries: keys.map(({ entry }) => entry),
            tokenBucket: tokenBucket(bucket),
          })),
        }),
    ...(buckets.some(({ each }) => each !== undefined) ? { maxDynamicDescriptors: valuesMax } : {}),
  };
}

/** How a request comes by an entry of the descriptor, and the entry; without value it stands for each. */
interface Key {
  readonly action: RateLimit_ActionJson;
  readonly entry: RateLimitDescriptor_EntryJson;
}

function keysOf({ when, each }: RateLimitBucket): readonly Key[] {
  const keys: Key[] = [];
  if (when !== undefined) {
    const { header, equals } = when;
    const entry = { key: `when ${header}`, value: equals };
    const headers = [{ name: header, stringMatch: { exact: equals } }];
    keys.push({
      entry,
      action: { headerValueMatch: { descriptorKey: entry.key, descriptorValue: entry.value, headers } },
    });
  }
  if (each?.kind === "header") {
    const key = `each ${each.header}`;
    keys.push({ entry: { key }, action: { requestHeaders: { headerName: each.header, descriptorKey: key } } });
  }
  if (each?.kind === "clientAddress") {
    const action = { maskedRemoteAddress: { v6PrefixMaskLen: ipv6PrefixBits } };
    keys.push({ entry: { key: "masked_remote_address" }, action });
  }
  if (keys.length > 0) return keys;
  const entry = { key: "every", value: "request" };
  return [{ entry, action: { genericKey: { descriptorKey: entry.key, descriptorValue: entry.value } } }];
}

function tokenBucket({ requests, perMs, burst }: TokenBucket): TokenBucketJson {
  return { maxTokens: burst, tokensPerFill: requests, fillInterval: duration(perMs) };
}
