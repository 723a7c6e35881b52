/**
 * A RetryPolicy: when Envoy tries a request again.
 *
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
 */
import type { RetryPolicyJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { Retry, Timeouts } from "../model/intent-policy.ts";
import { duration } from "./duration.ts";
import { packAny } from "./pack-any.ts";
import { translateHeader } from "./route-match.ts";

/** Draws for a host that was not tried yet; with few hosts in a cluster the first ones may hit it again. */
const HOST_SELECTION_ATTEMPTS = 5;

const extensions = "envoy.extensions.retry";

/** The retries of a rule, with the limit of a single try; undefined when there are neither retries nor a limit. */
export function translateRetry(retry: Retry | undefined, timeouts: Timeouts | undefined): RetryPolicyJson | undefined {
  const limitMs = tryLimitMs(retry, timeouts);
  if (retry === undefined && limitMs === undefined) return undefined;
  return {
    ...(retry === undefined ? { numRetries: 0 } : { retryOn: retry.on.join(","), numRetries: retry.attempts }),
    ...(limitMs === undefined ? {} : { perTryTimeout: duration(limitMs) }),
    ...(retry === undefined ? {} : { ...translateAnswers(retry), ...translateHosts(retry), ...translateWaits(retry) }),
  };
}

/** What of an answer makes it one that is tried again. */
function translateAnswers({ statusCodes, headers }: Retry): RetryPolicyJson {
  return {
    ...(statusCodes === undefined ? {} : { retriableStatusCodes: statusCodes }),
    ...(headers === undefined ? {} : { retriableHeaders: headers.map(translateHeader) }),
  };
}

/** Where a retry goes. */
function translateHosts({ avoidTriedHosts = true, avoidTriedPriorities }: Retry): RetryPolicyJson {
  return {
    ...(avoidTriedPriorities === undefined
      ? {}
      : {
          retryPriority: {
            name: "envoy.retry_priorities.previous_priorities",
            typedConfig: packAny(`${extensions}.priority.previous_priorities.v3.PreviousPrioritiesConfig`, {
              updateFrequency: avoidTriedPriorities,
            }),
          },
        }),
    ...(avoidTriedHosts
      ? {
          retryHostPredicate: [
            {
              name: "envoy.retry_host_predicates.previous_hosts",
              typedConfig: packAny(`${extensions}.host.previous_hosts.v3.PreviousHostsPredicate`, {}),
            },
          ],
          hostSelectionRetryMaxAttempts: String(HOST_SELECTION_ATTEMPTS),
        }
      : {}),
  };
}

function translateWaits({ backoff, rateLimitedBackoff }: Retry): RetryPolicyJson {
  return {
    ...(backoff === undefined
      ? {}
      : {
          retryBackOff: {
            baseInterval: duration(backoff.baseMs),
            ...(backoff.maxMs === undefined ? {} : { maxInterval: duration(backoff.maxMs) }),
          },
        }),
    ...(rateLimitedBackoff === undefined
      ? {}
      : {
          rateLimitedRetryBackOff: {
            resetHeaders: rateLimitedBackoff.resetHeaders.map(({ name, format }) => ({
              name,
              format: format === "seconds" ? ("SECONDS" as const) : ("UNIX_TIMESTAMP" as const),
            })),
            ...(rateLimitedBackoff.maxMs === undefined ? {} : { maxInterval: duration(rateLimitedBackoff.maxMs) }),
          },
        }),
  };
}

/** How long one try may take: of `retry.perTryTimeout` and `timeouts.backendRequest` the shorter, undefined for no limit. */
export function tryLimitMs(retry: Retry | undefined, timeouts: Timeouts | undefined): number | undefined {
  const limitsMs = [retry?.perTryTimeoutMs ?? 0, timeouts?.backendRequestMs ?? 0].filter((ms) => ms > 0);
  return limitsMs.length === 0 ? undefined : Math.min(...limitsMs);
}
