/**
 * Which of Envoy's statistics tell how requests to a version went, and to which cluster each belongs.
 *
 * Statistics are sent by their whole name, because a service may have dots in its name and Envoy's own way to take the
 * cluster out of a statistic ends at the first one.
 */
import type { Metric } from "./metrics-export.ts";
import { latencyEdgesMs } from "./latency-ladder.ts";
import type { ClusterTraffic } from "./traffic-view.ts";

/** Behind the name of the cluster. */
export const trafficStatistics = [
  "upstream_rq_completed",
  "upstream_rq_5xx",
  "upstream_rq_time",
  "membership_healthy",
  "membership_total",
] as const;

type TrafficStatistic = (typeof trafficStatistics)[number];

const PREFIX = "cluster.";
const known: ReadonlySet<string> = new Set(trafficStatistics);

/** Whether a statistic is one of these, of any cluster. */
export function isTrafficStatistic(name: string): boolean {
  return name.startsWith(PREFIX) && known.has(name.slice(name.lastIndexOf(".") + 1));
}

/** How Envoy writes the name of a cluster in statistics: colons separate things there. */
export function statisticsName(cluster: string): string {
  return cluster.replaceAll(":", "_");
}

/** What the metrics of one report say, by the name of the cluster as it is in statistics. */
export function trafficOf(metrics: readonly Metric[]): ReadonlyMap<string, ClusterTraffic> {
  const clusters = new Map<string, Map<TrafficStatistic, Metric>>();
  for (const metric of metrics) {
    // A difference says nothing once the report before it is lost.
    if (!metric.isCumulative || !isTrafficStatistic(metric.name)) continue;
    const dot = metric.name.lastIndexOf(".");
    const cluster = metric.name.slice(PREFIX.length, dot);
    const statistics = clusters.get(cluster) ?? new Map<TrafficStatistic, Metric>();
    statistics.set(metric.name.slice(dot + 1) as TrafficStatistic, metric);
    clusters.set(cluster, statistics);
  }
  return new Map([...clusters].map(([cluster, statistics]) => [cluster, clusterTraffic(statistics)]));
}

function clusterTraffic(statistics: ReadonlyMap<TrafficStatistic, Metric>): ClusterTraffic {
  const number = (name: TrafficStatistic): number | undefined => {
    const metric = statistics.get(name);
    return metric?.kind === "number" ? metric.value : undefined;
  };
  const time = statistics.get("upstream_rq_time");
  return {
    // Envoy sends a counter once it has counted something.
    completed: number("upstream_rq_completed") ?? 0,
    errors: number("upstream_rq_5xx") ?? 0,
    ...(time?.kind === "histogram"
      ? { latency: { edgesMs: sharedEdges(time.bounds), counts: time.counts, sumMs: time.sum } }
      : {}),
    healthyHosts: number("membership_healthy"),
    totalHosts: number("membership_total"),
  };
}

/** One list for all, where Envoy has the ladder: there is a histogram for each cluster of each node. */
function sharedEdges(bounds: readonly number[]): readonly number[] {
  const isLadder = bounds.length === latencyEdgesMs.length && bounds.every((edge, at) => edge === latencyEdgesMs[at]);
  return isLadder ? latencyEdgesMs : bounds;
}
