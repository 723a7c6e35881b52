/**
 * How requests to clusters went, route by route, as whoever compares two versions reads it.
 *
 * Counts are since a replica has begun to watch, so a reader keeps what it saw before and takes the difference.
 */

/** Requests of one route to one cluster. */
export interface RouteTally {
  /** All of them, as far as the sample tells: each that was neither failed nor slow stands for ten. */
  readonly requests: number;
  /** Exact: with a status of 500 or above. */
  readonly errors: number;
  /** Exact: slower than what is watched for, with or without an error. */
  readonly slow: number;
}

export const nothingTallied: RouteTally = { requests: 0, errors: 0, slow: 0 };

export function addTallies(all: readonly RouteTally[]): RouteTally {
  return all.reduce(
    (sum, { requests, errors, slow }) => ({
      requests: sum.requests + requests,
      errors: sum.errors + errors,
      slow: sum.slow + slow,
    }),
    nothingTallied,
  );
}

/** What one replica was told. */
export interface RouteSource {
  /** Another one after each start of the replica, because it counts from nought then. */
  readonly id: string;
  /** By Envoy's name of the cluster, and then by the route's. */
  readonly clusters: ReadonlyMap<string, ReadonlyMap<string, RouteTally>>;
}

/** What is to be counted: requests of these routes to one cluster. */
export interface WatchedCluster {
  readonly cluster: string;
  readonly routes: ReadonlySet<string>;
  readonly slowerThanMs?: number | undefined;
}

export interface RouteReader {
  /** For the clusters that are asked for; of each replica that has been told anything, and of this one in any case. */
  readRoutes(clusters: readonly string[]): readonly RouteSource[];
}

/** Counts what Envoys tell from now on, and forgets what is watched no more. */
export interface RouteWatcher extends RouteReader {
  watch(watched: readonly WatchedCluster[]): void;
}
