/**
 * How Envoys are asked to report their load, and the message that asks them.
 */
import { LoadStatsResponse } from "../gen/envoy/service/load_stats/v3/lrs.ts";

/** The same for all nodes. */
export interface LoadSettings {
  readonly intervalMs: number;
  /** Names, or all that a node has. */
  readonly clusters: "all" | readonly string[];
  /** Also for each host; a report is several times as large then. */
  readonly endpoints: boolean;
}

/** Shorter ones cost more than they tell; Envoy itself takes any. */
export const INTERVAL_MS_MIN = 1_000;
/** Longer ones are no news any more. */
export const INTERVAL_MS_MAX = 3_600_000;

/** The serialised LoadStatsResponse. */
export function encodeLoadSettings({ intervalMs, clusters, endpoints }: LoadSettings): Uint8Array {
  const seconds = Math.floor(intervalMs / 1_000);
  const nanos = Math.round((intervalMs - seconds * 1_000) * 1_000_000);
  return LoadStatsResponse.encode({
    sendAllClusters: clusters === "all",
    clusters: clusters === "all" ? [] : [...clusters],
    loadReportingInterval: { seconds: BigInt(seconds), nanos },
    reportEndpointGranularity: endpoints,
  }).finish();
}
