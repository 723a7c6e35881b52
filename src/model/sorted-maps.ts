/**
 * JSON of a message with its maps in order, so that equal content gives equal bytes on every replica.
 *
 * Fields are written by their numbers whatever the order of the JSON; only the entries of a protobuf map, and
 * of a `Struct`, which is one, come as they stood. So a walk by descriptors goes where a map can be, which is
 * a part of most resources, and what is in order already is not copied.
 */
import type { DescField, DescMessage, JsonValue as ProtoJsonValue, Registry } from "@bufbuild/protobuf";
import type { JsonValue } from "./intent.ts";

/** Brings the maps of one value in order; the same object when they are. */
type Sort = (json: ProtoJsonValue) => ProtoJsonValue;

type JsonMap = { readonly [key: string]: ProtoJsonValue };

/** Well-known types whose JSON is free of form. */
const freeJson: ReadonlySet<string> = new Set(
  ["Struct", "Value", "ListValue"].map((name) => `google.protobuf.${name}`),
);
const ANY = "google.protobuf.Any";

/** A sorter for all messages of a registry; what it learns about a type it keeps. */
export function createMapSorter(registry: Registry): (type: DescMessage, json: JsonValue) => ProtoJsonValue {
  const learnt = new Map<DescMessage, Sort | undefined>();
  const reached = new Map<DescMessage, boolean>();

  /** Whether a map can be in a message of this type. */
  const holdsMap = (type: DescMessage): boolean => {
    const known = reached.get(type);
    if (known !== undefined) return known;
    const seen = new Set<DescMessage>();
    const reaches = (each: DescMessage): boolean => {
      if (each.typeName === ANY || freeJson.has(each.typeName)) return true;
      if (seen.has(each)) return false;
      seen.add(each);
      return each.fields.some(
        (field) => field.fieldKind === "map" || (field.message !== undefined && reaches(field.message)),
      );
    };
    const result = reaches(type);
    reached.set(type, result);
    return result;
  };

  /** Undefined when there is nothing to bring in order. */
  const sortOf = (type: DescMessage): Sort | undefined => {
    if (learnt.has(type)) return learnt.get(type);
    const sort = freeJson.has(type.typeName)
      ? canonical
      : type.typeName === ANY
        ? sortAny
        : holdsMap(type)
          ? fieldwise(type)
          : undefined;
    learnt.set(type, sort);
    return sort;
  };

  const sortAny: Sort = (json) => {
    const name = isMap(json) ? json["@type"] : undefined;
    const type = typeof name === "string" ? registry.getMessage(name.slice(name.lastIndexOf("/") + 1)) : undefined;
    // Well-known types stand under `value` and not beside `@type`.
    if (type === undefined || type.typeName.startsWith("google.protobuf.")) return canonical(json);
    return sortOf(type)?.(json) ?? json;
  };

  /** Compiled when the first message comes: a type may be in itself, and many types never come. */
  const fieldwise = (type: DescMessage): Sort => {
    let fields: ReadonlyMap<string, Sort> | undefined;
    return (json) => {
      fields ??= new Map(
        type.fields.flatMap((field) => {
          const sort = fieldSort(field);
          return sort === undefined ? [] : [field.name, field.jsonName].map((key): [string, Sort] => [key, sort]);
        }),
      );
      return isMap(json) ? sortFields(fields, json) : json;
    };
  };

  const fieldSort = (field: DescField): Sort | undefined => {
    const sort = field.message === undefined ? undefined : sortOf(field.message);
    if (field.fieldKind === "map") return (json) => (isMap(json) ? sortEntries(json, sort) : json);
    if (field.fieldKind !== "list") return sort;
    return sort && ((json) => (Array.isArray(json) ? sortItems(json, sort) : json));
  };

  return (type, json) => {
    const plain = json as ProtoJsonValue;
    return sortOf(type)?.(plain) ?? plain;
  };
}

/** All keys at every depth in order, which suits every type. */
export function canonical(json: ProtoJsonValue): ProtoJsonValue {
  if (Array.isArray(json)) return sortItems(json, canonical);
  return isMap(json) ? sortEntries(json, canonical) : json;
}

function sortFields(sorts: ReadonlyMap<string, Sort>, json: JsonMap): ProtoJsonValue {
  let copy: Record<string, ProtoJsonValue> | undefined;
  for (const key of Object.keys(json)) {
    // An extension's key is in brackets.
    const sort = sorts.get(key) ?? (key.startsWith("[") ? canonical : undefined);
    const before = json[key] as ProtoJsonValue;
    const after = sort === undefined ? before : sort(before);
    if (after !== before) (copy ??= { ...json })[key] = after;
  }
  return copy ?? json;
}

function sortEntries(json: JsonMap, sort: Sort | undefined): ProtoJsonValue {
  // An object without a prototype would be safe from this key, and costs twice as much.
  if (Object.hasOwn(json, "__proto__")) throw new Error("the key __proto__ is reserved");
  const keys = Object.keys(json);
  let copy: Record<string, ProtoJsonValue> | undefined;
  if (keys.some((key, index) => index > 0 && key < (keys[index - 1] as string))) {
    copy = {};
    for (const key of keys.sort()) copy[key] = json[key] as ProtoJsonValue;
  }
  if (sort === undefined) return copy ?? json;
  for (const key of keys) {
    const before = json[key] as ProtoJsonValue;
    const after = sort(before);
    if (after !== before) (copy ??= { ...json })[key] = after;
  }
  return copy ?? json;
}

function sortItems(items: ProtoJsonValue[], sort: Sort): ProtoJsonValue {
  let copy: ProtoJsonValue[] | undefined;
  for (const [index, before] of items.entries()) {
    const after = sort(before);
    if (after !== before) (copy ??= [...items])[index] = after;
  }
  return copy ?? items;
}

function isMap(json: ProtoJsonValue): json is { [key: string]: ProtoJsonValue } {
  return json !== null && typeof json === "object" && !Array.isArray(json);
}
