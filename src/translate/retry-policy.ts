/**
 * A RetryPolicy: when Envoy tries a request again.
 *
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
 */
import type { RetryPolicyJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { Retry, Timeouts } from "../model/intent-policy.ts";
import { duration } from "./duration.ts";

/** The retries of a rule, with the limit of a single try; undefined when there are neither retries nor a limit. */
export function translateRetry(retry: Retry | undefined, timeouts: Timeouts | undefined): RetryPolicyJson | undefined {
  const limitMs = tryLimitMs(retry, timeouts);
  if (retry === undefined && limitMs === undefined) return undefined;
  return {
    ...(retry === undefined ? { numRetries: 0 } : { retryOn: retry.on.join(","), numRetries: retry.attempts }),
    ...(limitMs === undefined ? {} : { perTryTimeout: duration(limitMs) }),
    ...(retry?.backoff === undefined
      ? {}
      : {
          retryBackOff: {
            baseInterval: duration(retry.backoff.baseMs),
            ...(retry.backoff.maxMs === undefined ? {} : { maxInterval: duration(retry.backoff.maxMs) }),
          },
        }),
  };
}

/** How long one try may take: of `retry.perTryTimeout` and `timeouts.backendRequest` the shorter, undefined for no limit. */
export function tryLimitMs(retry: Retry | undefined, timeouts: Timeouts | undefined): number | undefined {
  const limitsMs = [retry?.perTryTimeoutMs ?? 0, timeouts?.backendRequestMs ?? 0].filter((ms) => ms > 0);
  return limitsMs.length === 0 ? undefined : Math.min(...limitsMs);
}
