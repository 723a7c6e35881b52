/**
 * From a checked item of `patches` to a patch of the intent.
 */
import { present } from "../support/assert.ts";
import { listOf } from "./build-nodes.ts";
import { deliveredType } from "./delivered-types.ts";
import type { Place } from "./diagnostic.ts";
import type { Patch, PatchStep } from "./intent-patch.ts";
import type { JsonValue } from "./intent.ts";
import type { Path, SourceDocument } from "./position.ts";
import { formatPath, placeOf } from "./position.ts";
import type { PatchValue } from "./schema.ts";

/** Builds one patch. */
export function buildPatch(document: SourceDocument, path: Path, value: PatchValue): Patch {
  const { target, nodes, merge, jsonPatch } = value;
  return {
    at: placeOf(document, path, "value"),
    type: present(deliveredType(target.type), "the schema has checked the type"),
    name: target.name,
    nameAt: placeOf(document, [...path, "target", "name"], "value"),
    ...(nodes === undefined ? {} : { groups: listOf(nodes) }),
    change:
      merge === undefined
        ? {
            kind: "json-patch",
            steps: (jsonPatch ?? []).map((step, index) => buildStep(document, [...path, "jsonPatch", index], step)),
          }
        : {
            kind: "merge",
            json: merge as { readonly [key: string]: JsonValue },
            places: placesOf(document, [...path, "merge"], merge),
          },
  };
}

function buildStep(
  document: SourceDocument,
  path: Path,
  step: NonNullable<PatchValue["jsonPatch"]>[number],
): PatchStep {
  return {
    at: placeOf(document, path, "value"),
    op: step.op,
    path: decodePointer(step.path),
    ...(step.from === undefined ? {} : { from: decodePointer(step.from) }),
    ...(Object.hasOwn(step, "value") ? { value: step.value as JsonValue } : {}),
  };
}

/** RFC 6901, section 4. */
function decodePointer(pointer: string): readonly string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function placesOf(document: SourceDocument, base: Path, merge: object): ReadonlyMap<string, Place> {
  const places = new Map<string, Place>();
  const visit = (value: unknown, path: Path): void => {
    places.set(formatPath(path), placeOf(document, [...base, ...path], "key"));
    if (value === null || typeof value !== "object") return;
    const entries = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
    for (const [key, item] of entries) visit(item, [...path, key]);
  };
  visit(merge, []);
  return places;
}
