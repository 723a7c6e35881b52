/**
 * What an Envoy tells the control plane of requests, so that canaries are judged without a metrics server.
 *
 * Envoy's OpenTelemetry statistics sink pushes counters and times over the connection to the control plane, all of them
 * cumulative, so that what is lost in an outage is in the next push. Only subsets are told of, which is what splits share
 * requests between: about 1.4 kB for each of them and push. `--canary-statistics all` is for splits between whole services.
 */
import { latencyEdgesMs } from "../evidence/latency-ladder.ts";
import { nodeClusterAttribute, nodeIdAttribute } from "../evidence/traffic-reports.ts";
import type { JsonObject } from "./bootstrap-node.ts";

export const evidenceChoices = ["subsets", "all", "none"] as const;

export type EvidenceChoice = (typeof evidenceChoices)[number];

const SINK = "type.googleapis.com/envoy.extensions.stat_sinks.open_telemetry.v3.SinkConfig";
const STATIC_DETECTOR =
  "type.googleapis.com/envoy.extensions.tracers.opentelemetry.resource_detectors.v3.StaticConfigResourceDetectorConfig";
const FULL_NAME = "type.googleapis.com/envoy.extensions.matching.common_inputs.stats.v3.StatFullNameMatchInput";

/** What a verdict reads: requests, those that failed, how long they took, and whether there are healthy hosts. */
const statistics = "(?:upstream_rq_completed|upstream_rq_5xx|upstream_rq_time|membership_healthy|membership_total)";

const clusterPattern: Readonly<Record<Exclude<EvidenceChoice, "none">, string>> = {
  // `service|subset`, and `service|subset|fallback`.
  subsets: "cluster\\.[^|]+\\|.+\\.",
  all: "cluster\\..+\\.",
};

/** `stats_sinks` of a bootstrap; empty when nothing is told. */
export function statsSinks(
  choice: EvidenceChoice,
  node: { readonly id: string; readonly cluster: string; readonly controlPlane: string },
): { readonly stats_sinks?: readonly JsonObject[] } {
  if (choice === "none") return {};
  const attributes = { [nodeIdAttribute]: node.id, [nodeClusterAttribute]: node.cluster };
  return {
    stats_sinks: [
      {
        name: "envoy.stat_sinks.open_telemetry",
        typed_config: {
          "@type": SINK,
          grpc_service: { envoy_grpc: { cluster_name: node.controlPlane } },
          resource_detectors: [
            {
              name: "envoy.tracers.opentelemetry.resource_detectors.static_config",
              typed_config: { "@type": STATIC_DETECTOR, attributes },
            },
          ],
          emit_tags_as_attributes: false,
          use_tag_extracted_name: false,
          custom_metric_conversions: dropAllBut(`${clusterPattern[choice]}${statistics}`),
        },
      },
    ],
  };
}

/** Times of what is told of are counted in the steps that every Envoy has, so that they can be added. */
export function latencyBuckets(choice: EvidenceChoice): readonly JsonObject[] {
  if (choice === "none") return [];
  const regex = `${clusterPattern[choice]}upstream_rq_time`;
  return [{ match: { safe_regex: { regex } }, buckets: latencyEdgesMs }];
}

/** A matcher of the xds package: what does not match is dropped, the rest is as it is. */
function dropAllBut(regex: string): JsonObject {
  const wanted = {
    single_predicate: {
      input: { name: "name", typed_config: { "@type": FULL_NAME } },
      value_match: { safe_regex: { google_re2: {}, regex } },
    },
  };
  const drop = { name: "drop", typed_config: { "@type": `${SINK}.DropAction` } };
  return { matcher_list: { matchers: [{ predicate: { not_matcher: wanted }, on_match: { action: drop } }] } };
}
