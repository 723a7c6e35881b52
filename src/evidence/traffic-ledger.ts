/**
 * What each Envoy last reported of the clusters that somebody asks about: its own counters, which only grow.
 *
 * It is bounded: by nodes, of which the longest silent go first, and by the clusters that are followed.
 */
import type { MetricsExport } from "./read-metrics.ts";
import type { ClusterTraffic, NodeTraffic, TrafficReader } from "./traffic-view.ts";

/** As many as the fleet keeps. */
const NODES_MAX = 10_000;
/** The clusters of splits; more would not fit into a fleet's memory. */
const CLUSTERS_MAX = 1_000;

const COMPLETED = "upstream_rq_completed";
const ERRORS = "upstream_rq_5xx";
const TIMES = "upstream_rq_time";
const HEALTHY = "membership_healthy";
const TOTAL = "membership_total";

/** See the file's comment. */
export class TrafficLedger implements TrafficReader {
  /** By Envoy's name in statistics, the name in the config. */
  #followed = new Map<string, string>();
  readonly #nodes = new Map<string, NodeTraffic>();

  /** Of these clusters everything is kept from now on; what was reported of others is forgotten. */
  follow(clusters: readonly string[]): void {
    this.#followed = new Map(clusters.slice(0, CLUSTERS_MAX).map((name) => [statName(name), name]));
  }

  /** Whether a statistic, by its full name, is one of a followed cluster. */
  isFollowed(statistic: string): boolean {
    return this.#place(statistic) !== undefined;
  }

  /** Takes an export; the statistics of one export are of one moment. */
  record(nodeId: string, exported: MetricsExport, atMs: number): void {
    const clusters = new Map<string, { -readonly [Key in keyof ClusterTraffic]: ClusterTraffic[Key] }>();
    const of = (statistic: string) => {
      const place = this.#place(statistic);
      if (place === undefined) return undefined;
      const known = clusters.get(place.cluster);
      const counters = known ?? { completed: 0, errors: 0, healthyHosts: undefined, totalHosts: undefined };
      clusters.set(place.cluster, counters);
      return { counters, kind: place.kind };
    };
    for (const [statistic, value] of exported.numbers) {
      const found = of(statistic);
      if (found?.kind === COMPLETED) found.counters.completed = value;
      if (found?.kind === ERRORS) found.counters.errors = value;
      if (found?.kind === HEALTHY) found.counters.healthyHosts = value;
      if (found?.kind === TOTAL) found.counters.totalHosts = value;
    }
    for (const [statistic, latency] of exported.histograms) {
      const found = of(statistic);
      if (found?.kind === TIMES) found.counters.latency = latency;
    }
    // The last to report is the last to be forgotten.
    this.#nodes.delete(nodeId);
    this.#nodes.set(nodeId, { nodeId, reportedAtMs: atMs, clusters });
    const [oldest] = this.#nodes.keys();
    if (this.#nodes.size > NODES_MAX && oldest !== undefined) this.#nodes.delete(oldest);
  }

  read(clusters: readonly string[]): readonly NodeTraffic[] {
    const wanted = new Set(clusters);
    return [...this.#nodes.values()].map((node) => ({
      ...node,
      clusters: new Map([...node.clusters].filter(([name]) => wanted.has(name))),
    }));
  }

  get nodesCount(): number {
    return this.#nodes.size;
  }

  #place(statistic: string): { readonly cluster: string; readonly kind: string } | undefined {
    const at = statistic.lastIndexOf(".");
    if (!statistic.startsWith("cluster.") || at < 0) return undefined;
    const cluster = this.#followed.get(statistic.slice("cluster.".length, at));
    return cluster === undefined ? undefined : { cluster, kind: statistic.slice(at + 1) };
  }
}

/** Envoy writes `_` for `:` in names of statistics. */
function statName(cluster: string): string {
  return cluster.replaceAll(":", "_");
}
