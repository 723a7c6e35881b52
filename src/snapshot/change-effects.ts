/**
 * What Envoys do when one resource comes, changes or goes: the part of a plan that no diff shows.
 *
 * Held against real Envoys in `test/envoy/plan.test.ts`. Contents are proto3 JSON in Envoy's snake_case, as
 * `renderResource` gives it, so that those of a running server can be compared as well; what is concealed in them is
 * equal on both sides.
 */
import type { JsonValue } from "../model/intent.ts";
import type { DeliveryChange } from "./delivery-change.ts";
import { endpointEffects } from "./endpoint-effects.ts";
import type { FieldChange, JsonMap } from "./field-changes.ts";
import { addedListener, listenerEffects, removedListener } from "./listener-effects.ts";
import { isHashing } from "./hashing.ts";
import { lostWithCluster } from "./recreated-clusters.ts";
import { typeUrls } from "./type-url.ts";

/** How much it matters to whom is served: not at all, some, or connections end. */
export type EffectWeight = "quiet" | "notable" | "disruptive";

export type EffectKind =
  | "cluster-added"
  | "cluster-recreated"
  | "cluster-removed"
  | "delivery-changed"
  | "endpoints-changed"
  | "endpoints-emptied"
  | "extension-updated"
  | "filter-chains-drained"
  | "hash-ring-moved"
  | "listener-added"
  | "listener-drained"
  | "listener-in-place"
  | "listener-moved"
  | "listener-read"
  | "listener-refused"
  | "listener-removed"
  | "live-weights-taken"
  | "rate-limits-refilled"
  | "routes-updated"
  | "runtime-updated"
  | "secret-added"
  | "secret-updated";

/** One of them, with a sentence for people. */
export interface Effect {
  readonly kind: EffectKind;
  readonly weight: EffectWeight;
  readonly text: string;
}

/** One resource with its contents; one that is not looked at has none. */
export interface ChangedContent {
  readonly typeUrl: string;
  readonly kind: "added" | "changed" | "removed";
  readonly before: JsonMap | undefined;
  readonly after: JsonMap | undefined;
  /** Empty when only what is concealed differs. */
  readonly fields: readonly FieldChange[];
  /** Absent when it is sent as before. */
  readonly delivery?: DeliveryChange | undefined;
}

/** What a backend of a split has by weights that were set, and not by its file. */
export interface LiveShare {
  readonly split: string;
  readonly backend: string;
  /** Above 0. */
  readonly percent: number;
}

/** What is around a resource after the change. */
export interface EffectContext {
  /** The cluster with this name, which also is that of its load assignment. */
  cluster(name: string): JsonMap | undefined;
  /** The new listener that has one of the addresses. */
  heirOf(listener: JsonMap | undefined): string | undefined;
  /** Of the splits that send requests to the cluster with this name. */
  liveSharesOf(cluster: string): readonly LiveShare[];
}

/** In the order of their weight to readers: what is drained first. */
export function effectsOf(change: ChangedContent, context: EffectContext): readonly Effect[] {
  const { texts = [], isAll = false } = change.delivery ?? {};
  const sent = texts.map((text) => updated("delivery-changed", text));
  return isAll ? sent : [...contentEffects(change, context), ...sent];
}

function contentEffects(change: ChangedContent, context: EffectContext): readonly Effect[] {
  switch (change.typeUrl) {
    case typeUrls.cluster:
      return clusterEffects(change);
    case typeUrls.endpoints:
      return endpointEffects(change, context);
    case typeUrls.listener:
      return effectsOnListener(change, context);
    case typeUrls.secret:
      return secretEffects(change);
    case typeUrls.extension:
      return change.kind === "changed" ? [updated("extension-updated", "new requests run it as it is then")] : [];
    case typeUrls.runtime:
      return [updated("runtime-updated", "its values are in force at once")];
    default:
      return routeEffects(change);
  }
}

function updated(kind: EffectKind, text: string): Effect {
  return { kind, weight: "quiet", text };
}

function clusterEffects({ kind, before, after, fields }: ChangedContent): readonly Effect[] {
  if (kind === "added") return [updated("cluster-added", "warm before anything leads to it")];
  if (kind === "removed") {
    const text = "goes when nothing leads to it any more and the grace is over, with its connections and statistics";
    return [{ kind: "cluster-removed", weight: "notable", text }];
  }
  const lost = before === undefined ? "its connections are drained" : lostWithCluster(before);
  const anew: Effect = { kind: "cluster-recreated", weight: "disruptive", text: `made anew: ${lost}` };
  const balances = fields.some(({ path }) => /^(load_balancing_policy|lb_policy|.*lb_config)\b/.test(path));
  return balances && (isHashing(before) || isHashing(after))
    ? [anew, ringMoved("what is hashed, or how, differs")]
    : [anew];
}

function ringMoved(why: string): Effect {
  return {
    kind: "hash-ring-moved",
    weight: "notable",
    text: `moves the hash ring (${why}): requests of one key may go to another host from then on`,
  };
}

function effectsOnListener({ kind, before, after, fields }: ChangedContent, context: EffectContext): readonly Effect[] {
  if (kind === "removed") return [removedListener(before, context.heirOf(before))];
  if (after === undefined) return [];
  if (kind === "added") return [addedListener(after)];
  if (before === undefined) {
    const text = "not looked at: its connections, or those of some filter chains, are drained";
    return [{ kind: "listener-drained", weight: "disruptive", text }];
  }
  if (fields.length > 0) return listenerEffects(before, after);
  const text = "a value that is concealed differs: the connections of its filter chain are drained";
  return [{ kind: "filter-chains-drained", weight: "disruptive", text }];
}

function secretEffects({ kind }: ChangedContent): readonly Effect[] {
  if (kind === "removed") return [];
  if (kind === "added") return [updated("secret-added", "what names it waits until Envoys have it")];
  return [updated("secret-updated", "new connections use it; what is open keeps what it was shown")];
}

/** Route configurations, scoped ones and virtual hosts. */
function routeEffects({ kind, before, after, fields }: ChangedContent): readonly Effect[] {
  if (kind !== "changed") return [];
  return [
    updated("routes-updated", "taken by the next request; no connection is drained"),
    ...(fields.some(({ path }) => path.includes("hash_policy")) ? [ringMoved("a route hashes otherwise")] : []),
    ...(hasLocalLimit(before) && hasLocalLimit(after) ? [limitsRefilled] : []),
  ];
}

/** Envoy makes all that is in a route configuration anew, whatever of it differs. */
const limitsRefilled: Effect = {
  kind: "rate-limits-refilled",
  weight: "notable",
  text: "its local rate limits begin anew, with full buckets: as many requests as a burst go through at once",
};

/** Whether a filter's settings, at any level, have a token bucket that Envoys count for themselves. */
function hasLocalLimit(routes: JsonMap | undefined): boolean {
  return routes !== undefined && JSON.stringify(routes).includes(`"${LOCAL_LIMIT}`);
}

const LOCAL_LIMIT = "envoy.filters.http.local_ratelimit";

/** A message, of what is rendered. */
export function contentOf(json: JsonValue | undefined): JsonMap | undefined {
  return json === undefined || json === null || typeof json !== "object" || Array.isArray(json)
    ? undefined
    : (json as JsonMap);
}
