/**
 * Circuit breakers: how much a cluster may take before Envoy answers 503 itself.
 *
 * One threshold is shared by all requests of DEFAULT priority, which are all that Fairway's routes send.
 * https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/circuit_breaking
 */
import type {
  CircuitBreakers_ThresholdsJson,
  CircuitBreakersJson,
} from "../gen/envoy/config/cluster/v3/circuit_breaker_pb.d.ts";
import type { CircuitBreaker } from "../model/intent-service.ts";

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
  return {
    thresholds: [
      {
        priority: "DEFAULT",
        maxConnections: breaker.maxConnections ?? envoyDefaults.maxConnections,
        maxPendingRequests: breaker.maxPendingRequests ?? envoyDefaults.maxPendingRequests,
        maxRequests: breaker.maxRequests ?? envoyDefaults.maxRequests,
        ...retryLimit(breaker),
        trackRemaining: breaker.trackRemaining ?? false,
        // Envoy's default is no limit, which has no value that could be written.
        ...(breaker.maxConnectionPools === undefined ? {} : { maxConnectionPools: breaker.maxConnectionPools }),
      },
    ],
  };
}

/** Envoy ignores `maxRetries` beside a budget. */
function retryLimit({ retryBudget, maxRetries }: CircuitBreaker): CircuitBreakers_ThresholdsJson {
  if (retryBudget === undefined) return { maxRetries: maxRetries ?? envoyDefaults.maxRetries };
  const { percent, minConcurrency } = { ...envoyDefaults.retryBudget, ...retryBudget };
  return { retryBudget: { budgetPercent: { value: percent }, minRetryConcurrency: minConcurrency } };
}
