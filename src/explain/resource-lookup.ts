/**
 * The resources of a snapshot as JSON, each decoded when it is first looked at.
 */
import type { Place } from "../model/diagnostic.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { JsonValue } from "../model/intent.ts";
import type { Origins } from "./origins.ts";
import type { Resource, ResourceName } from "../snapshot/resource.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";

/** A resource as proto3 JSON in lowerCamelCase, and where it comes from. */
export interface Located<Json> {
  readonly name: string;
  readonly json: Json;
  readonly at: Place;
  /** Where patches that changed it are written, in the order in which they are applied. */
  readonly patchedAt?: readonly Place[];
}

/** Finds resources by type URL and name. */
export interface ResourceLookup {
  all<Json>(typeUrl: string): readonly Located<Json>[];
  get<Json>(typeUrl: string, name: string): Located<Json> | undefined;
}

/** A lookup in one snapshot; `Json` is the generated JSON type of the type URL, which the caller knows. */
export function lookUpIn(snapshot: Pick<Snapshot, "tables">, api: EnvoyApi): ResourceLookup {
  return lookUp((wanted) => meetDemand(snapshot, wanted), api);
}

/** The same, but that a resource that patches changed has the place of its definition, and theirs beside it. */
export function withDefinitions(lookup: ResourceLookup, origins: Origins): ResourceLookup {
  const located = <Json>(typeUrl: string, found: Located<Json>): Located<Json> => {
    const patched = origins.patched(typeUrl, found.name);
    return patched === undefined ? found : { ...found, ...patched };
  };
  return {
    all: <Json>(typeUrl: string) => lookup.all<Json>(typeUrl).map((found) => located(typeUrl, found)),
    get: <Json>(typeUrl: string, name: string) => {
      const found = lookup.get<Json>(typeUrl, name);
      return found === undefined ? undefined : located(typeUrl, found);
    },
  };
}

/** What of a snapshot is asked for: one resource, or without a name all of a type. */
export interface ResourceDemand {
  readonly typeUrl: string;
  readonly name?: string;
}

/** As a lookup in the snapshot, but only with what was demanded before; `demand` is told of the rest. */
export function lookUpAmong(
  given: ReadonlyMap<string, readonly Resource[]>,
  api: EnvoyApi,
  demand: (wanted: ResourceDemand) => void,
): ResourceLookup {
  return lookUp((wanted) => {
    const found = given.get(demandKey(wanted));
    if (found === undefined) demand(wanted);
    return found ?? [];
  }, api);
}

/** Under which what was demanded is given. */
export function demandKey({ typeUrl, name }: ResourceDemand): string {
  return name === undefined ? typeUrl : `${typeUrl} ${name}`;
}

/** What a snapshot has of what is demanded. */
export function meetDemand(
  { tables }: Pick<Snapshot, "tables">,
  { typeUrl, name }: ResourceDemand,
): readonly Resource[] {
  const resources = tables.get(typeUrl)?.resources;
  if (name === undefined) return [...(resources?.values() ?? [])];
  const found = resources?.get(name as ResourceName);
  return found === undefined ? [] : [found];
}

function lookUp(find: (wanted: ResourceDemand) => readonly Resource[], api: EnvoyApi): ResourceLookup {
  const decoded = new Map<Resource, JsonValue>();
  const decode = <Json>(resource: Resource): Located<Json> => {
    const json = decoded.get(resource) ?? api.toJson(resource.typeUrl, resource.body);
    decoded.set(resource, json);
    return { name: resource.name, json: json as Json, at: resource.at };
  };
  return {
    all: <Json>(typeUrl: string) => find({ typeUrl }).map((resource) => decode<Json>(resource)),
    get: <Json>(typeUrl: string, name: string) => {
      const [resource] = find({ typeUrl, name });
      return resource === undefined ? undefined : decode<Json>(resource);
    },
  };
}
