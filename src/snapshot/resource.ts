/**
 * One Envoy resource, encoded once, with the version of its content and the place that caused it.
 *
 * The bytes are the waist of the hourglass: everything to the left works with JSON and descriptors,
 * everything to the right hands these bytes around without looking into them.
 */
import type { Place } from "../model/diagnostic.ts";
import type { Brand } from "../support/brand.ts";

export type ResourceName = Brand<"ResourceName">;
/** A content hash of 16 hexadecimal digits: of one resource, or of a type's whole table. */
export type VersionInfo = Brand<"VersionInfo">;

/** That one resource needs another, found by walking its message. */
export interface Reference {
  readonly typeUrl: string;
  readonly name: string;
}

/** Immutable. Equal versions mean equal bytes. */
export interface Resource {
  readonly typeUrl: string;
  readonly name: ResourceName;
  readonly version: VersionInfo;
  /** The serialised message: the `value` of its `Any`. */
  readonly body: Uint8Array;
  readonly references: readonly Reference[];
  readonly at: Place;
  /** For endpoints: how many hosts; for route configurations: how many virtual hosts; 0 for other types. */
  readonly hostCount: number;
  /** How long it lasts in an Envoy that hears nothing of it; a part of its version. Absent means for ever. */
  readonly ttlMs?: number;
  /** An Envoy on delta that has everything has this only when it asks for it by its name; a part of its version. */
  readonly onDemand?: true;
}
