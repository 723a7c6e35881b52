/**
 * The resources of a snapshot as JSON, each decoded when it is first looked at.
 */
import type { Place } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";

/** A resource as proto3 JSON in lowerCamelCase, and where it comes from. */
export interface Located<Json> {
  readonly name: string;
  readonly json: Json;
  readonly at: Place;
}

/** Finds resources by type URL and name. */
export interface ResourceLookup {
  all<Json>(typeUrl: string): readonly Located<Json>[];
  get<Json>(typeUrl: string, name: string): Located<Json> | undefined;
}

/** A lookup in one snapshot; `Json` is the generated JSON type of the type URL, which the caller knows. */
export function lookUpIn(snapshot: Pick<Snapshot, "tables">, api: EnvoyApi): ResourceLookup {
  const decode = <Json>(resource: Resource): Located<Json> => ({
    name: resource.name,
    json: api.toJson(resource.typeUrl, resource.body) as Json,
    at: resource.at,
  });
  return {
    all: <Json>(typeUrl: string) =>
      [...(snapshot.tables.get(typeUrl)?.resources.values() ?? [])].map((resource) => decode<Json>(resource)),
    get: <Json>(typeUrl: string, name: string) => {
      const resource = snapshot.tables.get(typeUrl)?.resources.get(name as ResourceName);
      return resource === undefined ? undefined : decode<Json>(resource);
    },
  };
}
