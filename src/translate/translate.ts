/**
 * Intent → Envoy resources, for each node group.
 *
 * Pure: the same intent gives the same JSON on every replica. Nothing is checked here that `model` has
 * checked, and nothing is versioned or encoded; that is `snapshot`'s. One file for each Envoy noun.
 */
import type { Gateway, GatewayListener, GrpcListener } from "../model/intent-gateway.ts";
import type { Route } from "../model/intent-route.ts";
import type { Secret } from "../model/intent-secret.ts";
import type { Service } from "../model/intent-service.ts";
import type { Intent, NodeGroup, RawResource } from "../model/intent.ts";
import { sameContent, sameItems } from "../support/same-content.ts";
import type { RetryPolicyJson } from "../gen/envoy/config/route/v3/route_components_pb.d.ts";
import { copyRetries } from "./copy-retries.ts";
import { translateMirrorCluster, translateService } from "./cluster.ts";
import type { EnvoyResource, GroupResources } from "./envoy-resource.ts";
import type { GroupScope, Mirrored, RoutedMemo } from "./group-scope.ts";
import { EVERYWHERE, isAttached, routesOn, scopeOf } from "./group-scope.ts";
import type { KnownTargets } from "./grpc-listener.ts";
import { translateGrpcListener } from "./grpc-listener.ts";
import type { NarrowedRoutes } from "./listener-hostnames.ts";
import { narrowRoutes } from "./listener-hostnames.ts";
import { tlsRouteChains, translateTcpListeners } from "./l4-listener.ts";
import type { SharedChain } from "./listener.ts";
import { translateHttp3Listeners } from "./http3-listener.ts";
import { httpsChains, translateListener, translateSharedListeners } from "./listener.ts";
import { mirrorClusterName } from "./names.ts";
import { askedResources, askedServices } from "./on-demand-clusters.ts";
import { translateRouteConfiguration } from "./route-configuration.ts";
import { translateRuntime } from "./runtime-layer.ts";
import { translateUdpListeners } from "./udp-listener.ts";
import { translateSecret } from "./secret.ts";
import { secretsOfPatches, usedSecrets } from "./used-secrets.ts";
import type { KnownHosts } from "./virtual-host.ts";

/**
 * What became of each item, by identity: an edit of one file leaves the objects of all other files as they
 * were. A gateway's resources hold while its routes are the same objects as well; policies are in both.
 */
export interface TranslationMemo {
  readonly routed: RoutedMemo;
  /** By group. */
  readonly services: Map<string, TranslatedServices>;
  readonly items: WeakMap<Service | Secret | RawResource, readonly EnvoyResource[]>;
  /** The clusters for copies of requests, by service and the name of the cluster. */
  readonly mirrors: WeakMap<Service, Map<string, TranslatedMirror>>;
  readonly gateways: WeakMap<
    Gateway,
    {
      readonly routes: readonly Route[];
      readonly resources: readonly EnvoyResource[];
      /** By the name of the listener. */
      readonly hosts: ReadonlyMap<string, KnownHosts>;
      readonly targets: ReadonlyMap<string, KnownTargets>;
    }
  >;
  /** A route keeps its narrowed copy. */
  readonly narrowed: WeakMap<GatewayListener, NarrowedRoutes>;
}

interface TranslatedMirror {
  readonly cluster: EnvoyResource;
  readonly retry: RetryPolicyJson | undefined;
}

/** With nothing translated yet; keep it between calls. */
export function createTranslationMemo(): TranslationMemo {
  return {
    routed: new Map(),
    services: new Map(),
    items: new WeakMap(),
    mirrors: new WeakMap(),
    gateways: new WeakMap(),
    narrowed: new WeakMap(),
  };
}

/**
 * Every group's resources, groups in the order of the intent; names may clash, which `snapshot` reports.
 * A resource that several groups have is one object, so that the work behind this stage is done once.
 */
