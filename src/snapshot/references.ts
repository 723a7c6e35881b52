/**
 * Which other resources a resource needs, found by walking its message.
 *
 * Works by reflection over the whole Envoy API, so that a cluster that a raw resource names deep inside
 * an extension's `Any` is found as well; `reference-fields.ts` says which field of which message names
 * what. Parts of a message that can name nothing, such as the hosts of a load assignment, are not walked.
 */
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { EnvoyApi } from "../model/envoy-api.ts";
import { present } from "../support/assert.ts";
import { referencesOf, referencingFields } from "./reference-fields.ts";
import type { Reference } from "./resource.ts";

const anyType = "google.protobuf.Any";

/**
 * What metadata and structs hold is for filters to interpret; Envoy resolves no name in it. Without this
 * every host of a load assignment would be walked for the sake of its labels.
 */
const opaque: ReadonlySet<string> = new Set(["envoy.config.core.v3.Metadata", "google.protobuf.Struct"]);

/** Finds references; keep one for each Envoy API, since it learns which parts of a type can hold any. */
export interface ReferenceFinder {
  /** Distinct, sorted by type and name. */
  find(typeUrl: string, message: Message): readonly Reference[];
}

/** A finder over an Envoy API. */
export function createReferenceFinder(api: EnvoyApi): ReferenceFinder {
  const learnt = new Map<DescMessage, readonly DescField[]>();

  const fieldsToWalk = (type: DescMessage): readonly DescField[] => {
    const known = learnt.get(type);
    if (known !== undefined) return known;
    const fields = type.fields.filter((field) => field.message !== undefined && canName(field.message, new Set()));
    learnt.set(type, fields);
    return fields;
  };

  const walk = (message: ReflectMessage, found: Map<string, Reference>): void => {
    for (const reference of referencesOf(message)) found.set(`${reference.typeUrl} ${reference.name}`, reference);
    if (message.desc.typeName === anyType) {
      const inner = unpack(api, message);
      if (inner !== undefined) walk(inner, found);
      return;
    }
    for (const field of fieldsToWalk(message.desc)) {
      for (const child of childrenOf(message, field)) walk(child, found);
    }
  };

  return {
    find(typeUrl, message) {
      const type = present(api.descriptor(typeUrl), "a message that was encoded has a descriptor");
      const found = new Map<string, Reference>();
      walk(reflect(type, message), found);
      return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, reference]) => reference);
    },
  };
}

/** Whether a message of this type, or one inside it, can name a resource; an `Any` can hold whatever can. */
function canName(type: DescMessage, seen: Set<DescMessage>): boolean {
  if (opaque.has(type.typeName) || seen.has(type)) return false;
  seen.add(type);
  if (type.typeName === anyType || referencingFields.has(type.typeName)) return true;
  return type.fields.some((field) => field.message !== undefined && canName(field.message, seen));
}

/** The message in an `Any`; undefined when it is empty or of a type that the API does not have. */
function unpack(api: EnvoyApi, any: ReflectMessage): ReflectMessage | undefined {
  const inner = anyUnpack(any.message as Any, api.registry);
  const type = inner === undefined ? undefined : api.registry.getMessage(inner.$typeName);
  return inner === undefined || type === undefined ? undefined : reflect(type, inner);
}

/** The messages in a field: one, a list's or a map's. */
function childrenOf(message: ReflectMessage, field: DescField): readonly ReflectMessage[] {
  if (!message.isSet(field)) return [];
  if (field.fieldKind === "message") return [message.get(field)];
  if (field.fieldKind === "list" && field.listKind === "message") return [...message.get(field)] as ReflectMessage[];
  if (field.fieldKind === "map" && field.mapKind === "message") {
    return [...message.get(field).values()] as ReflectMessage[];
  }
  return [];
}
