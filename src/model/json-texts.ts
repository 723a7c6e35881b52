/**
 * The texts in what is written in Envoy's own words: wherever Envoy keeps the name of a cluster, it is one of these.
 * A secret is for whom it is needed by, so that of a secret has to stand where Envoy asks for one.
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

/** Adds the names in `SdsSecretConfig`, in either spelling; no other text entitles to a secret. */
export function collectSdsNames(json: JsonValue, found: Set<string>): void {
  if (json === null || typeof json !== "object") return;
  const { name, sdsConfig, sds_config: snake } = json as { readonly [key: string]: JsonValue };
  if (typeof name === "string" && (sdsConfig ?? snake) !== undefined) found.add(name);
  for (const child of Object.values(json)) collectSdsNames(child, found);
}

/** Adds the names of secrets that the patch has Envoy ask for. */
export function collectPatchSdsNames({ change }: Patch, found: Set<string>): void {
  const changes = change.kind === "merge" ? [{ path: [], value: change.json }] : change.steps;
  for (const { path, value } of changes) {
    if (value === undefined) continue;
    collectSdsNames(value, found);
    collectChangedNames(value, path, found);
  }
}

/** A patch may change the name alone, and leave where the secret comes from: then the field around it tells. */
function collectChangedNames(json: JsonValue, path: readonly string[], found: Set<string>): void {
  if (typeof json === "string") {
    const holders = path.slice(-3, -1);
    if (path.at(-1) === "name" && holders.some((step) => /secret|credential/i.test(step))) found.add(json);
  } else if (json !== null && typeof json === "object") {
    for (const [key, child] of Object.entries(json)) collectChangedNames(child, [...path, key], found);
  }
}
