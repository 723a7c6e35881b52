/**
 * What the config files mean, after parsing, checking and resolving: the input of `translate`.
 *
 * Nothing here knows Envoy's messages. Optional stays optional: a default is written by `translate`, as an
 * explicit Envoy value. Durations are milliseconds. Everything that ends up in a resource carries the
 * place that caused it. All lists are sorted by name unless order has a meaning, so that the same files
 * give the same intent in whatever order they were read.
 */
import type { Place } from "./diagnostic.ts";
import type { Patch } from "./intent-patch.ts";
import type { Gateway } from "./intent-gateway.ts";
import type { L4Route } from "./intent-l4-route.ts";
import type { Route } from "./intent-route.ts";
import type { Secret } from "./intent-secret.ts";
import type { Service } from "./intent-service.ts";
import type { Split } from "./intent-split.ts";

/** The meaning of all documents together. */
export interface Intent {
  readonly groups: readonly NodeGroup[];
  readonly gateways: readonly Gateway[];
  readonly services: readonly Service[];
  readonly routes: readonly Route[];
  readonly l4Routes: readonly L4Route[];
  /** With the weights in force. */
  readonly splits: readonly Split[];
  readonly secrets: readonly Secret[];
  readonly rawResources: readonly RawResource[];
  /** In the order in which they are applied: by file, then as written. */
  readonly patches: readonly Patch[];
}

/** Who gets what: Envoys that share one snapshot. Without a `nodes` map there is one group named `default` that matches all. */
export interface NodeGroup {
  readonly name: string;
  readonly at: Place;
  /** All given conditions must hold; an absent one matches anything. */
  readonly match: NodeMatch;
  /** Services of this group; absent means every service that something of the group refers to, and all unreferenced ones. */
  readonly services?: readonly string[];
  readonly consistency: "strict" | "warn";
  /** The mass-removal guard; absent fields mean 20 % and 3. */
  readonly removalGuard: { readonly mode: "on" | "off"; readonly percent?: number; readonly minimum?: number };
  /** Values of the runtime layer that the group's Envoys have; absent when they have none. */
  readonly runtime?: Readonly<Record<string, string | number | boolean>>;
  /** The Envoys of the group, which have the layer, tell of single requests while a rollout is on. */
  readonly routeReports?: true;
  /** Envoys of the group ask for the clusters of HTTP routes when a request needs them, and it waits so long. */
  readonly onDemandClusters?: { readonly timeoutMs?: number };
  readonly updates: {
    readonly graceMs?: number;
    readonly deadlineMs?: number;
    readonly onDeadline?: "hold" | "proceed";
  };
}

/** What a node must be like; `metadata` holds dotted paths and the values they must equal. */
export interface NodeMatch {
  readonly ids?: readonly string[];
  readonly clusters?: readonly string[];
  readonly metadata?: Readonly<Record<string, string | number | boolean>>;
  readonly locality?: { readonly region?: string; readonly zone?: string; readonly subZone?: string };
}

/** An Envoy resource as somebody wrote it: proto3 JSON with `@type`, checked against the Envoy API. */
export interface RawResource {
  readonly at: Place;
  /** Names of node groups; absent means all. */
  readonly groups?: readonly string[];
  readonly typeUrl: string;
  readonly name: string;
  readonly json: { readonly [key: string]: JsonValue };
  /** How long it lasts in an Envoy that hears nothing; absent means for ever. */
  readonly ttlMs?: number;
}

/** A JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
