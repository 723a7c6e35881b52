/**
 * A gateway as the Envoys of one group have it: groups differ in what their Envoys were started with.
 */
import type { Gateway } from "../model/intent-gateway.ts";
import type { Intent, NodeGroup } from "../model/intent.ts";
import { autoServicesOf } from "./alternate-protocols.ts";
import { onDemandOf } from "./on-demand-clusters.ts";

/** What was made of a gateway, by what the groups say of their Envoys. */
const variants = new WeakMap<Gateway, Map<string, Gateway>>();

/** The same object each time, so that what was made of it is recognised. */
export function gatewayOfGroup(gateway: Gateway, group: NodeGroup, { services }: Intent): Gateway {
  const autoServices = autoServicesOf(services);
  if (group.onDemandClusters === undefined && group.runtime === undefined && autoServices.size === 0) return gateway;
  const own = {
    ...(autoServices.size === 0 ? {} : { autoServices }),
    ...onDemandOf(group),
    ...(group.runtime === undefined ? {} : { weightsByRuntime: true as const }),
    ...(group.routeReports === true ? { routeReports: true as const } : {}),
  };
  const key = JSON.stringify({ ...own, autoServices: [...autoServices] });
  const known = variants.get(gateway) ?? new Map<string, Gateway>();
  variants.set(gateway, known);
  const variant = known.get(key) ?? { ...gateway, ...own };
  known.set(key, variant);
  return variant;
}
