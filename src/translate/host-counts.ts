/**
 * How many hosts each cluster of a service has: the whole, and each subset.
 */
import type { Endpoint, Service } from "../model/intent-service.ts";
import { selects } from "./cluster.ts";

/** Of one service. */
export interface HostCount {
  readonly all: number;
  /** By the name of the subset. */
  readonly bySubset: ReadonlyMap<string, number>;
}

/** All hosts, of which Envoy takes its percentages, and those that are not written as draining or unhealthy. */
export interface HostCountBoth extends HostCount {
  readonly serving: HostCount;
}

/** A service that did not change is not counted again: each subset looks at every endpoint. */
export type HostCounts = WeakMap<Service, HostCountBoth>;

/** Counts, or remembers. */
export function countHosts(service: Service, known: HostCounts): HostCountBoth {
  const before = known.get(service);
  if (before !== undefined) return before;
  const serving = service.endpoints.filter(({ health = "healthy" }) => health === "healthy");
  const count = { ...countOf(service, service.endpoints), serving: countOf(service, serving) };
  known.set(service, count);
  return count;
}

function countOf({ subsets }: Service, endpoints: readonly Endpoint[]): HostCount {
  const bySubset = subsets.map(
    (subset) => [subset.name, endpoints.filter((endpoint) => selects(subset, endpoint)).length] as const,
  );
  return { all: endpoints.length, bySubset: new Map(bySubset) };
}
