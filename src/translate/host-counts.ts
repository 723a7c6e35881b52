/**
 * How many hosts each cluster of a service has: the whole, and each subset.
 */
import type { Service } from "../model/intent-service.ts";
import { selects } from "./cluster.ts";

/** Of one service. */
export interface HostCount {
  readonly all: number;
  /** By the name of the subset. */
  readonly bySubset: ReadonlyMap<string, number>;
}

/** A service that did not change is not counted again: each subset looks at every endpoint. */
export type HostCounts = WeakMap<Service, HostCount>;

/** Counts, or remembers. */
export function countHosts(service: Service, known: HostCounts): HostCount {
  const before = known.get(service);
  if (before !== undefined) return before;
  const bySubset = new Map(
    service.subsets.map((subset) => [
      subset.name,
      service.endpoints.filter((endpoint) => selects(subset, endpoint)).length,
    ]),
  );
  const count = { all: service.endpoints.length, bySubset };
  known.set(service, count);
  return count;
}
