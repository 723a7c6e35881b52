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

/** The routes of a gateway, whichever of its listeners they are attached to, in the order of the list. */
export function routesOn(gateway: Gateway, routes: readonly Route[]): readonly Route[] {
  const index = attachedRoutes(routes);
  const found = attachmentNames(gateway).flatMap((name) => index.get(name) ?? []);
  const positions = [...new Set(found)].sort((a, b) => a - b);
  return positions.flatMap((position) => routes[position] ?? []);
}

/** Whether the route names the listener, or its whole gateway. */
export function isAttached(route: Route, gateway: Gateway, listener: GatewayListener): boolean {
  const names = attachmentsOf(route);
  return names.has(gateway.name) || names.has(attachmentName(gateway, listener));
}

/** All that routes can name to be on the gateway: itself, and its listeners. */
export function attachmentNames(gateway: Gateway): readonly string[] {
  return [gateway.name, ...gateway.listeners.map((listener) => attachmentName(gateway, listener))];
}

/** The gateways alone, for those who need nothing else. */
export function gatewaysOf(group: NodeGroup, intent: Intent): readonly Gateway[] {
  return intent.gateways.filter((gateway) => gateway.groups.includes(group.name));
}

function routesOf(gateways: readonly Gateway[], intent: Intent): readonly Route[] {
  const names = new Set(gateways.flatMap(attachmentNames));
  return intent.routes.filter((route) => route.gateways.some((name) => names.has(name)));
}

function attachmentName(gateway: Gateway, listener: GatewayListener): string {
  return `${gateway.name}/${listener.name}`;
}

// With thousands of routes on each of hundreds of gateways, to look for every gateway in every route takes seconds.
const namesByRoute = new WeakMap<Route, ReadonlySet<string>>();
const positionsByName = new WeakMap<readonly Route[], ReadonlyMap<string, readonly number[]>>();

/** What the route names, to be asked. */
function attachmentsOf(route: Route): ReadonlySet<string> {
  const known = namesByRoute.get(route) ?? new Set(route.gateways);
  namesByRoute.set(route, known);
  return known;
}

/** Where in the list the routes are that name a gateway or a listener. */
function attachedRoutes(routes: readonly Route[]): ReadonlyMap<string, readonly number[]> {
  const known = positionsByName.get(routes);
  if (known !== undefined) return known;
  const index = new Map<string, number[]>();
  for (const [position, route] of routes.entries()) {
    for (const name of route.gateways) {
      const positions = index.get(name);
      if (positions === undefined) index.set(name, [position]);
      else positions.push(position);
    }
  }
  positionsByName.set(routes, index);
  return index;
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
