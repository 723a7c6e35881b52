/**
 * A RouteAction: where a matched request goes and as what, how long it may take and when it is tried again.
 */
import type { RouteActionJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { HeaderFilters, Rewrite } from "../model/intent-filter.ts";
import type { Rule, RuleMatch } from "../model/intent-route.ts";
import { duration } from "./duration.ts";
import { translateMirror } from "./mirror-policy.ts";
import { replacePath, replacePrefix } from "./path-change.ts";
import { translateRetry } from "./retry-policy.ts";
import { translateTarget } from "./weighted-clusters.ts";

/** Envoy's default for the time from the end of the request to the end of the response. */
export const defaultRequestTimeoutMs = 15_000;

/** The action of a rule for one of its matches; `backendHeaders` are those of its backends, one for each. */
export function translateRouteAction(
  rule: Rule,
  match: RuleMatch,
  backendHeaders: readonly HeaderFilters[],
): RouteActionJson {
  const { timeouts, retry, mirrors } = rule;
  return {
    ...translateTarget(rule.target, backendHeaders),
    ...(rule.rewrite === undefined ? {} : translateRewrite(rule.rewrite, match)),
    timeout: duration(timeouts?.requestMs ?? defaultRequestTimeoutMs),
    ...(timeouts?.idleMs === undefined ? {} : { idleTimeout: duration(timeouts.idleMs) }),
    ...(retry === undefined ? {} : { retryPolicy: translateRetry(retry) }),
    ...(mirrors.length === 0 ? {} : { requestMirrorPolicies: mirrors.map(translateMirror) }),
  };
}

function translateRewrite({ hostname, path }: Rewrite, match: RuleMatch): RouteActionJson {
  return {
    ...(hostname === undefined ? {} : { hostRewriteLiteral: hostname }),
    ...(path === undefined ? {} : path.kind === "full" ? replacePath(path.path) : replacePrefix(match.path, path.path)),
  };
}
