/**
 * From a checked item of `patches` to a patch of the intent.
 */
import { present } from "../support/assert.ts";
import { listOf } from "./build-nodes.ts";
import { deliveredType } from "./delivered-types.ts";
import type { Place } from "./diagnostic.ts";
import type { Patch, PatchStep } from "./intent-patch.ts";
import { patchPlaceKey } from "./intent-patch.ts";
import type { JsonValue } from "./intent.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { PatchValue } from "./schema.ts";

type StepValue = NonNullable<PatchValue["jsonPatch"]>[number];

/** Builds one patch. */
export function buildPatch(document: SourceDocument, path: Path, value: PatchValue): Patch {
  const { target, nodes, merge, jsonPatch = [] } = value;
  const places = new Map<string, Place>();
  const remember = (written: unknown, at: Path, inResource: Path): void => {
    places.set(patchPlaceKey(inResource), placeOf(document, at, "key"));
    if (written === null || typeof written !== "object") return;
    const entries = Array.isArray(written) ? [...written.entries()] : Object.entries(written);
    for (const [key, item] of entries) remember(item, [...at, key], [...inResource, key]);
  };
  const steps = jsonPatch.map((step, index) => {
    const at = [...path, "jsonPatch", index];
    const built = buildStep(document, at, step);
    if (Object.hasOwn(step, "value")) remember(step.value, [...at, "value"], built.path);
    return built;
  });
  if (merge !== undefined) remember(merge, [...path, "merge"], []);
  return {
    at: placeOf(document, path, "value"),
    type: present(deliveredType(target.type), "the schema has checked the type"),
    name: target.name,
    nameAt: placeOf(document, [...path, "target", "name"], "value"),
    ...(nodes === undefined ? {} : { groups: listOf(nodes) }),
    places,
    change:
      merge === undefined
        ? { kind: "json-patch", steps }
        : { kind: "merge", json: merge as { readonly [key: string]: JsonValue } },
  };
}

function buildStep(document: SourceDocument, path: Path, step: StepValue): PatchStep {
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
