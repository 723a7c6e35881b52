/**
 * Circuit breakers: how much a cluster may take before Envoy answers 503 itself.
 *
 * One threshold is shared by all requests of DEFAULT priority, another by those of rules with `priority: high`; of
 * what counts for each endpoint by itself Envoy knows the connections only.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking
 */
import type {
  CircuitBreakers_ThresholdsJson,
  CircuitBreakersJson,
} from "../gen/envoy/config/cluster/v3/circuit_breaker_pb.d.ts";
import type { CircuitBreaker, Thresholds } from "../model/intent-service.ts";

/** Envoy's own defaults, written out so that a reader of the resource sees the limits in force. */
const envoyDefaults = {
  maxConnections: 1024,
  maxPendingRequests: 1024,
  maxRequests: 1024,
  maxRetries: 3,
  retryBudget: { percent: 20, minConcurrency: 3 },
};

/** The thresholds of the block that somebody wrote. */
export function translateCircuitBreaker(breaker: CircuitBreaker): CircuitBreakersJson {
  const { high, perEndpoint } = breaker;
  return {
    thresholds: [
      { priority: "DEFAULT", ...translateThresholds(breaker) },
      ...(high === undefined ? [] : [{ priority: "HIGH" as const, ...translateThresholds(high) }]),
    ],
    ...(perEndpoint?.maxConnections === undefined
      ? {}
      : { perHostThresholds: [{ maxConnections: perEndpoint.maxConnections }] }),
  };
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
