/**
 * What nodes report comes by the port that they are configured at: the load on their clusters, how
 * requests went, and while a rollout is on which of them went wrong.
 */
import { randomUUID } from "node:crypto";
import { LoadReports } from "../evidence/load-reports.ts";
import { RouteReports, routeReportsPath } from "../evidence/route-reports.ts";
import { TrafficReports, trafficReportsPath } from "../evidence/traffic-reports.ts";
import { LoadReportingServiceDefinition } from "../gen/envoy/service/load_stats/v3/lrs.ts";
import type { AdsServer } from "../xds/ads-server.ts";
import { refusalOfNode } from "../xds/verify-node.ts";
import type { ControlPlaneOptions } from "./control-plane.ts";

/** Registers the services; nodes are verified as on their streams. */
export function listenForReports(
  server: AdsServer,
  { clock, loadIntervalMs, transport, record }: ControlPlaneOptions,
): { readonly loads: LoadReports; readonly traffic: TrafficReports; readonly routes: RouteReports } {
  const shared = { clock, ...(transport?.verifiesNode === true ? { refusalOf: refusalOfNode } : {}), emit: record };
  const settings = { intervalMs: loadIntervalMs, clusters: "all", endpoints: false } as const;
  const loads = new LoadReports({ ...shared, settings });
  const { fullName, methods } = LoadReportingServiceDefinition;
  server.register(`/${fullName}/${methods.streamLoadStats.name}`, (call) => loads.answer(call));
  const traffic = new TrafficReports(shared);
  server.register(trafficReportsPath, (call) => traffic.answer(call));
  const routes = new RouteReports({ ...shared, id: randomUUID() });
  server.register(routeReportsPath, (call) => routes.answer(call));
  return { loads, traffic, routes };
}
