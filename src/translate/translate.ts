/**
 * Intent → Envoy resources, for each node group.
 *
 * Pure: the same intent gives the same JSON on every replica. Nothing is checked here that `model` has
 * checked, and nothing is versioned or encoded; that is `snapshot`'s. One file for each Envoy noun.
 */
import type { Gateway, Intent, RawResource, Route } from "../model/intent.ts";
import { translateService } from "./cluster.ts";
import type { EnvoyResource, GroupResources } from "./envoy-resource.ts";
import { isAttached, scopeOf } from "./group-scope.ts";
import { translateListener } from "./listener.ts";
import { translateRouteConfiguration } from "./route-configuration.ts";

/**
 * Every group's resources, groups in the order of the intent; names may clash, which `snapshot` reports.
 * A resource that several groups have is one object, so that the work behind this stage is done once.
 */
export function translate(intent: Intent): readonly GroupResources[] {
  const services = translateEach(intent.services, translateService);
  const gateways = translateEach(intent.gateways, (gateway) => translateGateway(gateway, intent.routes));
  const rawResources = translateEach(intent.rawResources, (raw) => [translateRaw(raw)]);
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

/** A lookup of what each item became. */
function translateEach<Item>(
  items: readonly Item[],
  translateItem: (item: Item) => readonly EnvoyResource[],
): (item: Item) => readonly EnvoyResource[] {
  const translated = new Map(items.map((item) => [item, translateItem(item)]));
  return (item) => translated.get(item) ?? [];
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
