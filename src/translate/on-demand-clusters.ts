/**
 * Which clusters the Envoys of a group ask for when a request needs them, and the filter that does it.
 *
 * Envoy fetches only what a route of HTTP chooses for a request, with its filter `on_demand`. What a filter calls, an
 * access log or a trace goes to, a copy of a request, a connection of TCP or UDP and a cluster made of others need is
 * there from the start. So is what raw resources, patches and extensions name: nobody knows what for.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/on_demand_updates_filter
 */
import type { HttpFilterJson } from "../gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.d.ts";
import { neededByParts } from "../model/filter-parts.ts";
import type { Gateway } from "../model/intent-gateway.ts";
import type { Service } from "../model/intent-service.ts";
import type { Intent, NodeGroup } from "../model/intent.ts";
import { collectExtensionTexts, servicesOfGateway, servicesOfPolicies, textsOfGroup } from "./called-services.ts";
import { fromAds } from "./config-source.ts";
import { duration } from "./duration.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyTypes, onDemandResource } from "./envoy-resource.ts";
import type { GroupScope } from "./group-scope.ts";
import { clusterNamesOf } from "./names.ts";
import { packAny } from "./pack-any.ts";

/** Envoy's default. */
const timeoutMs = 5_000;

/** What the gateway of a group says of it when nothing is written. */
export function onDemandOf({ onDemandClusters }: NodeGroup): Pick<Gateway, "onDemandClusters"> {
  if (onDemandClusters === undefined) return {};
  return { onDemandClusters: { timeoutMs: onDemandClusters.timeoutMs ?? timeoutMs } };
}

/**
 * It stands right before the router, because every filter before it may still choose another route. Envoy may begin anew
 * with a request that has waited (`on_demand_cluster_no_recreate_stream`), and then these filters see it twice.
 */
export function onDemandFilters({ onDemandClusters }: Gateway): readonly HttpFilterJson[] {
  if (onDemandClusters === undefined) return [];
  const timeout = duration(onDemandClusters.timeoutMs ?? timeoutMs);
  const typedConfig = packAny("envoy.extensions.filters.http.on_demand.v3.OnDemand", {
    odcds: { source: fromAds, timeout },
  });
  return [{ name: "envoy.filters.http.on_demand", typedConfig }];
}

const marked = new WeakMap<EnvoyResource, EnvoyResource>();

/** The resources of a service that is asked for, the same objects each time; endpoints are asked for anyway. */
export function askedResources(resources: readonly EnvoyResource[]): readonly EnvoyResource[] {
  return resources.map((resource) => {
    if (resource.typeUrl !== envoyTypes.cluster) return resource;
    const known = marked.get(resource) ?? onDemandResource(resource);
    marked.set(resource, known);
    return known;
  });
}

/** Of the services of a group those that its Envoys ask for. */
export function askedServices(group: NodeGroup, scope: GroupScope, intent: Intent): ReadonlySet<Service> {
  if (group.onDemandClusters === undefined) return noServices;
  const { gateways, routes, services } = scope;
  const called = new Set([
    ...gateways.flatMap((gateway) => servicesOfGateway(gateway, intent)),
    ...routes.flatMap((route) => [
      ...servicesOfPolicies(route),
      ...route.rules.flatMap((rule) => [...servicesOfPolicies(rule), ...neededByParts(rule.httpFilters).services]),
    ]),
  ]);
  const texts = textsOfGroup(group, scope, intent);
  for (const route of routes) collectExtensionTexts(route, texts);
  const isNeeded = (service: Service): boolean =>
    called.has(service.name) ||
    hasFallback(service) ||
    (texts.size > 0 && clusterNamesOf(service).some((name) => texts.has(name)));
  return new Set(services.filter((service) => !isNeeded(service)));
}

const noServices: ReadonlySet<Service> = new Set();

/** A cluster that falls back to others needs them all at once, and nobody asks for those. */
function hasFallback({ subsets }: Service): boolean {
  return subsets.some(({ fallbacks }) => fallbacks !== undefined);
}
