/**
 * Whether Envoys report how requests went, as metrics. What they report is theirs to tell, to Prometheus as well.
 */
import { Counter, Gauge } from "prom-client";
import type { Registry } from "prom-client";

/** What is read. */
export interface TrafficSource {
  readonly reportsCount: number;
  readonly ledger: { readonly nodesCount: number; readonly unlistedCount: number };
}

/** What is read of single requests. */
export interface RouteReportsSource {
  readonly streamsCount: number;
  readonly entriesCount: number;
  readonly leftOutCount: number;
}

/** Adds the metrics to the registry. */
export function registerRouteReportMetrics(registry: Registry, reports: RouteReportsSource): void {
  registry.registerMetric(
    new Gauge({
      name: "fairway_route_reports_streams",
      help: "Streams on which workers of Envoys tell of single requests while a rollout is on.",
      registers: [],
      collect() {
        this.set(reports.streamsCount);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: "fairway_route_reports_requests_total",
      help: "Requests that Envoys told of while a rollout was on.",
      registers: [],
      collect() {
        this.reset();
        this.inc(reports.entriesCount);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: "fairway_route_reports_left_out_total",
      help: "Messages of such requests that came in too great a hurry to be read.",
      registers: [],
      collect() {
        this.reset();
        this.inc(reports.leftOutCount);
      },
    }),
  );
}

/** Adds the metrics to the registry. */
export function registerTrafficMetrics(registry: Registry, traffic: TrafficSource): void {
  registry.registerMetric(
    new Gauge({
      name: "fairway_traffic_nodes",
      help: "Nodes that have reported how requests to their clusters went, in the last hour at least.",
      registers: [],
      collect() {
        this.set(traffic.ledger.nodesCount);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: "fairway_traffic_reports_total",
      help: "Reports of how requests to clusters went that were received.",
      registers: [],
      collect() {
        this.reset();
        this.inc(traffic.reportsCount);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: "fairway_traffic_clusters_left_out_total",
      help: "Clusters in such reports that found no room.",
      registers: [],
      collect() {
        this.reset();
        this.inc(traffic.ledger.unlistedCount);
      },
    }),
  );
}
