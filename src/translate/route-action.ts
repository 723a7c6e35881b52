/**
 * A RouteAction: where a matched request goes, how long it may take and when it is tried again.
 */
import type { RouteActionJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { Rule } from "../model/intent-route.ts";
import { duration } from "./duration.ts";
import { translateRetry } from "./retry-policy.ts";
import { translateTarget } from "./weighted-clusters.ts";

/** Envoy's default for the time from the end of the request to the end of the response. */
export const defaultRequestTimeoutMs = 15_000;

/** The action of a rule. */
export function translateRouteAction(rule: Rule): RouteActionJson {
  return {
    ...translateTarget(rule.target),
    timeout: duration(rule.timeouts.requestMs ?? defaultRequestTimeoutMs),
    ...(rule.timeouts.idleMs === undefined ? {} : { idleTimeout: duration(rule.timeouts.idleMs) }),
    ...(rule.retry === undefined ? {} : { retryPolicy: translateRetry(rule.retry) }),
  };
}
