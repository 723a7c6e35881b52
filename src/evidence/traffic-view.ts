/**
 * What Envoys last reported of their requests, as a canary's engine reads it.
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
  /** Milliseconds since 1970, on the clock of the replica that it came to. */
  readonly reportedAtMs: number;
  /** By Envoy's name of the cluster, such as `reviews|canary`. */
  readonly clusters: ReadonlyMap<string, ClusterTraffic>;
}

/** The newest reports of all nodes, for the clusters that are asked for. */
export interface TrafficReader {
  read(clusters: readonly string[]): readonly NodeTraffic[];
}
