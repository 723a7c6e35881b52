/**
 * The output of `translate`: Envoy v3 resources as proto3 JSON, each with the place that caused it.
 *
 * JSON and not messages, because it is what raw resources are written in, what the goldens show and what
 * the Envoy API turns into bytes; the generated JSON types (`gen/`) check the shapes that code writes.
 */
import type { Place } from "../model/diagnostic.ts";
import type { JsonValue, NodeGroup } from "../model/intent.ts";

/** One resource, without `@type` at its top. */
export interface EnvoyResource {
  readonly typeUrl: string;
  readonly name: string;
  readonly json: { readonly [key: string]: JsonValue };
  readonly at: Place;
  /** How long it lasts in an Envoy that hears nothing; absent means for ever. */
  readonly ttlMs?: number;
  /** Only an Envoy that asks for it by its name gets it. */
  readonly onDemand?: true;
}

/** Everything that the nodes of one group get. */
export interface GroupResources {
  readonly group: NodeGroup;
  readonly resources: readonly EnvoyResource[];
}

/** The types of the resources that Fairway makes itself; raw resources may have any other. */
export const envoyTypes = {
  cluster: "type.googleapis.com/envoy.config.cluster.v3.Cluster",
  endpoints: "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "type.googleapis.com/envoy.config.listener.v3.Listener",
  secret: "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
  route: "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
  runtime: "type.googleapis.com/envoy.service.runtime.v3.Runtime",
} as const;

/** A resource from the JSON of a generated type; those are JSON, which their declarations cannot say. */
export function envoyResource(typeUrl: string, name: string, json: object, at: Place): EnvoyResource {
  return { typeUrl, name, json: json as EnvoyResource["json"], at };
}

/**
 * The same, with JSON that is made each time that somebody asks for it. Resources live as long as the intent that they
 * were made from, and are mostly asked once: kept, the JSON of a hundred thousand hosts would be the larger part of both.
 */
export function lazyResource(typeUrl: string, name: string, at: Place, make: () => object): EnvoyResource {
  return new LazyResource(typeUrl, name, at, make);
}

/** The same, for who asks for it by its name and nobody else. */
export function onDemandResource(resource: EnvoyResource): EnvoyResource {
  const { typeUrl, name, at } = resource;
  return Object.assign(new LazyResource(typeUrl, name, at, () => resource.json), { onDemand: true as const });
}

class LazyResource implements EnvoyResource {
  readonly typeUrl: string;
  readonly name: string;
  readonly at: Place;
  readonly #make: () => object;

  constructor(typeUrl: string, name: string, at: Place, make: () => object) {
    this.typeUrl = typeUrl;
    this.name = name;
    this.at = at;
    this.#make = make;
  }

  get json(): EnvoyResource["json"] {
    return this.#make() as EnvoyResource["json"];
  }
}
