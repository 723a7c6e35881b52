/**
 * The newest report of each node, of all that it said of its clusters.
 *
 * A report has everything that the node has counted, so it takes the place of the one before it. What comes from the
 * network decides how much there is, so nodes and clusters are bounded; what does not fit is left out and counted, and
 * never pushes out what is there.
 */
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

interface Reported {
  readonly atMs: number;
  /** By the name as it is in statistics. */
  readonly clusters: ReadonlyMap<string, ClusterTraffic>;
}

/** See the file's comment. */
export class TrafficLedger implements TrafficReader {
  readonly #nodes = new Map<string, Reported>();
  readonly #nodesMax: number;
  readonly #partsMax: number;
  #partsCount = 0;
  #unlistedCount = 0;

  constructor({ nodesMax = NODES_MAX, partsMax = PARTS_MAX }: TrafficLimits = {}) {
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
  record(nodeId: string, { atMs, clusters }: Reported): boolean {
    if (!this.#nodes.has(nodeId) && this.#nodes.size >= this.#nodesMax) this.#forgetBefore(atMs - FORGOTTEN_AFTER_MS);
    if (!this.#nodes.has(nodeId) && this.#nodes.size >= this.#nodesMax) return false;
    this.#forget(nodeId);
    const room = this.#partsMax - this.#partsCount;
    const kept = clusters.size <= room ? clusters : new Map([...clusters].slice(0, room));
    this.#unlistedCount += clusters.size - kept.size;
    this.#partsCount += kept.size;
    // The one that reported longest ago comes first.
    this.#nodes.set(nodeId, { atMs, clusters: kept });
    return true;
  }

  read(clusters: readonly string[]): readonly NodeTraffic[] {
    const wanted = clusters.map((name) => [name, statisticsName(name)] as const);
    return [...this.#nodes].map(([nodeId, reported]) => ({
      nodeId,
      reportedAtMs: reported.atMs,
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
      if (reported.atMs >= atMs) return;
      this.#forget(nodeId);
    }
  }

  #forget(nodeId: string): void {
    this.#partsCount -= this.#nodes.get(nodeId)?.clusters.size ?? 0;
    this.#nodes.delete(nodeId);
  }
}
