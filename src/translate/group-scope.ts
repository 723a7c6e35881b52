/**
 * What of the whole intent belongs to one node group.
 *
 * A gateway names its groups and a route its gateways; a service goes where it is needed. What an Envoy
 * does not need costs it memory and statistics, so a service that only other groups' routes name stays
 * out; one that no route names at all goes to every group, because a raw resource may use it.
 */
import { neededByParts } from "../model/filter-parts.ts";
import type { Gateway, GatewayListener, GrpcListener } from "../model/intent-gateway.ts";
import type { Route } from "../model/intent-route.ts";
import type { Secret } from "../model/intent-secret.ts";
import type { Service, Subset } from "../model/intent-service.ts";
import type { Intent, NodeGroup, RawResource } from "../model/intent.ts";
import { differences } from "../support/differences.ts";
import { servicesOfGateway, servicesOfPolicies, textsOfGroup } from "./called-services.ts";
import { gatewayOfGroup } from "./gateway-of-group.ts";
import { mirrorsOf } from "./mirror-policy.ts";
import { clusterNamesOf, mirrorClusterName } from "./names.ts";
import { usedSecrets } from "./used-secrets.ts";

/** The part of an intent that one group sees. */
export interface GroupScope {
  readonly gateways: readonly Gateway[];
  /** Routes attached to any of the gateways. */
  readonly routes: readonly Route[];
  readonly services: readonly Service[];
  /** What the routes send copies of requests to, each once, by the names of their clusters. */
  readonly mirrored: readonly Mirrored[];
  /** Only those that something of the group uses: a secret is for whom it is needed by, and nobody else. */
  readonly secrets: readonly Secret[];
  readonly rawResources: readonly RawResource[];
}

/** A service, or one subset of it. */
export interface Mirrored {
  readonly service: Service;
  readonly subset?: Subset;
}

/** How often the rules of some routes name each service, and each cluster for copies; names of services have no `|`. */
interface RoutedServices {
  readonly routes: readonly Route[];
  readonly counts: ReadonlyMap<string, number>;
}

/** What was counted the last time, by group; keep it between calls. */
export type RoutedMemo = Map<string, RoutedServices>;

/** Under this key are all routes; no group can have the name. */
export const EVERYWHERE = "@everywhere";

/** Selects by names only; references have been checked. */
export function scopeOf(group: NodeGroup, intent: Intent, known: RoutedMemo = new Map()): GroupScope {
  const gateways = gatewaysOf(group, intent).map((gateway) => gatewayOfGroup(gateway, group, intent));
  const routes = routesOf(gateways, intent);
  const rawResources = intent.rawResources.filter((raw) => raw.groups === undefined || raw.groups.includes(group.name));
  const services = servicesOf(group, intent, { gateways, routes, rawResources }, known);
  const mirrored = mirroredBy(services, known.get(group.name));
  const used = intent.secrets.length === 0 ? undefined : usedSecrets({ gateways, routes, services, rawResources });
  const secrets = intent.secrets.filter((secret) => used?.has(secret.name));
  return { gateways, routes, services, mirrored, secrets, rawResources };
}

/** The routes of a gateway, whichever of its listeners they are attached to, in the order of the list. */
export function routesOn(gateway: Gateway, routes: readonly Route[]): readonly Route[] {
  const index = attachedRoutes(routes);
  const found = attachmentNames(gateway).flatMap((name) => {
    const positions = index.get(name);
    return positions === undefined ? [] : [positions];
  });
  const [first = [], ...others] = found;
  // Mostly routes name gateways and not listeners: then they are in order.
  if (others.length === 0 && first.length === routes.length) return routes;
  const positions = others.length === 0 ? first : [...new Set(found.flat())].sort((a, b) => a - b);
  return positions.flatMap((position) => routes[position] ?? []);
}

type AnyListener = GatewayListener | GrpcListener;

/** So many are compared sooner than looked up. */
const FEW_NAMES = 4;

/** Whether the route names the listener, or its whole gateway. */
export function isAttached(route: Route, gateway: Gateway, listener: AnyListener): boolean {
  if (route.gateways.length <= FEW_NAMES) {
    return route.gateways.some((name) => name === gateway.name || name === attachmentName(gateway, listener));
  }
  const names = attachmentsOf(route);
  return names.has(gateway.name) || names.has(attachmentName(gateway, listener));
}

