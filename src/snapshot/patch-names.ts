/**
 * The fields that a patch names, in the spelling of the resource it is applied to.
 *
 * People write a patch against what `fairway render` or Envoy's documentation shows, in snake_case; resources
 * are proto3 JSON in lowerCamelCase. So every field is looked up in the descriptor of the message that it
 * stands in, which also finds the misspelt ones. A message in an `Any` is told by the patch's own `@type`, or
 * else by that of what is patched.
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { closestName } from "../model/closest-name.ts";
import type { EnvoyApi } from "../model/envoy-api.ts";
import type { JsonValue } from "../model/intent.ts";
import type { Path } from "../model/position.ts";

type JsonMap = { readonly [key: string]: JsonValue };

/** Why a patch cannot be applied, and where in the patch. */
export interface PatchProblem {
  readonly message: string;
  readonly hint?: string;
  /** In the resource. */
  readonly path: Path;
}

/** A value that is a problem of the patch; thrown by the walk and caught by `apply-patches.ts`. */
export class PatchError extends Error {
  readonly problem: PatchProblem;

  constructor(problem: PatchProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** What stands at a place of a resource: a message of a type, or anything that has no fields. */
export type Slot = { readonly kind: "message"; readonly type: DescMessage } | FieldSlot | { readonly kind: "opaque" };

interface FieldSlot {
  readonly kind: "list" | "map";
  readonly field: DescField;
}

/** A value that a patch writes at `path`, with the names of `slot`; where it sets one of several alternatives that `target` has, the others become null. */
export function withJsonNames(api: EnvoyApi, slot: Slot, part: PatchedPart): JsonValue {
  return rename(api, slot, part);
}

/** The steps of a pointer in the names of the resource, and what stands at its end. */
export function resolvePointer(
  api: EnvoyApi,
  type: DescMessage,
  resource: JsonValue,
  pointer: readonly string[],
): { readonly steps: readonly string[]; readonly slot: Slot } {
  let slot: Slot = { kind: "message", type };
  let value: JsonValue | undefined = resource;
  const steps: string[] = [];
  for (const step of pointer) {
    if (slot.kind === "message") {
      const actual = actualType(api, slot.type, value, []);
      if (actual === undefined) slot = { kind: "opaque" };
      else {
        const field = fieldNamed(actual, step, []);
        steps.push(field === undefined ? step : field.jsonName);
        slot = field === undefined ? { kind: "opaque" } : slotOf(field);
        value = child(value, steps.at(-1) ?? step);
        continue;
      }
    } else if (slot.kind !== "opaque") slot = itemSlot(slot.field);
    steps.push(step);
    value = child(value, step);
  }
  return { steps, slot };
}

/** What a patch writes, and what is there before it. */
export interface PatchedPart {
  readonly value: JsonValue;
  readonly target: JsonValue | undefined;
  readonly path: Path;
}

function rename(api: EnvoyApi, slot: Slot, part: PatchedPart): JsonValue {
  const { value, target, path } = part;
  if (value === null || typeof value !== "object" || slot.kind === "opaque") return value;
  if (Array.isArray(value)) {
    if (slot.kind !== "list") return value;
    const inner = itemSlot(slot.field);
    return value.map((item: JsonValue, index) =>
      rename(api, inner, { value: item, target: undefined, path: [...path, index] }),
    );
  }
  if (slot.kind === "list") return value;
  const map = value as JsonMap;
  if ("field" in slot) {
    const inner = itemSlot(slot.field);
    return mapEntries(map, (key, item) => [
      key,
      rename(api, inner, { value: item, target: child(target, key), path: [...path, key] }),
    ]);
  }
  const type = actualType(api, slot.type, map["@type"] === undefined ? target : map, path);
  if (type === undefined) return value;
  const sameType = map["@type"] === undefined || map["@type"] === child(target, "@type");
  return renameFields(api, type, { value: map, target: sameType ? target : undefined, path });
}

function renameFields(api: EnvoyApi, type: DescMessage, part: PatchedPart & { readonly value: JsonMap }): JsonMap {
  const { value, target, path } = part;
  const renamed: { [key: string]: JsonValue } = {};
  const others: { [key: string]: JsonValue } = {};
  for (const [key, item] of Object.entries(value)) {
    const field = fieldNamed(type, key, path);
    if (field === undefined) {
      renamed[key] = item;
      continue;
    }
    const inner = { value: item, target: child(target, field.jsonName), path: [...path, key] };
    renamed[field.jsonName] = rename(api, slotOf(field), inner);
    if (item === null) continue;
    for (const sibling of field.oneof?.fields ?? []) {
      if (sibling !== field && child(target, sibling.jsonName) !== undefined) others[sibling.jsonName] = null;
    }
  }
  return { ...others, ...renamed };
}

/** The message in an `Any`; undefined for what has no fields of its own in JSON, such as a Struct. */
function actualType(
  api: EnvoyApi,
  type: DescMessage,
  value: JsonValue | undefined,
  path: Path,
): DescMessage | undefined {
  if (type.typeName !== "google.protobuf.Any") return type.typeName.startsWith("google.protobuf.") ? undefined : type;
  const typeUrl = child(value, "@type");
  if (typeof typeUrl !== "string") {
    throw new PatchError({ message: "there is no message of a known type here yet", hint: "write its `@type`", path });
  }
  const found = api.descriptor(typeUrl);
  if (found === undefined)
    throw new PatchError({ message: `the Envoy API has no type ${typeUrl}`, path: [...path, "@type"] });
  return found.typeName.startsWith("google.protobuf.") ? undefined : found;
}

/** Undefined for `@type`, which is no field. */
function fieldNamed(type: DescMessage, key: string, path: Path): DescField | undefined {
  if (key === "@type") return undefined;
  const field = type.fields.find((candidate) => candidate.name === key || candidate.jsonName === key);
  if (field !== undefined) return field;
  const near = closestName(
    key,
    type.fields.map(({ name }) => name),
  );
  const hint = near === undefined ? {} : { hint: `did you mean \`${near}\`?` };
  throw new PatchError({ message: `${type.typeName} has no field \`${key}\``, ...hint, path: [...path, key] });
}

function slotOf(field: DescField): Slot {
  if (field.fieldKind === "list" || field.fieldKind === "map") return { kind: field.fieldKind, field };
  return field.fieldKind === "message" ? { kind: "message", type: field.message } : { kind: "opaque" };
}

function itemSlot(field: DescField): Slot {
  return field.message === undefined ? { kind: "opaque" } : { kind: "message", type: field.message };
}

function child(value: JsonValue | undefined, key: string): JsonValue | undefined {
  if (value === null || typeof value !== "object" || !Object.hasOwn(value, key)) return undefined;
  return (value as JsonMap)[key];
}

function mapEntries(map: JsonMap, change: (key: string, value: JsonValue) => [string, JsonValue]): JsonMap {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => change(key, value)));
}
