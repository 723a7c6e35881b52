/**
 * A RouteAction: where a matched request goes and as what, how long it may take and when it is tried again.
 */
import type { RouteActionJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import type { HeaderFilters, Rewrite } from "../model/intent-filter.ts";
import type { Retry, Timeouts, Upgrades } from "../model/intent-policy.ts";
import type { Rule, RuleMatch } from "../model/intent-route.ts";
import { duration } from "./duration.ts";
import { mirrorsOf, translateMirror } from "./mirror-policy.ts";
import { replacePath, replacePrefix } from "./path-change.ts";
import { translateRetry } from "./retry-policy.ts";
import { translateTarget } from "./weighted-clusters.ts";

/** Envoy's default for the time from the end of the request to the end of the response. */
export const defaultRequestTimeoutMs = 15_000;

/** What of a rule's action is not written at the rule alone. */
export interface ActionPolicy {
  readonly timeouts: Timeouts | undefined;
  readonly retry: Retry | undefined;
  /** What the gateway lets any request last; 0 is for ever. */
  readonly longestMs?: number;
  readonly upgrades: Upgrades | undefined;
  /** One for each backend. */
  readonly backendHeaders: readonly HeaderFilters[];
  /** Envoys read the weights of splits from their runtime layer. */
  readonly weightsByRuntime?: boolean;
}

/** The action of a rule for one of its matches. */
export function translateRouteAction(rule: Rule, match: RuleMatch, policy: ActionPolicy): RouteActionJson {
  const { timeouts, backendHeaders } = policy;
  const retryPolicy = translateRetry(policy.retry, timeouts);
  const mirrors = mirrorsOf(rule);
  return {
    ...translateTarget(rule.target, { headers: backendHeaders, byRuntime: policy.weightsByRuntime === true }),
    ...(rule.rewrite === undefined ? {} : translateRewrite(rule.rewrite, match)),
    ...(rule.priority === "high" ? { priority: "HIGH" } : {}),
    ...translateTimeout(timeouts, policy.longestMs),
    ...(timeouts?.idleMs === undefined ? {} : { idleTimeout: duration(timeouts.idleMs) }),
    ...(retryPolicy === undefined ? {} : { retryPolicy }),
    ...(policy.retry?.hedges === true ? { hedgePolicy: { hedgeOnPerTryTimeout: true } } : {}),
    ...translateUpgrades(rule, policy.upgrades),
    ...(mirrors.length === 0 ? {} : { requestMirrorPolicies: mirrors.map(translateMirror) }),
  };
}

/**
 * The limit of the whole request. Where `grpc-timeout` counts it is a limit of the stream instead, because Envoy then
 * reads no other, and takes that of the listener for what this one does not say.
 */
function translateTimeout(timeouts: Timeouts | undefined, longestMs = 0): RouteActionJson {
  const { requestMs = defaultRequestTimeoutMs, grpcTimeoutHeaderMaxMs } = timeouts ?? {};
  if (grpcTimeoutHeaderMaxMs === undefined) return { timeout: duration(requestMs) };
  const wholeMs = shorter(requestMs, longestMs);
  return {
    maxStreamDuration: {
      maxStreamDuration: duration(wholeMs),
      grpcTimeoutHeaderMax: duration(shorter(grpcTimeoutHeaderMaxMs, longestMs)),
    },
  };
}

/** Of two limits of which 0 is none. */
function shorter(a: number, b: number): number {
  return a === 0 || b === 0 ? a + b : Math.min(a, b);
}

/** At the route and not at the listener, so that no connection ends when somebody allows one. */
function translateUpgrades({ connect }: Rule, upgrades: Upgrades | undefined): Pick<RouteActionJson, "upgradeConfigs"> {
  if (connect !== undefined) {
    return { upgradeConfigs: [{ upgradeType: "CONNECT", ...(connect === "terminate" ? { connectConfig: {} } : {}) }] };
  }
  const types = upgrades?.types ?? [];
  return types.length === 0 ? {} : { upgradeConfigs: types.map((upgradeType) => ({ upgradeType })) };
}

function translateRewrite({ hostname, path }: Rewrite, match: RuleMatch): RouteActionJson {
  return {
    ...(hostname === undefined ? {} : { hostRewriteLiteral: hostname }),
    ...(path === undefined ? {} : path.kind === "full" ? replacePath(path.path) : replacePrefix(match.path, path.path)),
  };
}
