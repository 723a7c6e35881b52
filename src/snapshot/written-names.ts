/**
 * Where a name stands that is written in Envoy's own words: in a patch or an extension, and not where the resource is
 * defined that it ends up in.
 *
 * Asked only for names that lead nowhere. What Fairway makes of its own words leads somewhere, because those references
 * have been checked, so that whatever does not was put there by one of these.
 */
import { extensionsWithin } from "../model/extensions-within.ts";
import type { Place } from "../model/diagnostic.ts";
import type { Patch } from "../model/intent-patch.ts";
import type { Intent, JsonValue, NodeGroup } from "../model/intent.ts";
import { gatewaysOf, routesOn } from "../translate/group-scope.ts";
import { clusterNamesOf } from "../translate/names.ts";
import { patchIndex, placeIn } from "./apply-patches.ts";
import type { Reference } from "./resource.ts";
import { typeUrls } from "./type-url.ts";

/** Who wrote a name, and where. */
export interface WrittenName {
  readonly at: Place;
  /** What refers to it, when that is not the resource: `extension "auth"`. */
  readonly subject?: string;
}

/** Finds names for one group; made for each build. */
export interface NameFinder {
  /** Of a name in a resource; undefined when it is where the resource is. */
  written(resource: Pick<Reference, "typeUrl" | "name">, name: string): WrittenName | undefined;
  /** The names of a type that the group would have if it named them. */
  definedNames(typeUrl: string): readonly string[];
}

export function createNameFinder(group: NodeGroup, intent: Intent): NameFinder {
  const patchesOf = patchIndex(intent.patches);
  let extensions: ReadonlyMap<string, WrittenName> | undefined;
  let clusters: readonly string[] | undefined;
  return {
    written(resource, name) {
      for (const patch of patchesOf(group.name, resource).toReversed()) {
        const at = placeInPatch(patch, name);
        if (at !== undefined) return { at };
      }
      const raw = intent.rawResources.find((each) => each.typeUrl === resource.typeUrl && each.name === resource.name);
      if (raw !== undefined) return { at: raw.at };
      if (resource.typeUrl !== typeUrls.listener && resource.typeUrl !== typeUrls.route) return undefined;
      extensions ??= textsOfExtensions(group, intent);
      return extensions.get(name);
    },
    definedNames(typeUrl) {
      if (typeUrl === typeUrls.secret) return intent.secrets.map(({ name }) => name);
      if (typeUrl !== typeUrls.cluster) return [];
      clusters ??= intent.services.flatMap(clusterNamesOf);
      return clusters;
    },
  };
}

/** By text, each where it is first written. */
function textsOfExtensions(group: NodeGroup, intent: Intent): ReadonlyMap<string, WrittenName> {
  const found = new Map<string, WrittenName>();
  for (const gateway of gatewaysOf(group, intent)) {
    for (const site of [gateway, ...routesOn(gateway, intent.routes)]) {
      for (const { name, texts } of extensionsWithin(site)) {
        for (const { text, at } of texts) {
          if (!found.has(text)) found.set(text, { at, subject: `extension "${name}"` });
        }
      }
    }
  }
  return found;
}

function placeInPatch(patch: Patch, name: string): Place | undefined {
  const changes = patch.change.kind === "merge" ? [{ path: [], value: patch.change.json }] : patch.change.steps;
  for (const { path, value } of changes) {
    const found = value === undefined ? undefined : pathOf(value, path, name);
    if (found !== undefined) return placeIn(patch, found);
  }
  return undefined;
}

/** Of the first text that is the name. */
function pathOf(json: JsonValue, path: readonly string[], name: string): readonly string[] | undefined {
  if (json === name) return path;
  if (json === null || typeof json !== "object") return undefined;
  for (const [key, child] of Object.entries(json)) {
    const found = pathOf(child, [...path, key], name);
    if (found !== undefined) return found;
  }
  return undefined;
}
