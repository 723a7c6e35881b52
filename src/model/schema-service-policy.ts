/**
 * How a service's endpoints are treated: load balancing, circuit breaker, outlier detection, health check.
 *
 * These are the blocks that people paste from Envoy's own configuration, so their keys are Envoy's field
 * names and the proto spelling is accepted. A subset may hold the same blocks.
 */
import * as z from "zod";
import { loadBalancerSchema } from "./schema-load-balancer.ts";
import { count, policyBlock, refuse, scalar } from "./schema-scalars.ts";

const percent = z.int().min(0).max(100);
const positiveCount = z.int().min(1).max(4_294_967_295);

const circuitBreakerSchema = policyBlock({
  maxConnections: count.optional(),
  maxPendingRequests: count.optional(),
  maxRequests: count.optional(),
  maxRetries: count.optional(),
  retryBudget: policyBlock({
    percent: z.number().min(0).max(100).optional().meta({ description: "20 when absent." }),
    minConcurrency: count.optional().meta({ description: "So many retries are always allowed; 3 when absent." }),
  })
    .optional()
    .meta({
      description: "Concurrent retries as a share of the requests under way; instead of maxRetries.",
      examples: [{ percent: 20, minConcurrency: 3 }],
    }),
  maxConnectionPools: count.optional(),
  trackRemaining: z.boolean().optional().meta({ description: "Publish how much is left as gauges." }),
}).meta({ description: "Envoy's circuit breaker thresholds.", examples: [{ maxConnections: 200, maxRequests: 500 }] });

const duration = scalar("positiveDuration");
/** 0 switches a detection off or means none, as in Envoy. */
const durationOrZero = scalar("duration");

/** Every field of envoy.config.cluster.v3.OutlierDetection except `monitors`, which names extensions. */
export const outlierDetectionSchema = policyBlock({
  consecutive5xx: count.optional(),
  interval: duration.optional(),
  baseEjectionTime: duration.optional(),
  maxEjectionPercent: percent.optional(),
  enforcingConsecutive5xx: percent.optional(),
  enforcingSuccessRate: percent.optional(),
  successRateMinimumHosts: count.optional(),
  successRateRequestVolume: count.optional(),
  successRateStdevFactor: count.optional(),
  consecutiveGatewayFailure: count.optional(),
  enforcingConsecutiveGatewayFailure: percent.optional(),
  splitExternalLocalOriginErrors: z.boolean().optional(),
  consecutiveLocalOriginFailure: count.optional(),
  enforcingConsecutiveLocalOriginFailure: percent.optional(),
  enforcingLocalOriginSuccessRate: percent.optional(),
  failurePercentageThreshold: percent.optional(),
  enforcingFailurePercentage: percent.optional(),
  enforcingFailurePercentageLocalOrigin: percent.optional(),
  failurePercentageMinimumHosts: count.optional(),
  failurePercentageRequestVolume: count.optional(),
  maxEjectionTime: duration.optional(),
  maxEjectionTimeJitter: durationOrZero.optional(),
  successfulActiveHealthCheckUnejectHost: z.boolean().optional(),
  alwaysEjectOneHost: z.boolean().optional(),
  detectDegradedHosts: z.boolean().optional(),
}).meta({
  description: "Which hosts are ejected for a while; every field of Envoy's OutlierDetection.",
  examples: [{ consecutive5xx: 5, interval: "10s", baseEjectionTime: "30s", maxEjectionPercent: 50 }],
});

const healthCheckSchema = policyBlock({
  http: policyBlock({
    path: scalar("urlPath"),
    host: scalar("text").optional(),
    expectedStatuses: z.array(z.int().min(100).max(599)).min(1).optional(),
  }).optional(),
  tcp: policyBlock({}).optional(),
  grpc: policyBlock({ serviceName: scalar("text").optional() }).optional(),
  interval: duration.optional(),
  timeout: duration.optional(),
  healthyThreshold: positiveCount.optional(),
  unhealthyThreshold: positiveCount.optional(),
})
  .superRefine((check, context) => {
    const kinds = (["http", "tcp", "grpc"] as const).filter((kind) => check[kind] !== undefined);
    if (kinds.length < 2) return;
    const message = `a health check is one of http, tcp and grpc, not ${kinds.join(" and ")}`;
    refuse(context, { code: "invalid-value", message, hint: "keep one of them", path: [kinds[1] ?? "tcp"] });
  })
  .meta({
    description: "Active health checking: one of http, tcp and grpc.",
    examples: [{ http: { path: "/healthz" }, interval: "5s", unhealthyThreshold: 2 }],
  });

/** What a service and a subset may say. */
export const policyShape = {
  connectTimeout: duration.optional().meta({ description: "How long a connection may take to be made." }),
  loadBalancer: loadBalancerSchema.optional(),
  circuitBreaker: circuitBreakerSchema.optional(),
  outlierDetection: outlierDetectionSchema.optional(),
  healthCheck: healthCheckSchema.optional(),
};
