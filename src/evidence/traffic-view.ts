/**
 * What Envoys last reported of their requests, as whoever judges a canary reads it.
 *
 * Counts are cumulative, so a reader keeps what it saw before and takes the difference (`traffic-counters.ts`). A node
 * that is connected and not here is silent: its bootstrap does not have it report, or its reports do not arrive.
 */
import type { TrafficCounters } from "./traffic-counters.ts";

/** What one Envoy last said of one cluster. */
export interface ClusterTraffic extends TrafficCounters {
  readonly healthyHosts: number | undefined;
  readonly totalHosts: number | undefined;
}

/** What one Envoy last reported. */
export interface NodeTraffic {
  readonly nodeId: string;
  /** Milliseconds since 1970 on this replica's clock, as it is now, when counters stood so. */
  readonly reportedAtMs: number;
  /** The same on the Envoy's clock, by which reports of one node are put in order; absent where it does not say so. */
  readonly countedAtMs?: number | undefined;
  /** When the Envoy started, on its clock. */
  readonly startedAtMs?: number | undefined;
  /**
   * Since when it counts, where that is not the start of the Envoy; another value than before means that it began anew,
   * whatever it shows.
   */
  readonly countedSinceMs?: number | undefined;
  /** By Envoy's name of the cluster, such as `reviews|canary`. */
  readonly clusters: ReadonlyMap<string, ClusterTraffic>;
}

/** The newest reports of all nodes, for the clusters that are asked for. */
export interface TrafficReader {
  read(clusters: readonly string[]): readonly NodeTraffic[];
}
