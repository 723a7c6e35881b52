/**
 * Which statistics an Envoy keeps: of each cluster only those that dashboards and checks of a canary read.
 *
 * A cluster of Envoy 1.40 has about 130 before its first request, and most of them nobody has ever looked at; with a
 * thousand clusters they are most of what Envoy has in memory and of what a scrape carries. What is left out is named, and
 * not what is kept, so that a statistic of a newer Envoy or of a filter is there. `--stats all` keeps everything.
 *
 * docs/telemetry.md says which statistic tells what.
 */
import type { JsonObject } from "./bootstrap-node.ts";

export const statsChoices = ["small", "all"] as const;

export type StatsChoice = (typeof statsChoices)[number];

/** Of a cluster, behind its name; the rest is kept. Each is RE2 and must match to the end. */
const leftOut = [
  // Endpoints that the control plane sends, of kinds that it does not.
  "assignment_[a-z_]+",
  "bind_errors",
  "default\\.total_match_count",
  // Of requests with `x-envoy-internal` and without; the sum is there.
  "(?:internal|external)\\..+",
  // Of the codecs: frames and headers.
  "http[123]\\..+",
  "lb_(?:local_cluster_not_ok|recalculate_zone_structures|subsets_.+)",
  "max_host_weight",
  "original_dst_host_invalid",
  // What would have been ejected, and names of before 2017.
  "outlier_detection\\.ejections_(?:consecutive_5xx|detected_.+|success_rate|total)",
  "retry_or_shadow_abandoned",
  "update_(?:empty|no_rebuild)",
  "upstream_cx_(?:close_notify|connect_attempts_exceeded|connect_with_0_rtt|http[123]_total|length_ms|preconnect_skipped)",
  "upstream_cx_(?:destroy|destroy_with_active_rq|destroy_local|destroy_local_with_active_rq|destroy_remote)",
  "upstream_cx_(?:idle_timeout|max_duration_reached|max_requests|[rt]x_bytes_buffered)",
  "upstream_flow_control_.+",
  "upstream_http3_broken",
  "upstream_internal_redirect_.+",
  "upstream_queue_overloaded",
  "upstream_rq_(?:0rtt|maintenance_mode|max_duration_reached|pending_failure_eject|per_cx|per_try_idle_timeout)",
  "upstream_rq_(?:retry_backoff_.+|rx_reset_no_error)",
];

/**
 * In milliseconds, for the times of listeners and connections: Envoy's own 19 steps end at an hour, and cost a scrape a line
 * each.
 */
const bucketsMs = [1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000];

/** `stats_config` of a bootstrap; `first` are steps of histograms that go before those of here. */
export function statsConfig(choice: StatsChoice, first: readonly JsonObject[]): { readonly stats_config?: JsonObject } {
  if (choice === "all") return first.length === 0 ? {} : { stats_config: { histogram_bucket_settings: first } };
  return {
    stats_config: {
      stats_matcher: {
        exclusion_list: { patterns: [{ safe_regex: { regex: `cluster\\..+\\.(?:${leftOut.join("|")})` } }] },
      },
      histogram_bucket_settings: [
        ...first,
        ...["cluster.", "http."].map((prefix) => ({ match: { prefix }, buckets: bucketsMs })),
      ],
    },
  };
}
