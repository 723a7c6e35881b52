/**
 * What Envoys report of the two versions of a split: by this replica, by the others, and in the minutes before a rollout.
 *
 * Each Envoy reports to one replica. The replica that acts must see all, so each writes what it has heard of rollouts that
 * are on into the state that they share.
 */
import type { ReportTimes } from "../evidence/report-order.ts";
import { isLater, isSequel } from "../evidence/report-order.ts";
import type { NodeTraffic, TrafficReader } from "../evidence/traffic-view.ts";
import type { TrafficCounters } from "../evidence/traffic-counters.ts";
import { statisticsName } from "../evidence/traffic-statistics.ts";
import { countedBetween, hasRestarted } from "../evidence/traffic-counters.ts";
import type { Split } from "../model/intent-split.ts";
import type { MetricName } from "../rollout/canary-evidence.ts";
import { BEFORE_EACH_MS } from "../rollout/proof-size.ts";
import { addTraffic, nothingCounted, outcomesOf } from "../rollout/count-traffic.ts";
import type { Counts } from "../rollout/counts.ts";
import type { NodeReport } from "../rollout/observed.ts";
import { clusterName, fallbackClusterName, mirrorClusterName } from "../translate/names.ts";

/** What all replicas have heard of nodes, by what it came. */
export interface TrafficReaders {
  /** By OpenTelemetry. */
  readonly traffic: TrafficReader;
  readonly loads: TrafficReader;
}

/** Where a version's requests are counted, and where its hosts are. */
export interface VersionClusters {
  /** The first of them that an Envoy reports counts. */
  readonly counted: readonly string[];
  readonly hosts: string;
  /** Where copies of requests to it are counted. */
  readonly copies: string;
}

/** Of a backend of a split. */
export function clustersOf(split: Split, backend: string): VersionClusters {
  const found = split.backends.find(({ name }) => name === backend);
  const service = found?.service ?? backend;
  const hosts = clusterName(service, found?.subset);
  // Requests that go to others when the subset is not well are counted where they were meant to go.
  const counted = found?.subset === undefined ? [hosts] : [fallbackClusterName(service, found.subset), hosts];
  return { counted, hosts, copies: mirrorClusterName(service, found?.subset) };
}

/** All names of both versions. */
export function namesOf({
  canary,
  baseline,
}: {
  readonly canary: VersionClusters;
  readonly baseline: VersionClusters;
}): readonly string[] {
  return [...new Set([...canary.counted, canary.hosts, canary.copies, ...baseline.counted, baseline.hosts])];
}

/** The same as load reports have it: requests are those of the cluster that answers. */
export function asLoads({ hosts, copies }: VersionClusters): VersionClusters {
  return { counted: [hosts], hosts, copies };
}

/** The same with copies of requests in the place of requests. */
export function asCopies({ hosts, copies }: VersionClusters): VersionClusters {
  return { counted: [copies], hosts, copies };
}

/** The same as Envoy writes them in the names of statistics. */
export function inStatistics({ counted, hosts, copies }: VersionClusters): VersionClusters {
  return { counted: counted.map(statisticsName), hosts: statisticsName(hosts), copies: statisticsName(copies) };
}

/** By node, for a verdict. */
export function reportsOf(
  traffic: readonly NodeTraffic[],
  { canary, baseline }: { readonly canary: VersionClusters; readonly baseline: VersionClusters },
): ReadonlyMap<string, NodeReport> {
  return new Map(
    traffic.map(({ nodeId, clusters, ...times }) => [
      nodeId,
      {
        ...times,
        canary: countersOf(clusters, canary.counted),
        baseline: countersOf(clusters, baseline.counted),
        mirrored: countersOf(clusters, [canary.copies]),
        canaryHealthyHosts: clusters.get(canary.hosts)?.healthyHosts,
      },
    ]),
  );
}

