/**
 * The newest report of each node, of all that it said of its clusters.
 *
 * A report has everything that the node has counted, so it takes the place of the one before it, unless it comes late and
 * was made before that. What comes from the
 * network decides how much there is, so nodes and clusters are bounded; what does not fit is left out and counted, and
 * never pushes out what is there.
 */
import type { Clock } from "../support/clock.ts";
import { WallTimes } from "../support/wall-times.ts";
import type { Arrivals } from "./report-lateness.ts";
import { arrive } from "./report-lateness.ts";
import { isLater } from "./report-order.ts";
import { statisticsName } from "./traffic-statistics.ts";
import type { ClusterTraffic, NodeTraffic, TrafficReader } from "./traffic-view.ts";

/** As many nodes as the fleet keeps. */
const NODES_MAX = 10_000;
/** Clusters of nodes, with about 500 bytes each: 500 nodes with 400 clusters. */
const PARTS_MAX = 200_000;
/** A node that has said nothing for so long is gone. */
const FORGOTTEN_AFTER_MS = 3_600_000;

export interface TrafficLimits {
  readonly nodesMax?: number;
  readonly partsMax?: number;
}

/** What a node says now. */
interface Report {
  readonly countedAtMs?: number | undefined;
  readonly startedAtMs?: number | undefined;
  /** By the name as it is in statistics. */
  readonly clusters: ReadonlyMap<string, ClusterTraffic>;
}

interface Reported extends Report {
  /** When it came, and when its counters stood so, by the clock that is never set. */
  readonly receivedAtMs: number;
  readonly reportedAtMs: number;
  readonly arrivals: Arrivals | undefined;
}

/** See the file's comment. */
export class TrafficLedger implements TrafficReader {
  readonly #nodes = new Map<string, Reported>();
  readonly #clock: Clock;
  readonly #wall: WallTimes;
  readonly #nodesMax: number;
  readonly #partsMax: number;
  #partsCount = 0;
  #unlistedCount = 0;

  constructor(clock: Clock, { nodesMax = NODES_MAX, partsMax = PARTS_MAX }: TrafficLimits = {}) {
    this.#clock = clock;
    this.#wall = new WallTimes(clock);
    this.#nodesMax = nodesMax;
    this.#partsMax = partsMax;
  }

  get nodesCount(): number {
    return this.#nodes.size;
  }

  /** Clusters in reports that found no room. */
  get unlistedCount(): number {
    return this.#unlistedCount;
  }

  /** Takes what a node reports; false when there are too many nodes. */
  record(nodeId: string, report: Report): boolean {
    const receivedAtMs = this.#clock.monotonicMs();
    const known = this.#nodes.get(nodeId);
    if (known === undefined && this.#nodes.size >= this.#nodesMax) {
      this.#forgetBefore(receivedAtMs - FORGOTTEN_AFTER_MS);
    }
    if (known === undefined && this.#nodes.size >= this.#nodesMax) return false;
    const { countedAtMs, clusters } = report;
    const arrived =
      countedAtMs === undefined ? undefined : arrive(known?.arrivals, { sentAtMs: countedAtMs, receivedAtMs });
    const times = { ...report, reportedAtMs: receivedAtMs - (arrived?.lateMs ?? 0) };
    const arrivals = arrived?.arrivals;
    this.#forget(nodeId);
    if (known !== undefined && isLater(known, times)) {
      this.#partsCount += known.clusters.size;
      this.#nodes.set(nodeId, { ...known, receivedAtMs, arrivals });
      return true;
    }
    const room = this.#partsMax - this.#partsCount;
    const kept = clusters.size <= room ? clusters : new Map([...clusters].slice(0, room));
    this.#unlistedCount += clusters.size - kept.size;
    this.#partsCount += kept.size;
    // The one that reported longest ago comes first.
    this.#nodes.set(nodeId, { ...times, receivedAtMs, arrivals, clusters: kept });
    return true;
  }

  read(clusters: readonly string[]): readonly NodeTraffic[] {
    const wanted = clusters.map((name) => [name, statisticsName(name)] as const);
    return [...this.#nodes].map(([nodeId, reported]) => ({
      nodeId,
      reportedAtMs: this.#wall.at(reported.reportedAtMs),
      ...(reported.countedAtMs === undefined ? {} : { countedAtMs: reported.countedAtMs }),
      ...(reported.startedAtMs === undefined ? {} : { startedAtMs: reported.startedAtMs }),
      clusters: new Map(
        wanted.flatMap(([name, inStatistics]) => {
          const traffic = reported.clusters.get(inStatistics);
          return traffic === undefined ? [] : [[name, traffic] as const];
        }),
      ),
    }));
  }

  #forgetBefore(atMs: number): void {
    for (const [nodeId, reported] of this.#nodes) {
      if (reported.receivedAtMs >= atMs) return;
      this.#forget(nodeId);
    }
  }

  #forget(nodeId: string): void {
    this.#partsCount -= this.#nodes.get(nodeId)?.clusters.size ?? 0;
    this.#nodes.delete(nodeId);
  }
}
