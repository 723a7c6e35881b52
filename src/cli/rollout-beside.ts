/**
 * Rollouts of different splits that would be judged by each other's requests.
 *
 * Envoys count requests by cluster, and two splits may share requests among the same ones. What the one does to a version
 * the other would see as the doing of its own.
 */
import type { Split } from "../model/intent-split.ts";
import type { RolloutPlan } from "../rollout/rollout-plan.ts";
import { isActive } from "../rollout/rollout-record.ts";
import type { NotDone, StoredRollout } from "../rollout/rollout-views.ts";
import { clustersOf } from "./rollout-traffic.ts";

type Versions = Pick<RolloutPlan, "split" | "canary" | "baseline">;

/** The first of another split that is on and counts by a cluster of `plan`; `splits` are those that are served. */
export function rolloutBeside(
  plan: Versions,
  splits: readonly Split[],
  rollouts: readonly StoredRollout[],
): Extract<NotDone, { readonly kind: "beside" }> | undefined {
  const own = clusterNames(plan, splits);
  for (const current of rollouts) {
    const { record } = current;
    if (record.plan.split === plan.split || !isActive(record)) continue;
    const clusters = clusterNames(record.plan, splits).filter((name) => own.includes(name));
    if (clusters.length > 0) return { kind: "beside", current, clusters };
  }
  return undefined;
}

function clusterNames({ split: name, canary, baseline }: Versions, splits: readonly Split[]): readonly string[] {
  const split = splits.find((each) => each.name === name);
  return split === undefined ? [] : [canary, baseline].map((backend) => clustersOf(split, backend).hosts);
}
