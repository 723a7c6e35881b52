/**
 * A RetryPolicy: when Envoy tries a request again.
 *
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
 */
import type { RetryPolicyJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { Retry } from "../model/intent-route.ts";
import { duration } from "./duration.ts";

/** The retries of a rule. */
export function translateRetry(retry: Retry): RetryPolicyJson {
  return {
    retryOn: retry.on.join(","),
    numRetries: retry.attempts,
    ...(retry.perTryTimeoutMs === undefined ? {} : { perTryTimeout: duration(retry.perTryTimeoutMs) }),
    ...(retry.backoff === undefined
      ? {}
      : {
          retryBackOff: {
            baseInterval: duration(retry.backoff.baseMs),
            ...(retry.backoff.maxMs === undefined ? {} : { maxInterval: duration(retry.backoff.maxMs) }),
          },
        }),
  };
}