export function translate(intent: Intent, memo: TranslationMemo = createTranslationMemo()): readonly GroupResources[] {
  const rawResources = translateOnce(memo.items, (raw: RawResource) => [translateRaw(raw)]);
  const secrets = translateOnce(memo.items, translateSecret);
  const gateways = (gateway: Gateway) => gatewayOnce(memo, gateway, intent.routes);
  const names = new Set(intent.groups.map(({ name }) => name));
  for (const map of [memo.routed, memo.services]) {
    for (const name of map.keys()) if (!names.has(name) && name !== EVERYWHERE) map.delete(name);
  }
  return intent.groups.map((group) => {
    const scope = scopeOf(group, intent, memo.routed);
    const chains = scope.gateways.flatMap((gateway) => sharedChains(memo, gateway, intent));
    const made = [
      ...translateServices(memo, group.name, scope, askedServices(group, scope, intent)),
      ...translateMirrored(memo.mirrors, scope, intent.routes),
      ...translateRuntime(group, scope),
      ...scope.gateways.flatMap(gateways),
      ...translateSharedListeners(chains),
      ...translateHttp3Listeners(chains),
      ...scope.gateways.flatMap((gateway) => translateTcpListeners(gateway, intent.l4Routes)),
      ...scope.gateways.flatMap((gateway) => translateUdpListeners(gateway, intent.l4Routes)),
    ];
    const raws = scope.rawResources.flatMap(rawResources);
    const needed = secretsOfGroup(group, scope, intent, [...made, ...raws]);
    return { group, resources: [...made, ...needed.flatMap(secrets), ...raws] };
  });
}

/** Only those that something of the group uses: a secret is for whom it is needed by, and nobody else. */
function secretsOfGroup(
  group: NodeGroup,
  scope: GroupScope,
  { secrets, patches }: Intent,
  made: readonly EnvoyResource[],
): readonly Secret[] {
  if (secrets.length === 0) return secrets;
  const [used, patched] = [usedSecrets(scope), secretsOfPatches(group, patches, made)];
  return secrets.filter(({ name }) => used.has(name) || patched.has(name));
}

function sharedChains(memo: TranslationMemo, gateway: Gateway, { routes, l4Routes }: Intent): readonly SharedChain[] {
  const ofGateway = routesOn(gateway, routes);
  return [
    ...httpsChains(gateway, (listener) => servedBy(memo, gateway, listener, ofGateway)),
    ...tlsRouteChains(gateway, l4Routes),
  ];
}

/** The resources of services side by side, because to look up ten thousand takes longer than to compare them. */
interface TranslatedServices {
  readonly services: readonly Service[];
  readonly lists: readonly (readonly EnvoyResource[])[];
  readonly resources: readonly EnvoyResource[];
}

function translateServices(
  memo: TranslationMemo,
  group: string,
  { services }: GroupScope,
  asked: ReadonlySet<Service>,
): readonly EnvoyResource[] {
  const { lists, resources } = translateList(memo, group, services);
  if (asked.size === 0) return resources;
  return services.flatMap((service, index) => {
    const list = lists[index] ?? [];
    return asked.has(service) ? askedResources(list) : list;
  });
}

function translateList(memo: TranslationMemo, group: string, services: readonly Service[]): TranslatedServices {
  const before = memo.services.get(group);
  if (before?.services === services) return before;
  const lookUp = translateOnce(memo.items, translateService);
  let shift = 0;
  const lists = services.map((service, index) => {
    if (before === undefined || before.services[index + shift] === service) {
      return before?.lists[index + shift] ?? lookUp(service);
    }
    // One more or one less than before.
    if (before.services[index + shift - 1] === service) shift -= 1;
    else if (before.services[index + shift + 1] === service) shift += 1;
    return lookUp(service);
  });
  const translated = { services, lists, resources: lists.flat() };
  memo.services.set(group, translated);
  return translated;
}

