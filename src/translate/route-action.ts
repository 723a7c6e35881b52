/**
 * A RouteAction: where a matched request goes and as what, how long it may take and when it is tried again.
 */
import type { RouteActionJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { HeaderFilters, Rewrite } from "../model/intent-filter.ts";
import type { Retry, Timeouts } from "../model/intent-policy.ts";
import type { Rule, RuleMatch } from "../model/intent-route.ts";
import { duration } from "./duration.ts";
import { translateMirror } from "./mirror-policy.ts";
import { replacePath, replacePrefix } from "./path-change.ts";
import { translateRetry } from "./retry-policy.ts";
import { translateTarget } from "./weighted-clusters.ts";

/** Envoy's default for the time from the end of the request to the end of the response. */
export const defaultRequestTimeoutMs = 15_000;

/** What of a rule's action is not written at the rule alone. */
export interface ActionPolicy {
  readonly timeouts: Timeouts | undefined;
  readonly retry: Retry | undefined;
  /** One for each backend. */
  readonly backendHeaders: readonly HeaderFilters[];
}

/** The action of a rule for one of its matches. */
export function translateRouteAction(rule: Rule, match: RuleMatch, policy: ActionPolicy): RouteActionJson {
  const { timeouts, backendHeaders } = policy;
  const retryPolicy = translateRetry(policy.retry, timeouts);
  return {
    ...translateTarget(rule.target, backendHeaders),
    ...(rule.rewrite === undefined ? {} : translateRewrite(rule.rewrite, match)),
    ...(rule.priority === "high" ? { priority: "HIGH" } : {}),
    timeout: duration(timeouts?.requestMs ?? defaultRequestTimeoutMs),
    ...(timeouts?.idleMs === undefined ? {} : { idleTimeout: duration(timeouts.idleMs) }),
    ...(retryPolicy === undefined ? {} : { retryPolicy }),
    ...(policy.retry?.hedges === true ? { hedgePolicy: { hedgeOnPerTryTimeout: true } } : {}),
    ...(rule.mirrors.length === 0 ? {} : { requestMirrorPolicies: rule.mirrors.map(translateMirror) }),
  };
}

function translateRewrite({ hostname, path }: Rewrite, match: RuleMatch): RouteActionJson {
  return {
    ...(hostname === undefined ? {} : { hostRewriteLiteral: hostname }),
    ...(path === undefined ? {} : path.kind === "full" ? replacePath(path.path) : replacePrefix(match.path, path.path)),
  };
}
