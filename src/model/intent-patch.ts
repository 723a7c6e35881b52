/**
 * The part of the intent about `patches`: changes to resources that were made from everything else.
 */
import type { Place } from "./diagnostic.ts";
import type { JsonValue } from "./intent.ts";
import type { Path } from "./position.ts";
import { camelCase, formatPath } from "./position.ts";

/** One change to one resource, or to all of a type. */
export interface Patch {
  readonly at: Place;
  /** Full name of the message. */
  readonly type: string;
  /** The resource's name, or `*`. */
  readonly name: string;
  /** Where the target's name is written. */
  readonly nameAt: Place;
  /** Names of node groups; absent means wherever the target is. */
  readonly groups?: readonly string[];
  /** Where the patch writes each part of the resource, by `patchPlaceKey` of the part's path in the resource. */
  readonly places: ReadonlyMap<string, Place>;
  readonly change:
    | { readonly kind: "merge"; readonly json: JsonMap }
    | { readonly kind: "json-patch"; readonly steps: readonly PatchStep[] };
}

/** One operation of RFC 6902. */
export interface PatchStep {
  readonly at: Place;
  readonly op: "add" | "remove" | "replace" | "move" | "copy" | "test";
  /** The decoded steps of the JSON pointer; never empty. */
  readonly path: readonly string[];
  readonly from?: readonly string[];
  readonly value?: JsonValue;
}

/** The same for both spellings of a field, and for a list position in a JSON pointer and in a path. */
export function patchPlaceKey(path: Path): string {
  return formatPath(
    path.map((step) => (typeof step === "number" ? step : /^\d+$/.test(step) ? Number(step) : camelCase(step))),
  );
}

type JsonMap = { readonly [key: string]: JsonValue };
