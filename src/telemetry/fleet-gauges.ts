/**
 * Gauges that are read from the fleet when Prometheus asks: nothing to keep in step, nothing to forget.
 *
 * A scrape walks over all nodes, a few milliseconds for 10,000 of them.
 */
import { Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { Fleet } from "../fleet/fleet.ts";
import { currentSnapshot } from "../fleet/fleet.ts";
import type { FleetSummary } from "../fleet/fleet-summary.ts";
import type { NodeRecord } from "../fleet/node-record.ts";
import { isOverdue, syncStatus } from "../fleet/node-status.ts";
import { connectedElsewhere } from "../fleet/whole-fleet.ts";
import type { Labels } from "./metric-labels.ts";

/** What the gauges are read from. */
export interface FleetGaugeSources {
  readonly fleet: () => Fleet;
  /** What other replicas have told of their nodes. */
  readonly otherFleets: () => readonly FleetSummary[];
  readonly groups: Labels;
}

/** Adds the gauges to the registry. */
export function registerFleetGauges(registry: Registry, sources: FleetGaugeSources): void {
  const { fleet, groups } = sources;
  registry.registerMetric(streamsGauge(fleet));
  registry.registerMetric(nodesGauge(sources));
  registry.registerMetric(overdueGauge(fleet, groups));
}

function streamsGauge(fleet: () => Fleet): Gauge {
  return new Gauge({
    name: "fairway_streams",
    help: "Open xDS streams.",
    labelNames: ["variant"],
    registers: [],
    collect() {
      const { sotw, delta } = fleet().streamsCount;
      this.set({ variant: "sotw" }, sotw);
      this.set({ variant: "delta" }, delta);
    },
  });
}

function nodesGauge({ fleet, otherFleets, groups }: FleetGaugeSources): Gauge {
  return new Gauge({
    name: "fairway_nodes",
    help: "Known nodes: synced, stale, not_sent or error while connected, else disconnected or refused.",
    labelNames: ["group", "status"],
    registers: [],
    collect() {
      this.reset();
      const now = fleet();
      let elsewhere: ReadonlySet<string> | undefined;
      for (const node of now.nodes.values()) {
        const status = nodeLabel(now, node);
        // Another replica has taken it since.
        if (status === "refused" && (elsewhere ??= connectedElsewhere(otherFleets())).has(node.id)) continue;
        this.inc({ group: node.group === undefined ? "" : groups(node.group), status });
      }
    },
  });
}

function overdueGauge(fleet: () => Fleet, groups: Labels): Gauge {
  return new Gauge({
    name: "fairway_gate_overdue",
    help: "Nodes whose change is held up past its deadline.",
    labelNames: ["group"],
    registers: [],
    collect() {
      this.reset();
      const now = fleet();
      for (const group of now.groups.keys()) this.set({ group: groups(group) }, 0);
      for (const node of now.nodes.values()) {
        if (isOverdue(node) && node.group !== undefined) this.inc({ group: groups(node.group) });
      }
    },
  });
}

function nodeLabel(fleet: Fleet, node: NodeRecord): string {
  if (node.streams.length > 0) return syncStatus(node, currentSnapshot(fleet, node.group));
  return node.refusal === undefined ? "disconnected" : "refused";
}
