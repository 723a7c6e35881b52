/**
 * What Envoys report beside xDS, on the same port: the load on clusters, and the statistics that canaries are judged by.
 */
import type { LoadEvent } from "../evidence/load-event.ts";
import { LoadReports } from "../evidence/load-reports.ts";
import { metricsExportPath, TrafficReports } from "../evidence/traffic-reports.ts";
import { LoadReportingServiceDefinition } from "../gen/envoy/service/load_stats/v3/lrs.ts";
import type { Clock } from "../support/clock.ts";
import type { AdsServer } from "../xds/ads-server.ts";
import { refusalOfNode } from "../xds/verify-node.ts";

/** The services, registered. */
export interface ReportServices {
  readonly loads: LoadReports;
  readonly traffic: TrafficReports;
}

/** A node speaks for itself only where nodes are verified. */
export function registerReports(
  server: AdsServer,
  options: {
    readonly clock: Clock;
    readonly loadIntervalMs: number;
    readonly verifiesNode: boolean;
    readonly onWarning: (text: string) => void;
    emit(event: LoadEvent): void;
  },
): ReportServices {
  const { clock, loadIntervalMs, verifiesNode, onWarning } = options;
  const verified = verifiesNode ? { refusalOf: refusalOfNode } : {};
  const loads = new LoadReports({
    clock,
    settings: { intervalMs: loadIntervalMs, clusters: "all", endpoints: false },
    ...verified,
    emit: (event) => options.emit(event),
  });
  const { fullName, methods } = LoadReportingServiceDefinition;
  server.register(`/${fullName}/${methods.streamLoadStats.name}`, (call) => loads.answer(call));
  const traffic = new TrafficReports({ clock, ...verified, onWarning });
  server.register(metricsExportPath, (call) => traffic.answer(call));
  return { loads, traffic };
}
