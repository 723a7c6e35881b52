/**
 * A snapshot as far as it can be known without its contents: names, versions, places and how each is sent.
 *
 * A `Snapshot` is one; so is what a running server lists of what it serves.
 */
import type { Resource, ResourceName } from "./resource.ts";

/** A resource without its content. */
export type KnownResource = Pick<Resource, "typeUrl" | "name" | "version" | "at" | "hostCount" | "ttlMs" | "onDemand">;

/** All of one type, sorted by name. */
export interface KnownTable {
  readonly typeUrl: string;
  readonly version: string;
  readonly resources: ReadonlyMap<ResourceName, KnownResource>;
}

/** One version of one group. */
export interface KnownSnapshot {
  readonly version: string;
  readonly tables: ReadonlyMap<string, KnownTable>;
}
