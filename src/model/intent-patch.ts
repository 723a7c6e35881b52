/**
 * The part of the intent about `patches`: changes to resources that were made from everything else.
 */
import type { Place } from "./diagnostic.ts";
import type { JsonValue } from "./intent.ts";

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
  readonly change:
    | {
        readonly kind: "merge";
        readonly json: JsonMap;
        /** Where each field is written, by its path in the text form of `formatPath`. */
        readonly places: ReadonlyMap<string, Place>;
      }
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

type JsonMap = { readonly [key: string]: JsonValue };
