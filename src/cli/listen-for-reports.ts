/**
 * What nodes report comes by the port that they are configured at: the load on their clusters, and how requests went.
 */
import { LoadReports } from "../evidence/load-reports.ts";
import { TrafficReports, trafficReportsPath } from "../evidence/traffic-reports.ts";
import { LoadReportingServiceDefinition } from "../gen/envoy/service/load_stats/v3/lrs.ts";
import type { AdsServer } from "../xds/ads-server.ts";
import { refusalOfNode } from "../xds/verify-node.ts";
import type { ControlPlaneOptions } from "./control-plane.ts";

/** Registers both services; nodes are verified as on their streams. */
export function listenForReports(
  server: AdsServer,
  { clock, loadIntervalMs, transport, record }: ControlPlaneOptions,
): { readonly loads: LoadReports; readonly traffic: TrafficReports } {
  const shared = { clock, ...(transport?.verifiesNode === true ? { refusalOf: refusalOfNode } : {}), emit: record };
  const settings = { intervalMs: loadIntervalMs, clusters: "all", endpoints: false } as const;
  const loads = new LoadReports({ ...shared, settings });
  const { fullName, methods } = LoadReportingServiceDefinition;
  server.register(`/${fullName}/${methods.streamLoadStats.name}`, (call) => loads.answer(call));
  const traffic = new TrafficReports(shared);
  server.register(trafficReportsPath, (call) => traffic.answer(call));
  return { loads, traffic };
}
