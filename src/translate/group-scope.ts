/**
 * What of the whole intent belongs to one node group.
 *
 * A gateway names its groups and a route its gateways; a service goes where it is needed. What an Envoy
 * does not need costs it memory and statistics, so a service that only other groups' routes name stays
 * out; one that no route names at all goes to every group, because a raw resource may use it.
 */
import type { Gateway, GatewayListener } from "../model/intent-gateway.ts";
import type { Route } from "../model/intent-route.ts";
import type { Secret } from "../model/intent-secret.ts";
import type { Service } from "../model/intent-service.ts";
import type { Intent, NodeGroup, RawResource } from "../model/intent.ts";
import { collectPatchTexts, collectTexts } from "../model/json-texts.ts";
import { clusterName } from "./names.ts";
import { usedSecrets } from "./used-secrets.ts";

/** The part of an intent that one group sees. */
export interface GroupScope {
  readonly gateways: readonly Gateway[];
  /** Routes attached to any of the gateways. */
  readonly routes: readonly Route[];
  readonly services: readonly Service[];
  /** Only those that something of the group uses: a secret is for whom it is needed by, and nobody else. */
  readonly secrets: readonly Secret[];
  readonly rawResources: readonly RawResource[];
}

/** Selects by names only; references have been checked. */
export function scopeOf(group: NodeGroup, intent: Intent): GroupScope {
  const gateways = gatewaysOf(group, intent);
  const routes = routesOf(gateways, intent);
  const rawResources = intent.rawResources.filter((raw) => raw.groups === undefined || raw.groups.includes(group.name));
  const services = servicesOf(group, intent, { routes, rawResources });
  const used = usedSecrets({ gateways, services, rawResources });
  const secrets = intent.secrets.filter((secret) => used.has(secret.name));
  return { gateways, routes, services, secrets, rawResources };
}

/** The routes of a gateway, whichever of its listeners they are attached to. */
export function routesOn(gateway: Gateway, routes: readonly Route[]): readonly Route[] {
  return routes.filter((route) => isOnGateway(route, gateway));
}

/** Whether the route names the listener, or its whole gateway. */
export function isAttached(route: Route, gateway: Gateway, listener: GatewayListener): boolean {
  return route.gateways.some((name) => name === gateway.name || name === `${gateway.name}/${listener.name}`);
}

/** The gateways alone, for those who need nothing else. */
export function gatewaysOf(group: NodeGroup, intent: Intent): readonly Gateway[] {
  return intent.gateways.filter((gateway) => gateway.groups.includes(group.name));
}

/** Whether the route is attached to any listener of the gateway. */
export function isOnGateway(route: Route, gateway: Gateway): boolean {
  return gateway.listeners.some((listener) => isAttached(route, gateway, listener));
}

function routesOf(gateways: readonly Gateway[], intent: Intent): readonly Route[] {
  return intent.routes.filter((route) => gateways.some((gateway) => isOnGateway(route, gateway)));
}

function servicesOf(
  group: NodeGroup,
  intent: Intent,
  scope: Pick<GroupScope, "routes" | "rawResources">,
): readonly Service[] {
  const needed = routedServices(scope.routes);
  const named = new Set<string>();
  // Too many services do no harm, one too few does.
  for (const raw of scope.rawResources) collectTexts(raw.json, named);
  for (const patch of intent.patches) {
    if (patch.groups === undefined || patch.groups.includes(group.name)) collectPatchTexts(patch, named);
  }
  const listed = group.services === undefined ? undefined : new Set(group.services);
  const routedSomewhere = scope.routes.length === intent.routes.length ? needed : routedServices(intent.routes);
  return intent.services.filter(
    (service) =>
      needed.has(service.name) ||
      (named.size > 0 && clusterNames(service).some((name) => named.has(name))) ||
      (listed === undefined ? !routedSomewhere.has(service.name) : listed.has(service.name)),
  );
}

/** Plain loops: this runs over all rules at every build. */
function routedServices(routes: readonly Route[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { rules } of routes) {
    for (const { target, mirrors } of rules) {
      for (const { service } of target.backends) names.add(service);
      for (const { service } of mirrors) names.add(service);
    }
  }
  return names;
}

function clusterNames(service: Service): readonly string[] {
  return [clusterName(service.name), ...service.subsets.map((subset) => clusterName(service.name, subset.name))];
}
