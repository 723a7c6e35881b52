/**
 * How a service's endpoints are treated: load balancing, circuit breaker, outlier detection, health check.
 *
 * These are the blocks that people paste from Envoy's own configuration, so their keys are Envoy's field
 * names and the proto spelling is accepted. A subset may hold the same blocks.
 */
import * as z from "zod";
import { connectionSchema } from "./schema-connection.ts";
import { healthCheckSchema } from "./schema-health-check.ts";
import { loadBalancerSchema } from "./schema-load-balancer.ts";
import { outlierDetectionSchema } from "./schema-outlier-detection.ts";
import { count, policyBlock, scalar } from "./schema-scalars.ts";
import { serviceTlsSchema } from "./schema-tls.ts";

/** Envoy counts each priority of requests by itself. */
const thresholds = {
  maxConnections: count.optional().describe("Connections to all hosts together; 1024 when absent."),
  maxPendingRequests: count.optional().describe("Requests that wait for a connection; 1024 when absent."),
  maxRequests: count.optional().describe("Requests under way to all hosts together; 1024 when absent."),
  maxRetries: count.optional().describe("Retries under way to all hosts together; 3 when absent."),
  retryBudget: policyBlock({
    percent: z.number().min(0).max(100).optional().meta({ description: "20 when absent." }),
    minConcurrency: count.optional().meta({ description: "So many retries are always allowed; 3 when absent." }),
  })
    .optional()
    .meta({
      description: "Concurrent retries as a share of the requests under way; instead of maxRetries.",
      examples: [{ percent: 20, minConcurrency: 3 }],
    }),
  maxConnectionPools: count.optional().describe("Connection pools of a worker at a time; no limit when absent."),
  trackRemaining: z.boolean().optional().meta({ description: "Publish how much is left as gauges." }),
};

/** Those that Envoy asks its runtime for at each request. */
const liveThresholds = policyBlock({
  maxConnections: count.optional().describe("Instead of the block's own, at once."),
  maxPendingRequests: count.optional().describe("Instead of the block's own, at once."),
  maxRequests: count.optional().describe("Instead of the block's own, at once."),
  maxRetries: count.optional().describe("Instead of the block's own, at once."),
  maxConnectionPools: count.optional().describe("Instead of the block's own, at once."),
}).meta({
  description:
    "Limits over those beside it, which change without a new cluster; for groups of nodes that have a `runtime`.",
  examples: [{ maxRequests: 200 }],
});

const limits = { ...thresholds, live: liveThresholds.optional() };

const circuitBreakerSchema = policyBlock({
  ...limits,
  high: policyBlock(limits)
    .optional()
    .meta({
      description: "The limits for requests of rules with `priority: high`, which count apart; Envoy's when absent.",
      examples: [{ maxRequests: 100 }],
    }),
  perEndpoint: policyBlock({
    maxConnections: count
      .optional()
      .describe("Connections to one endpoint; each still gets one. No limit when absent."),
  })
    .optional()
    .meta({ description: "The limit for each endpoint by itself.", examples: [{ maxConnections: 20 }] }),
}).meta({ description: "Envoy's circuit breaker thresholds.", examples: [{ maxConnections: 200, maxRequests: 500 }] });

/** What a service and a subset may say. */
export const policyShape = {
  connectTimeout: scalar("positiveDuration")
    .optional()
    .meta({ description: "How long a connection may take to be made; 5s when absent." }),
  loadBalancer: loadBalancerSchema.optional(),
  circuitBreaker: circuitBreakerSchema.optional(),
  outlierDetection: outlierDetectionSchema.optional(),
  healthCheck: healthCheckSchema.optional(),
  connection: connectionSchema.optional(),
  tls: serviceTlsSchema.optional(),
};
