/**
 * What rollouts want to be told of single requests: of which splits, and of which routes to which clusters.
 */
import type { RouteSource, RouteTally, WatchedCluster } from "../evidence/route-view.ts";
import { addTallies } from "../evidence/route-view.ts";
import type { SplitWatch } from "../model/intent-split.ts";
import type { RolloutPlan } from "../rollout/rollout-plan.ts";
import type { RolloutRecord } from "../rollout/rollout-record.ts";
import type { RouteCounts, SeenRoutes } from "../rollout/route-counts.ts";
import type { BuiltSplit } from "./build-protocol.ts";
import { clustersOf } from "./rollout-traffic.ts";

/** By split, while its rollout is on. */
export function watchedSplits(active: readonly Pick<RolloutRecord, "plan">[]): ReadonlyMap<string, SplitWatch> {
  return new Map(active.map(({ plan }) => [plan.split, watchOf(plan)]));
}

function watchOf({ gates }: RolloutPlan): SplitWatch {
  return gates.slow === undefined ? {} : { slowerThanMs: gates.slow.thresholdMs };
}

/** Both versions of each; two splits that share a cluster share what is told of it. */
export function watchedClusters(
  active: readonly Pick<RolloutRecord, "plan">[],
  splits: readonly BuiltSplit[],
): readonly WatchedCluster[] {
  const found = new Map<string, WatchedCluster>();
  for (const { plan } of active) {
    const split = splits.find(({ name }) => name === plan.split);
    if (split === undefined) continue;
    for (const backend of [plan.canary, plan.baseline]) {
      for (const cluster of clustersOf(split, backend).counted) {
        const routes = new Set([...(found.get(cluster)?.routes ?? []), ...split.rules.map(({ name }) => name)]);
        found.set(cluster, { cluster, routes, ...watchOf(plan) });
      }
    }
  }
  return [...found.values()];
}

/** For a rollout: its routes, and both versions on each. */
export function seenRoutes(
  sources: readonly RouteSource[],
  {
    canary,
    baseline,
    rules,
  }: {
    readonly canary: readonly string[];
    readonly baseline: readonly string[];
    readonly rules: BuiltSplit["rules"];
  },
): readonly SeenRoutes[] {
  return sources.map(({ id, clusters }) => ({
    source: id,
    routes: rules.flatMap(({ name, at }): readonly RouteCounts[] => {
      const tally = (names: readonly string[]): RouteTally =>
        addTallies(names.flatMap((cluster) => clusters.get(cluster)?.get(name) ?? []));
      const counts = { route: name, at, canary: tally(canary), baseline: tally(baseline) };
      return counts.canary.requests + counts.baseline.requests === 0 ? [] : [counts];
    }),
  }));
}
