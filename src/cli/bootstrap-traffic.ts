/**
 * The statistics that an Envoy sends to the control plane by itself: how requests to each cluster went, for the verdict
 * on a canary.
 *
 * They go by OpenTelemetry to the port of xDS, cumulative, so that a report that is lost costs nothing. Of all that Envoy
 * keeps only five statistics of each subset are sent, or of all clusters; what there is besides is added up into a few numbers that nobody
 * reads. That is how Envoy 1.36 can leave something out, and newer ones understand it too.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/stat_sinks/open_telemetry/v3/open_telemetry.proto
 */
import { latencyEdgesMs } from "../evidence/latency-ladder.ts";
import { nodeClusterAttribute, nodeIdAttribute } from "../evidence/traffic-reports.ts";
import { trafficStatistics } from "../evidence/traffic-statistics.ts";
import type { JsonObject } from "./bootstrap-node.ts";
import type { BootstrapOptions } from "./bootstrap-options.ts";

const types = "type.googleapis.com/envoy.extensions";
const SINK = `${types}.stat_sinks.open_telemetry.v3.SinkConfig`;
const NAME_INPUT = `${types}.matching.common_inputs.stats.v3.StatFullNameMatchInput`;
const STATIC_DETECTOR = `${types}.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig`;

/** Longer than any report needs, so that one to a control plane that hangs does not pile up. */
const REPORT_TIMEOUT = "5s";

/** Of subsets, such as `reviews|canary`; a fleet of many clusters would send and read mostly what nobody asks about. */
const sentOfSubsets = `cluster\\.[^|]+\\|.+\\.(?:${trafficStatistics.join("|")})`;
const sentOfAll = `cluster\\..+\\.(?:${trafficStatistics.join("|")})`;
/** Of the bootstrap's own clusters, and parts of a cluster's sum: by who asks, by tries and by zones. */
const unsent = "cluster\\.(?:fairway_(?:xds|local)|.+\\.(?:internal|external|retry|canary|zone\\..+))\\.[a-z0-9_]+";

/** Where the rest is added up. Envoy adds histograms only when they have the same steps, so there are three places. */
const restPlaces = [
  { metric: "fairway.rest.upstream_rq_time", regex: "cluster\\..+\\.upstream_rq_time" },
  { metric: "fairway.rest", regex: "(?:cluster|http)\\..+" },
] as const;
const otherRest = "fairway.rest.other";

/** The times of requests to clusters have the steps of evidence, also for Prometheus. */
export const trafficBuckets: JsonObject = {
  match: { safe_regex: { regex: "cluster\\..+\\.upstream_rq_time" } },
  buckets: latencyEdgesMs,
};

/** `stats_sinks` and how often it is filled; empty when the Envoy is to send nothing. */
export function trafficSink(
  { nodeId, cluster, trafficReports, allTrafficReports, statsFlushInterval }: BootstrapOptions,
  to: string,
): { readonly stats_flush_interval?: string; readonly stats_sinks?: readonly JsonObject[] } {
  const flush = statsFlushInterval === undefined ? {} : { stats_flush_interval: statsFlushInterval };
  if (trafficReports === false) return flush;
  return {
    ...flush,
    stats_sinks: [
      {
        name: "envoy.stat_sinks.open_telemetry",
        typed_config: {
          "@type": SINK,
          grpc_service: { envoy_grpc: { cluster_name: to }, timeout: REPORT_TIMEOUT },
          // A name without tags is the whole one, with all dots of the cluster's.
          emit_tags_as_attributes: false,
          use_tag_extracted_name: false,
          resource_detectors: [
            {
              name: "envoy.tracers.opentelemetry.resource_detectors.static_config",
              typed_config: {
                "@type": STATIC_DETECTOR,
                attributes: { [nodeIdAttribute]: nodeId, [nodeClusterAttribute]: cluster },
              },
            },
          ],
          custom_metric_conversions: oneOf([
            { predicate: isRest(allTrafficReports === true), on_match: { matcher: restMatcher() } },
          ]),
        },
      },
    ],
  };
}

/** The names of statistics are compared one by one at each flush, so the first question settles it for those that are sent. */
function isRest(hasAll: boolean): JsonObject {
  const sent = named(hasAll ? sentOfAll : sentOfSubsets);
  return { or_matcher: { predicate: [{ not_matcher: sent }, named(unsent)] } };
}

function restMatcher(): JsonObject {
  const places = restPlaces.map(({ metric, regex }) => ({ predicate: named(regex), on_match: addedUpIn(metric) }));
  return { ...oneOf(places), on_no_match: addedUpIn(otherRest) };
}

function oneOf(matchers: readonly JsonObject[]): JsonObject {
  return { matcher_list: { matchers } };
}

function addedUpIn(metric: string): JsonObject {
  return { action: { name: metric, typed_config: { "@type": `${SINK}.ConversionAction`, metric_name: metric } } };
}

function named(regex: string): JsonObject {
  const input = { name: "name", typed_config: { "@type": NAME_INPUT } };
  return { single_predicate: { input, value_match: { safe_regex: { google_re2: {}, regex } } } };
}
