/**
 * Outlier detection: every field of envoy.config.cluster.v3.OutlierDetection except `monitors`, which names
 * extensions. The defaults in the descriptions are Envoy's.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/cluster/v3/outlier_detection.proto
 */
import * as z from "zod";
import { count, policyBlock, scalar } from "./schema-scalars.ts";

const percent = z.int().min(0).max(100);
const duration = scalar("positiveDuration");
/** 0 switches a detection off or means none, as in Envoy. */
const durationOrZero = scalar("duration");

/** How likely an ejection is carried out once it was detected. */
const enforcing = (what: string, percentage: number) =>
  percent.optional().describe(`In how many percent of cases ${what} ejects; ${percentage} when absent, 0 only counts.`);

export const outlierDetectionSchema = policyBlock({
  consecutive5xx: count.optional().describe("Answers of 5xx in a row that eject a host; 5 when absent."),
  interval: duration.optional().describe("How often hosts are looked at and ejected ones come back; 10s when absent."),
  baseEjectionTime: duration
    .optional()
    .describe("How long a host is ejected, times how often it was; 30s when absent."),
  maxEjectionPercent: percent
    .optional()
    .describe("The share of hosts that may be ejected at a time; 10 when absent, and always at least one host."),
  enforcingConsecutive5xx: enforcing("a row of 5xx", 100),
  enforcingSuccessRate: enforcing("a low success rate", 100),
  successRateMinimumHosts: count
    .optional()
    .describe("Hosts with enough requests that are needed to compare success rates; 5 when absent."),
  successRateRequestVolume: count
    .optional()
    .describe("Requests in an interval that a host needs for its success rate to count; 100 when absent."),
  successRateStdevFactor: count
    .optional()
    .describe("Standard deviations below the mean that eject, in thousandths; 1900 when absent."),
  consecutiveGatewayFailure: count
    .optional()
    .describe("Answers of 502, 503 and 504 in a row that eject a host; 5 when absent, and not enforced."),
  enforcingConsecutiveGatewayFailure: enforcing("a row of gateway failures", 0),
  splitExternalLocalOriginErrors: z
    .boolean()
    .optional()
    .describe("Whether failed connections and timeouts are counted apart from answers of the host; false when absent."),
  consecutiveLocalOriginFailure: count
    .optional()
    .describe("Failed connections and timeouts in a row that eject a host, when counted apart; 5 when absent."),
  enforcingConsecutiveLocalOriginFailure: enforcing("a row of failed connections and timeouts", 100),
  enforcingLocalOriginSuccessRate: enforcing("a low success rate of connections", 100),
  failurePercentageThreshold: percent.optional().describe("The share of failures that ejects a host; 85 when absent."),
  enforcingFailurePercentage: enforcing("a share of failures", 0),
  enforcingFailurePercentageLocalOrigin: enforcing("a share of failed connections and timeouts", 0),
  failurePercentageMinimumHosts: count
    .optional()
    .describe("Hosts with enough requests that are needed to look at shares of failures; 5 when absent."),
  failurePercentageRequestVolume: count
    .optional()
    .describe("Requests in an interval that a host needs for its share of failures to count; 50 when absent."),
  maxEjectionTime: duration.optional().describe("The longest ejection; 300s when absent."),
  maxEjectionTimeJitter: durationOrZero
    .optional()
    .describe("Up to so much is added to an ejection, so that hosts do not come back together; 0s when absent."),
  successfulActiveHealthCheckUnejectHost: z
    .boolean()
    .optional()
    .describe("Whether a passed health check ends an ejection; true when absent."),
  alwaysEjectOneHost: z
    .boolean()
    .optional()
    .describe("Whether one host may be ejected whatever maxEjectionPercent says; false when absent."),
  detectDegradedHosts: z
    .boolean()
    .optional()
    .describe("Whether hosts that call themselves degraded are treated as that; false when absent."),
}).meta({
  description: "Which hosts are ejected for a while; every field of Envoy's OutlierDetection.",
  examples: [{ consecutive5xx: 5, interval: "10s", baseEjectionTime: "30s", maxEjectionPercent: 50 }],
});
