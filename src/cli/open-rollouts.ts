/**
 * Rollouts over a running control plane: what the engine is given of it.
 */
import type { AdminViews } from "../admin/admin-views.ts";
import type { EtcdPort } from "../etcd/etcd-port.ts";
import { loadTraffic } from "../evidence/load-traffic.ts";
import { connectedNodes } from "../fleet/whole-fleet.ts";
import { versionsOf } from "../rollout/config-versions.ts";
import type { RolloutViews } from "../rollout/rollout-views.ts";
import type { GroupName } from "../snapshot/snapshot.ts";
import { EtcdStateStore } from "../store/etcd-state-store.ts";
import type { StateStore } from "../store/state-store.ts";
import { present } from "../support/assert.ts";
import type { Clock } from "../support/clock.ts";
import { WallTimes } from "../support/wall-times.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import type { ControlPlane } from "./control-plane.ts";
import { Rollouts } from "./rollouts.ts";

/** Not started yet. `replica` is the name of this one where there may be others. */
export function openRollouts(options: {
  readonly plane: ControlPlane;
  readonly views: Pick<AdminViews, "splits" | "changeSplit">;
  /** Where it is kept: in etcd, where there is one, or else here. */
  readonly etcd: EtcdPort | undefined;
  readonly state: StateStore | undefined;
  readonly clock: Clock;
  readonly replica: string | undefined;
  readonly onWarning: (text: string) => void;
  record(event: FairwayEvent): void;
}): Rollouts {
  const { plane, views, clock, etcd, replica, onWarning } = options;
  const kept = etcd === undefined ? options.state : new EtcdStateStore({ etcd, clock, random: Math.random });
  const store = present(kept, "without etcd there is a state directory");
  const wall = new WallTimes(clock);
  return new Rollouts({
    store,
    clock,
    replica,
    onWarning,
    port: {
      isServing: () => plane.isServing,
      splits: () => views.splits(),
      served: () => plane.servedSplits,
      hasCopies: (name) => plane.splits?.of(name).mirror !== undefined,
      changeSplit: (name, asked) => views.changeSplit(name, asked),
      nodes: (groups) => connectedNodes({ fleet: plane.fleet, others: plane.otherFleets() }, groups, wall),
      versions: (groups) => versionsOf(groups, (group) => plane.publication.served.get(group as GroupName)?.version),
      traffic: plane.traffic,
      routes: plane.routeReports.ledger,
      watchSplits: (watched) => plane.splits?.watch(watched),
      loads: loadTraffic(plane.loads, clock),
    },
    record: (event) => options.record(event),
  });
}

/** The views of a control plane, and of its rollouts. */
export function withRollouts(views: Omit<AdminViews, keyof RolloutViews>, rollouts: Rollouts): AdminViews {
  return {
    ...views,
    rollouts: () => rollouts.rollouts(),
    rollout: (split, number) => rollouts.rollout(split, number),
    rolloutHistory: (split) => rollouts.rolloutHistory(split),
    planRollout: (asked) => rollouts.planRollout(asked),
    startRollout: (asked) => rollouts.startRollout(asked),
    actOnRollout: (split, asked) => rollouts.actOnRollout(split, asked),
    lockOf: (split) => rollouts.lockOf(split),
    lockRollouts: (split, asked) => rollouts.lockRollouts(split, asked),
  };
}
