/**
 * Which other resources a resource needs, found by walking its message.
 *
 * Works by reflection over the whole Envoy API, so that a cluster that a raw resource names deep inside
 * an extension's `Any` is found as well; `reference-fields.ts` says which field of which message names
 * what. Parts of a message that can name nothing, such as the hosts of a load assignment, are not walked.
 */
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";
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

  // Reflection is dear, so that only a message that can name something is looked at through it.
  const walk = (type: DescMessage, message: Message, found: Map<string, Reference>): void => {
    if (type.typeName === anyType) {
      const inner = anyUnpack(message as Any, api.registry);
      const innerType = inner === undefined ? undefined : api.registry.getMessage(inner.$typeName);
      if (inner !== undefined && innerType !== undefined) walk(innerType, inner, found);
      return;
    }
    if (referencingFields.has(type.typeName)) {
      for (const reference of referencesOf(reflect(type, message))) {
        found.set(`${reference.typeUrl} ${reference.name}`, reference);
      }
    }
    for (const field of fieldsToWalk(type)) walkField(field, message, found);
  };

  const walkField = (field: DescField, message: Fields, found: Map<string, Reference>): void => {
    const value = valueOf(message, field);
    const type = field.message;
    if (value === undefined || type === undefined) return;
    if (field.fieldKind === "message") walk(type, value as Message, found);
    else for (const each of Object.values(value as Messages)) walk(type, each, found);
  };

  return {
    find(typeUrl, message) {
      const type = present(api.descriptor(typeUrl), "a message that was encoded has a descriptor");
      const found = new Map<string, Reference>();
      walk(type, message, found);
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

/** A message as the runtime keeps it: fields by their local names. */
type Fields = Readonly<Record<string, unknown>>;
/** A list of messages, or a map of them. */
type Messages = readonly Message[] | Readonly<Record<string, Message>>;

/** What the field holds; undefined when it is a message that is not there, or not the chosen one of a oneof. */
function valueOf(message: Fields, field: DescField): unknown {
  if (field.oneof === undefined) return message[field.localName];
  const chosen = message[field.oneof.localName] as { readonly case?: string; readonly value?: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}