function countersOf(clusters: NodeTraffic["clusters"], names: readonly string[]): TrafficCounters | undefined {
  const found = names.map((name) => clusters.get(name)).find((each) => each !== undefined);
  if (found === undefined) return undefined;
  const { completed, errors, latency } = found;
  return { completed, errors, ...(latency === undefined ? {} : { latency }) };
}

/** What `overdispersionOf` asks for: two and a half minutes. */
const INTERVALS_MAX = 30;
/** Splits that are watched although nothing happens to them. */
const SPLITS_MAX = 100;

/** Where the counters of a node stood. */
interface Standing {
  readonly counters: TrafficCounters;
  readonly times: ReportTimes;
}

interface Watched {
  readonly atMs: number;
  readonly standing: ReadonlyMap<string, Standing>;
  readonly intervals: readonly TrafficCounters[];
}

/** What each backend did lately, in intervals of five seconds; `look` may be called as often as one likes. */
export class TrafficBefore {
  readonly #watched = new Map<string, Watched>();

  look(splits: readonly Split[], readers: TrafficReaders, nowMs: number): void {
    const names = new Set<string>();
    for (const split of splits.slice(0, SPLITS_MAX)) {
      for (const { name } of split.backends) {
        const key = `${split.name}/${name}`;
        names.add(key);
        this.#lookAt(key, clustersOf(split, name), { readers, nowMs });
      }
    }
    for (const key of this.#watched.keys()) if (!names.has(key)) this.#watched.delete(key);
  }

  /** Of a backend, as a verdict looks at it. */
  of(
    split: string,
    backend: string,
    thresholdMs: number | undefined,
  ): Readonly<Partial<Record<MetricName, readonly Counts[]>>> {
    const intervals = this.#watched.get(`${split}/${backend}`)?.intervals ?? [];
    const outcomes = intervals.map((each) => outcomesOf(each, thresholdMs));
    return {
      errors: outcomes.map(({ completed, errors }) => ({ completed, bad: errors })),
      slow: outcomes.flatMap(({ completed, slow }) => (slow === undefined ? [] : [{ completed, bad: slow }])),
    };
  }

  #lookAt(
    key: string,
    clusters: VersionClusters,
    { readers, nowMs }: { readonly readers: TrafficReaders; readonly nowMs: number },
  ): void {
    const known = this.#watched.get(key);
    if (known !== undefined && nowMs - known.atMs < BEFORE_EACH_MS) return;
    const standing = new Map<string, Standing>();
    const counted: TrafficCounters[] = [];
    for (const [source, now] of standingsOf(readers, clusters)) {
      const before = known?.standing.get(source);
      if (before !== undefined && !isLater(now.times, before.times)) {
        standing.set(source, before);
        continue;
      }
      standing.set(source, now);
      if (before === undefined) continue;
      const hasFallen = hasRestarted(before.counters, now.counters);
      if (isSequel(now.times, before.times, hasFallen)) counted.push(countedBetween(before.counters, now.counters));
    }
    const intervals = known === undefined ? [] : [...known.intervals, addTraffic(counted)].slice(-INTERVALS_MAX);
    this.#watched.set(key, { atMs: nowMs, standing, intervals });
  }
}

/** Of each node by one source, and by which; with another source, or when it counts anew, it is another one. */
function standingsOf({ traffic, loads }: TrafficReaders, clusters: VersionClusters): ReadonlyMap<string, Standing> {
  const byNode = new Map<string, readonly [string, Standing]>();
  for (const { nodeId, clusters: told, ...times } of loads.read([clusters.hosts])) {
    const counters = countersOf(told, asLoads(clusters).counted);
    if (counters !== undefined) byNode.set(nodeId, [`${nodeId} ${times.countedSinceMs}`, { counters, times }]);
  }
  for (const { nodeId, clusters: told, ...times } of traffic.read(clusters.counted)) {
    const counters = countersOf(told, clusters.counted);
    // One that says nothing of this version has its load reports, if any.
    if (counters === undefined && byNode.has(nodeId)) continue;
    byNode.set(nodeId, [nodeId, { counters: counters ?? nothingCounted, times }]);
  }
  return new Map(byNode.values());
}