/** All that routes can name to be on the gateway: itself, and its listeners. */
export function attachmentNames(gateway: Gateway): readonly string[] {
  const listeners = [...gateway.listeners, ...gateway.grpcListeners];
  return [gateway.name, ...listeners.map((listener) => attachmentName(gateway, listener))];
}

/** The gateways alone, for those who need nothing else. */
export function gatewaysOf(group: NodeGroup, intent: Intent): readonly Gateway[] {
  return intent.gateways.filter((gateway) => gateway.groups.includes(group.name));
}

function routesOf(gateways: readonly Gateway[], intent: Intent): readonly Route[] {
  const names = new Set(gateways.flatMap(attachmentNames));
  const routes = intent.routes.filter((route) => route.gateways.some((name) => names.has(name)));
  // The same list can be recognised.
  return routes.length === intent.routes.length ? intent.routes : routes;
}

function attachmentName(gateway: Gateway, listener: AnyListener): string {
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
  scope: Pick<GroupScope, "gateways" | "routes" | "rawResources">,
  known: RoutedMemo,
): readonly Service[] {
  const needed = routedServices(scope.routes, known.get(group.name));
  known.set(group.name, needed);
  const named = textsOfGroup(group, scope.rawResources, intent);
  const listed = group.services === undefined ? undefined : new Set(group.services);
  const isAll = scope.routes.length === intent.routes.length;
  const somewhere = isAll ? needed : routedServices(intent.routes, known.get(EVERYWHERE));
  known.set(EVERYWHERE, somewhere);
  // Then every service is needed here or nowhere.
  if (isAll && scope.gateways.length === intent.gateways.length && listed === undefined) return intent.services;
  const byGateways = new Set(scope.gateways.flatMap((gateway) => servicesOfGateway(gateway, intent)));
  const somewhereByGateways = new Set(intent.gateways.flatMap((gateway) => servicesOfGateway(gateway, intent)));
  return intent.services.filter(
    (service) =>
      needed.counts.has(service.name) ||
      byGateways.has(service.name) ||
      (named.size > 0 && clusterNamesOf(service).some((name) => named.has(name))) ||
      (listed === undefined
        ? !somewhere.counts.has(service.name) && !somewhereByGateways.has(service.name)
        : listed.has(service.name)),
  );
}

/** Counted on from the routes of before: an edit changes a few of thousands. */
function routedServices(routes: readonly Route[], before: RoutedServices | undefined): RoutedServices {
  if (before?.routes === routes) return before;
  const counts = new Map(before?.counts);
  const { gone, come } = differences(before?.routes ?? [], routes);
  for (const route of gone) countServices(counts, route, -1);
  for (const route of come) countServices(counts, route, 1);
  return { routes, counts };
}

/** Mostly none, and then no service is looked at. */
function mirroredBy(services: readonly Service[], routed: RoutedServices | undefined): readonly Mirrored[] {
  if (routed === undefined || ![...routed.counts.keys()].some(isMirror)) return [];
  const { counts } = routed;
  return services.flatMap((service) => [
    ...(counts.has(mirrorClusterName(service.name)) ? [{ service }] : []),
    ...service.subsets.flatMap((subset) =>
      counts.has(mirrorClusterName(service.name, subset.name)) ? [{ service, subset }] : [],
    ),
  ]);
}

function isMirror(name: string): boolean {
  return name.includes("|");
}

function countServices(counts: Map<string, number>, route: Route, by: number): void {
  const count = (name: string): void => {
    const sum = (counts.get(name) ?? 0) + by;
    if (sum === 0) counts.delete(name);
    else counts.set(name, sum);
  };
  servicesOfPolicies(route).forEach(count);
  for (const rule of route.rules) {
    for (const { service } of rule.target.backends) count(service);
    for (const { service, subset } of mirrorsOf(rule)) {
      count(service);
      count(mirrorClusterName(service, subset));
    }
    neededByParts(rule.httpFilters).services.forEach(count);
    servicesOfPolicies(rule).forEach(count);
  }
}
