/**
 * The services that xDS is served on: the aggregated one, and one for each type.
 *
 * On the service of a type the type is known, so requests need not name it, and may name no other. Each stream
 * of such a service is a stream of its own; companions.ts orders it against the others of its node. Polling is
 * not served. https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#rpc-services-and-methods-for-each-variant
 */
import { ClusterDiscoveryServiceDefinition } from "../gen/envoy/service/cluster/v3/cds.ts";
import { AggregatedDiscoveryServiceDefinition } from "../gen/envoy/service/discovery/v3/ads.ts";
import { EndpointDiscoveryServiceDefinition } from "../gen/envoy/service/endpoint/v3/eds.ts";
import { ExtensionConfigDiscoveryServiceDefinition } from "../gen/envoy/service/extension/v3/config_discovery.ts";
import { ListenerDiscoveryServiceDefinition } from "../gen/envoy/service/listener/v3/lds.ts";
import {
  RouteDiscoveryServiceDefinition,
  VirtualHostDiscoveryServiceDefinition,
} from "../gen/envoy/service/route/v3/rds.ts";
import { ScopedRoutesDiscoveryServiceDefinition } from "../gen/envoy/service/route/v3/srds.ts";
import { RuntimeDiscoveryServiceDefinition } from "../gen/envoy/service/runtime/v3/rtds.ts";
import { SecretDiscoveryServiceDefinition } from "../gen/envoy/service/secret/v3/sds.ts";
import type { ResourceType } from "../snapshot/type-url.ts";
import { resourceTypes } from "../snapshot/type-url.ts";
import { present } from "../support/assert.ts";
import type { Variant } from "./stream-state.ts";

/** One method, by its path. */
export interface DiscoveryMethod {
  /** `/package.Service/Method` */
  readonly path: string;
  /** Polling asks once and is refused. */
  readonly variant: Variant | "poll";
  /** The only type of its streams; undefined for the aggregated service. */
  readonly typeUrl: string | undefined;
}

interface Service {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, { readonly name: string }>>;
}

/** By the short name of the type; virtual hosts have no state of the world. */
const services: readonly (readonly [shortName: ResourceType["shortName"] | undefined, service: Service])[] = [
  [undefined, AggregatedDiscoveryServiceDefinition],
  ["CDS", ClusterDiscoveryServiceDefinition],
  ["EDS", EndpointDiscoveryServiceDefinition],
  ["LDS", ListenerDiscoveryServiceDefinition],
  ["RDS", RouteDiscoveryServiceDefinition],
  ["SRDS", ScopedRoutesDiscoveryServiceDefinition],
  ["VHDS", VirtualHostDiscoveryServiceDefinition],
  ["SDS", SecretDiscoveryServiceDefinition],
  ["RTDS", RuntimeDiscoveryServiceDefinition],
  ["ECDS", ExtensionConfigDiscoveryServiceDefinition],
];

/** Every method of every service. */
export const discoveryMethods: readonly DiscoveryMethod[] = services.flatMap(([shortName, service]) => {
  const type = resourceTypes.find((each) => each.shortName === shortName);
  return Object.values(service.methods).map(({ name }) => ({
    path: `/${service.fullName}/${name}`,
    variant: variantOf(name),
    typeUrl: type?.typeUrl,
  }));
});

function variantOf(method: string): DiscoveryMethod["variant"] {
  const [, verb] = /^(Stream|Delta|Fetch)[A-Z]/.exec(method) ?? [];
  const variants: Readonly<Record<string, DiscoveryMethod["variant"]>> = {
    Stream: "sotw",
    Delta: "delta",
    Fetch: "poll",
  };
  return present(variants[verb ?? ""], "the methods of discovery services are called Stream…, Delta… and Fetch…");
}
