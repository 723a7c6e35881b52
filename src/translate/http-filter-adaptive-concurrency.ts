/**
 * As many requests at once as backends answer without getting slower: envoy.filters.http.adaptive_concurrency.
 *
 * The filter knows no routes, so that each policy has one of its own, with its own measurements.
 */
import type { AdaptiveConcurrencyJson } from "../gen/envoy/extensions/filters/http/adaptive_concurrency/v3/adaptive_concurrency_pb.d.ts";
import type { StatusCodeJson } from "../gen/envoy/type/v3/http_status_pb.d.ts";
import type { AdaptiveConcurrency } from "../model/filter-adaptive-concurrency.ts";
import { duration } from "./duration.ts";
import { httpFilter } from "./http-filter.ts";
import { packAny } from "./pack-any.ts";

const statusNames: Readonly<Record<429 | 503, StatusCodeJson>> = { 429: "TooManyRequests", 503: "ServiceUnavailable" };

export const adaptiveConcurrencyFilter = httpFilter({
  name: "envoy.filters.http.adaptive_concurrency",
  part: "adaptiveConcurrency",
  chain: {
    one: "each",
    config: (settings) =>
      packAny("envoy.extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency", filterJson(settings)),
  },
});

function filterJson(settings: AdaptiveConcurrency): AdaptiveConcurrencyJson {
  const { sampleAggregatePercentile, maxConcurrencyLimit, concurrencyUpdateIntervalMs, minRtt, status } = settings;
  const { time, requestCount, jitterPercent, minConcurrency, bufferPercent } = minRtt;
  return {
    gradientControllerConfig: {
      ...(sampleAggregatePercentile === undefined
        ? {}
        : { sampleAggregatePercentile: { value: sampleAggregatePercentile } }),
      concurrencyLimitParams: {
        ...(maxConcurrencyLimit === undefined ? {} : { maxConcurrencyLimit }),
        concurrencyUpdateInterval: duration(concurrencyUpdateIntervalMs),
      },
      minRttCalcParams: {
        ...(time.kind === "measured" ? { interval: duration(time.everyMs) } : { fixedValue: duration(time.ms) }),
        ...(requestCount === undefined ? {} : { requestCount }),
        ...(jitterPercent === undefined ? {} : { jitter: { value: jitterPercent } }),
        ...(minConcurrency === undefined ? {} : { minConcurrency }),
        ...(bufferPercent === undefined ? {} : { buffer: { value: bufferPercent } }),
      },
    },
    ...(status === undefined ? {} : { concurrencyLimitExceededStatus: { code: statusNames[status] } }),
  };
}