function translateOnce<Item extends object>(
  memo: WeakMap<Item, readonly EnvoyResource[]>,
  translateItem: (item: Item) => readonly EnvoyResource[],
): (item: Item) => readonly EnvoyResource[] {
  return (item) => {
    const known = memo.get(item);
    if (known !== undefined) return known;
    const translated = translateItem(item);
    memo.set(item, translated);
    return translated;
  };
}

/** Mostly there are none, and then no rule is looked at. */
function translateMirrored(
  memo: TranslationMemo["mirrors"],
  { mirrored, gateways }: GroupScope,
  routes: readonly Route[],
): readonly EnvoyResource[] {
  if (mirrored.length === 0) return [];
  const retries = copyRetries(gateways, routes);
  return mirrored.map((each) => {
    const name = mirrorClusterName(each.service.name, each.subset?.name);
    return mirrorOnce(memo, each, { name, retry: retries.get(name) });
  });
}

function mirrorOnce(
  memo: TranslationMemo["mirrors"],
  mirrored: Mirrored,
  { name, retry }: { readonly name: string; readonly retry: RetryPolicyJson | undefined },
): EnvoyResource {
  const ofService = memo.get(mirrored.service) ?? new Map<string, TranslatedMirror>();
  memo.set(mirrored.service, ofService);
  const known = ofService.get(name);
  if (known !== undefined && sameContent(known.retry, retry)) return known.cluster;
  const cluster = translateMirrorCluster(mirrored, retry);
  ofService.set(name, { cluster, retry });
  return cluster;
}

function gatewayOnce(memo: TranslationMemo, gateway: Gateway, all: readonly Route[]): readonly EnvoyResource[] {
  const routes = routesOn(gateway, all);
  const known = memo.gateways.get(gateway);
  if (known !== undefined && sameItems(known.routes, routes)) return known.resources;
  const { hosts, targets } = known ?? {
    hosts: new Map(gateway.listeners.map(({ name }) => [name, new Map() as KnownHosts] as const)),
    targets: new Map(gateway.grpcListeners.map(({ name }) => [name, new Map() as KnownTargets] as const)),
  };
  const forGrpc = gateway.grpcListeners.flatMap((listener) =>
    translateGrpcListener(gateway, listener, attachedTo(routes, gateway, listener), targets.get(listener.name)),
  );
  const resources = [...translateGateway(memo, gateway, routes, hosts), ...forGrpc];
  memo.gateways.set(gateway, { routes, resources, hosts, targets });
  return resources;
}

function translateGateway(
  memo: TranslationMemo,
  gateway: Gateway,
  routes: readonly Route[],
  hosts: ReadonlyMap<string, KnownHosts>,
): readonly EnvoyResource[] {
  return gateway.listeners.flatMap((listener) => {
    const served = servedBy(memo, gateway, listener, routes);
    return [
      // Those of HTTPS may be shared with other gateways.
      ...(listener.tls === undefined ? [translateListener(gateway, listener, served)] : []),
      translateRouteConfiguration(gateway, listener, served, hosts.get(listener.name)),
    ];
  });
}

/** The routes attached to a listener, with the hostnames that they have there. */
function servedBy(
  memo: TranslationMemo,
  gateway: Gateway,
  listener: GatewayListener,
  routes: readonly Route[],
): readonly Route[] {
  const narrowed: NarrowedRoutes = memo.narrowed.get(listener) ?? new WeakMap();
  memo.narrowed.set(listener, narrowed);
  return narrowRoutes(listener, attachedTo(routes, gateway, listener), narrowed);
}

function attachedTo(
  routes: readonly Route[],
  gateway: Gateway,
  listener: GatewayListener | GrpcListener,
): readonly Route[] {
  return routes.filter((route) => isAttached(route, gateway, listener));
}

function translateRaw({ typeUrl, name, json, at, ttlMs }: RawResource): EnvoyResource {
  const { "@type": _, ...fields } = json;
  return { typeUrl, name, json: fields, at, ...(ttlMs === undefined ? {} : { ttlMs }) };
}
