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
import { ok } from "../support/result.ts";
import { WallTimes } from "../support/wall-times.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { PrometheusAccess } from "./prometheus-access.ts";
import { RememberedNodes } from "./remembered-nodes.ts";
import { Rollouts } from "./rollouts.ts";

/** Not started yet. `replica` is the name of this one where there may be others. */
export function openRollouts(
  options: Kept & {
    readonly plane: ControlPlane;
    readonly views: Pick<AdminViews, "splits" | "changeSplit">;
    readonly prometheus: PrometheusAccess | undefined;
    readonly onWarning: (text: string) => void;
    record(event: FairwayEvent): void;
  },
): Rollouts {
  const { plane, views, clock, replica, prometheus, onWarning } = options;
  const store = liveStore(options);
  const wall = new WallTimes(clock);
  return new Rollouts({
    store,
    clock,
    replica,
    prometheus,
    onWarning,
    port: {
      isServing: () => plane.isServing,
      splits: () => views.splits(),
      served: () => plane.servedConfig.splits,
      isConfigInForce: () => plane.servedConfig.isInForce,
      // What it finds is told as any other change.
      lookAgain: () => void plane.splits?.lookAgain().catch(() => undefined),
      hasCopies: (name) => plane.splits?.of(name).mirror !== undefined,
      changeSplit: (name, asked) => views.changeSplit(name, asked),
      takeBack: async (record) => (await plane.splits?.takeBack(record)) ?? ok(undefined),
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

/** Where what is live is kept, and by whom where there may be others. */
interface Kept {
  readonly etcd: EtcdPort | undefined;
  /** Used where there is no etcd. */
  readonly state: StateStore | undefined;
  readonly clock: Clock;
  readonly replica: string | undefined;
}

function liveStore({ etcd, state, clock }: Kept): StateStore {
  const kept = etcd === undefined ? state : new EtcdStateStore({ etcd, clock, random: Math.random });
  return present(kept, "without etcd there is a state directory");
}

/** Not started yet: the nodes of a control plane, for whoever is started after it. */
export function rememberNodes(plane: ControlPlane, kept: Kept): RememberedNodes {
  const { clock, replica = "here" } = kept;
  const fleets = { fleet: () => plane.fleet, others: () => plane.otherFleets() };
  return new RememberedNodes({ store: liveStore(kept), clock, replica, ...fleets });
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
