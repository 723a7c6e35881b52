/**
 * Circuit breakers: how much a cluster may take before Envoy answers 503 itself.
 *
 * One threshold is shared by all requests of DEFAULT priority, another by those of rules with `priority: high`; of
 * what counts for each endpoint by itself Envoy knows the connections only.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking
 */
import type { CircuitBreakers_ThresholdsJson } from "../gen/envoy/config/cluster/v3/circuit_breaker_pb.d.ts";
import type { ClusterJson } from "../gen/envoy/config/cluster/v3/cluster_pb.d.ts";
import type { CircuitBreaker, Thresholds } from "../model/intent-service.ts";

/** Envoy's own defaults, written out so that a reader of the resource sees the limits in force. */
const envoyDefaults = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: { percent: 20, minConcurrency: 3 },
};

/** The field of the cluster, with the thresholds of the block that somebody wrote. */
export function translateCircuitBreaker(breaker: CircuitBreaker | undefined): Pick<ClusterJson, "circuitBreakers"> {
  if (breaker === undefined) return {};
  const { at: _, high, perEndpoint, ...limits } = breaker;
  const thresholds = [
    ...(isOnlyLive(limits) ? [] : [{ priority: "DEFAULT" as const, ...translateThresholds(limits) }]),
    ...(high === undefined || isOnlyLive(high) ? [] : [{ priority: "HIGH" as const, ...translateThresholds(high) }]),
  ];
  const perHost = perEndpoint?.maxConnections === undefined ? [] : [{ maxConnections: perEndpoint.maxConnections }];
  if (thresholds.length + perHost.length === 0) return {};
  return { circuitBreakers: { thresholds, ...(perHost.length === 0 ? {} : { perHostThresholds: perHost }) } };
}

/** The cluster says nothing then, so that the first live limit does not change it either. */
function isOnlyLive({ live, ...rest }: Thresholds): boolean {
  return live !== undefined && Object.keys(rest).length === 0;
}

function translateThresholds(limits: Thresholds): CircuitBreakers_ThresholdsJson {
  return {
    maxConnections: limits.maxConnections ?? envoyDefaults.maxConnections,
    maxPendingRequests: limits.maxPendingRequests ?? envoyDefaults.maxPendingRequests,
    maxRequests: limits.maxRequests ?? envoyDefaults.maxRequests,
    ...retryLimit(limits),
    trackRemaining: limits.trackRemaining ?? false,
    // Envoy's default is no limit, which has no value that could be written.
    ...(limits.maxConnectionPools === undefined ? {} : { maxConnectionPools: limits.maxConnectionPools }),
  };
}

/** Envoy ignores `maxRetries` beside a budget. */
function retryLimit({ retryBudget, maxRetries }: Thresholds): CircuitBreakers_ThresholdsJson {
  if (retryBudget === undefined) return { maxRetries: maxRetries ?? envoyDefaults.maxRetries };
  const { percent, minConcurrency } = { ...envoyDefaults.retryBudget, ...retryBudget };
  return { retryBudget: { budgetPercent: { value: percent }, minRetryConcurrency: minConcurrency } };
}
