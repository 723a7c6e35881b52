/**
 * The texts in raw resources and patches: wherever Envoy keeps the name of a cluster, it is one of these.
 */
import type { Patch } from "./intent-patch.ts";
import type { JsonValue } from "./intent.ts";

/** Adds every text of the JSON, keys excepted. */
export function collectTexts(json: JsonValue, found: Set<string>): void {
  if (typeof json === "string") found.add(json);
  else if (json !== null && typeof json === "object") {
    for (const child of Object.values(json)) collectTexts(child, found);
  }
}

/** Adds every text that the patch puts into a resource. */
export function collectPatchTexts({ change }: Patch, found: Set<string>): void {
  if (change.kind === "merge") collectTexts(change.json, found);
  else for (const { value } of change.steps) if (value !== undefined) collectTexts(value, found);
}
