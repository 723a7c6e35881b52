/**
 * The load on upstream clusters as metrics, read from the ledger when Prometheus asks.
 *
 * The names of clusters come from Envoys, so they are bounded: the first ones keep their label.
 */
import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";
import type { LoadLedger } from "../evidence/load-ledger.ts";
import { boundedLabels } from "./metric-labels.ts";

/** What is read. */
export interface LoadSource {
  readonly ledger: LoadLedger;
  readonly streamsCount: number;
  readonly reportsCount: number;
}

/** Five series each; dashboards show the busiest of them. */
const CLUSTER_LABELS_MAX = 1_000;

/** Adds the metrics to the registry. */
export function registerLoadMetrics(registry: Registry, loads: LoadSource): void {
  const label = boundedLabels(CLUSTER_LABELS_MAX);
  registry.registerMetric(
    new Gauge({
      name: "fairway_load_streams",
      help: "Nodes that report the load on their clusters.",
      registers: [],
      collect() {
        this.set(loads.streamsCount);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: "fairway_load_reports_total",
      help: "Load reports that were received.",
      registers: [],
      collect() {
        this.reset();
        this.inc(loads.reportsCount);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: "fairway_upstream_requests_total",
      help: "Requests to clusters as nodes report them: issued, and how they ended.",
      labelNames: ["cluster", "outcome"],
      registers: [],
      collect() {
        this.reset();
        for (const { name, sums } of loads.ledger.clusters.values()) {
          for (const outcome of ["issued", "successful", "failed", "dropped"] as const) {
            this.inc({ cluster: label(name), outcome }, sums[outcome]);
          }
        }
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: "fairway_upstream_requests_in_progress",
      help: "Requests to clusters that were under way at the last reports.",
      labelNames: ["cluster"],
      registers: [],
      collect() {
        this.reset();
        for (const { name, sums } of loads.ledger.clusters.values())
          this.inc({ cluster: label(name) }, sums.inProgress);
      },
    }),
  );
}
