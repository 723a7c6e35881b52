/**
 * Requests to watched clusters by route, added up over all Envoys that tell this replica.
 *
 * Only what a rollout asks about is counted, and a rollout asks about a bounded number of routes, so nobody on the
 * network decides how much is kept.
 */
import { SAMPLED_PERCENT } from "../translate/route-reports.ts";
import type { AccessEntry } from "./access-entries.ts";
import type { RouteSource, RouteTally, RouteWatcher, WatchedCluster } from "./route-view.ts";
import { nothingTallied } from "./route-view.ts";

const SERVER_ERROR = 500;
/** So many requests one of the sample stands for. */
const SAMPLE_WEIGHT = 100 / SAMPLED_PERCENT;

interface Watched extends WatchedCluster {
  readonly tallies: Map<string, RouteTally>;
}

/** `id` must be another one at each start. */
export class RouteLedger implements RouteWatcher {
  readonly #id: string;
  #watched: ReadonlyMap<string, Watched> = new Map();
  /** The least that any rollout takes for slow: Envoy tells of each request that is slower than this. */
  #toldAboveMs = Infinity;

  constructor(id: string) {
    this.#id = id;
  }

  watch(watched: readonly WatchedCluster[]): void {
    const known = this.#watched;
    this.#watched = new Map(
      watched.map((each) => [each.cluster, { ...each, tallies: known.get(each.cluster)?.tallies ?? new Map() }]),
    );
    this.#toldAboveMs = Math.min(Infinity, ...watched.flatMap(({ slowerThanMs }) => slowerThanMs ?? []));
  }

  /** Whether anybody asks. */
  get isWatching(): boolean {
    return this.#watched.size > 0;
  }

  record(entries: readonly AccessEntry[]): void {
    for (const { cluster, route, status, durationMs } of entries) {
      const watched = this.#watched.get(cluster);
      if (watched === undefined || !watched.routes.has(route)) continue;
      const isError = status >= SERVER_ERROR;
      const isSlow = durationMs > (watched.slowerThanMs ?? Infinity);
      const isSampled = !isError && durationMs <= this.#toldAboveMs;
      const { requests, errors, slow } = watched.tallies.get(route) ?? nothingTallied;
      watched.tallies.set(route, {
        requests: requests + (isSampled ? SAMPLE_WEIGHT : 1),
        errors: errors + (isError ? 1 : 0),
        slow: slow + (isSlow ? 1 : 0),
      });
    }
  }

  readRoutes(clusters: readonly string[]): readonly RouteSource[] {
    const known = clusters.flatMap((name) => {
      const watched = this.#watched.get(name);
      return watched === undefined ? [] : [[name, new Map(watched.tallies)] as const];
    });
    return [{ id: this.#id, clusters: new Map(known) }];
  }
}
