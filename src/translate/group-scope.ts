/**
 * What of the whole intent belongs to one node group.
 *
 * A gateway names its groups and a route its gateways; a service goes where it is needed. What an Envoy
 * does not need costs it memory and statistics, so a service that only other groups' routes name stays
 * out; one that no route names at all goes to every group, because a raw resource may use it.
 */
import type {
  Backend,
  Gateway,
  GatewayListener,
  Intent,
  JsonValue,
  NodeGroup,
  RawResource,
  Route,
  Service,
} from "../model/intent.ts";
import { clusterName } from "./names.ts";

/** The part of an intent that one group sees. */
export interface GroupScope {
  readonly gateways: readonly Gateway[];
  /** Routes attached to any of the gateways. */
  readonly routes: readonly Route[];
  readonly services: readonly Service[];
  readonly rawResources: readonly RawResource[];
}

/** Selects by names only; references have been checked. */
export function scopeOf(group: NodeGroup, intent: Intent): GroupScope {
  const gateways = intent.gateways.filter((gateway) => gateway.groups.includes(group.name));
  const routes = intent.routes.filter((route) =>
    gateways.some((gateway) => gateway.listeners.some((listener) => isAttached(route, gateway, listener))),
  );
  const rawResources = intent.rawResources.filter((raw) => raw.groups === undefined || raw.groups.includes(group.name));
  return { gateways, routes, services: servicesOf(group, intent, { routes, rawResources }), rawResources };
}

/** Whether the route names the listener, or its whole gateway. */
export function isAttached(route: Route, gateway: Gateway, listener: GatewayListener): boolean {
  return route.gateways.some((name) => name === gateway.name || name === `${gateway.name}/${listener.name}`);
}

function servicesOf(
  group: NodeGroup,
  intent: Intent,
  scope: Pick<GroupScope, "routes" | "rawResources">,
): readonly Service[] {
  const needed = new Set(backendsOf(scope.routes).map((backend) => backend.service));
  const named = new Set<string>();
  for (const raw of scope.rawResources) collectTexts(raw.json, named);
  const listed = group.services === undefined ? undefined : new Set(group.services);
  const routedSomewhere = new Set(backendsOf(intent.routes).map((backend) => backend.service));
  return intent.services.filter(
    (service) =>
      needed.has(service.name) ||
      clusterNames(service).some((name) => named.has(name)) ||
      (listed === undefined ? !routedSomewhere.has(service.name) : listed.has(service.name)),
  );
}

function backendsOf(routes: readonly Route[]): readonly Backend[] {
  return routes.flatMap((route) => route.rules.flatMap((rule) => rule.target.backends));
}

function clusterNames(service: Service): readonly string[] {
  return [clusterName(service.name), ...service.subsets.map((subset) => clusterName(service.name, subset.name))];
}

/** Every text in a raw resource: wherever Envoy keeps a cluster's name, it is one of these. Too many services do no harm, one too few does. */
function collectTexts(json: JsonValue, found: Set<string>): void {
  if (typeof json === "string") found.add(json);
  else if (json !== null && typeof json === "object") {
    for (const child of Object.values(json)) collectTexts(child, found);
  }
}
