/**
 * Intent → Envoy resources, for each node group.
 *
 * Pure: the same intent gives the same JSON on every replica. Nothing is checked here that `model` has
 * checked, and nothing is versioned or encoded; that is `snapshot`'s. One file for each Envoy noun.
 */
import type { Gateway, Intent, RawResource, Route, Service } from "../model/intent.ts";
import { translateService } from "./cluster.ts";
import type { EnvoyResource, GroupResources } from "./envoy-resource.ts";
import { isAttached, scopeOf } from "./group-scope.ts";
import { translateListener } from "./listener.ts";
import { translateRouteConfiguration } from "./route-configuration.ts";

/**
 * What a service or a raw resource became, by identity: an edit of one file leaves the objects of all other
 * files as they were. Only what depends on nothing else may be in it, so gateways, which need all routes, are not.
 */
export type TranslationMemo = WeakMap<Service | RawResource, readonly EnvoyResource[]>;

/**
 * Every group's resources, groups in the order of the intent; names may clash, which `snapshot` reports.
 * A resource that several groups have is one object, so that the work behind this stage is done once.
 */
export function translate(intent: Intent, memo: TranslationMemo = new WeakMap()): readonly GroupResources[] {
  const services = translateOnce(memo, translateService);
  const rawResources = translateOnce(memo, (raw: RawResource) => [translateRaw(raw)]);
  const gateways = translateOnce(new WeakMap(), (gateway: Gateway) => translateGateway(gateway, intent.routes));
  return intent.groups.map((group) => {
    const scope = scopeOf(group, intent);
    return {
      group,
      resources: [
        ...scope.services.flatMap(services),
        ...scope.gateways.flatMap(gateways),
        ...scope.rawResources.flatMap(rawResources),
      ],
    };
  });
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

function translateGateway(gateway: Gateway, routes: readonly Route[]): readonly EnvoyResource[] {
  return gateway.listeners.flatMap((listener) => [
    translateListener(gateway, listener),
    translateRouteConfiguration(
      gateway,
      listener,
      routes.filter((route) => isAttached(route, gateway, listener)),
    ),
  ]);
}

function translateRaw({ typeUrl, name, json, at }: RawResource): EnvoyResource {
  const { "@type": _, ...fields } = json;
  return { typeUrl, name, json: fields, at };
}
