/**
 * Heartbeats: what has a time to live is said to be alive before it ends, as long as this control plane is there.
 *
 * A heartbeat is a response with the resources that the client holds; like every response it is the only one of
 * its type under way, and is answered. In delta it has no content. In SotW it is what was sent before, and all
 * of it where absence means deletion: Envoy 1.40 counts nothing else, and takes a response without content there
 * for an empty one.
 * https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol#ttl
 */
import type { Resource } from "../snapshot/resource.ts";
import type { Snapshot, TypeTable } from "../snapshot/snapshot.ts";
import { tableVersion } from "../snapshot/snapshot.ts";
import { offeredView } from "./offered-view.ts";
import { byName } from "./response-limits.ts";
import type { Composed } from "./shared-responses.ts";
import { subscribedTypes } from "./stream-state.ts";
import type { StreamState, TypeState } from "./stream-state.ts";
import { isWanted } from "./subscription.ts";
import type { View } from "./view.ts";

/** At half of the shortest TTL, the other half is for a client that is slow to listen. */
const BEATS_PER_TTL = 2;

/** Of a table or a view: what in it has an end; looked for once for all streams. */
const ending = new WeakMap<TypeTable | View, readonly Resource[]>();

function endingIn(of: TypeTable | View): readonly Resource[] {
  let found = ending.get(of);
  if (found === undefined) {
    found = [...of.resources.values()].filter(({ ttlMs }) => ttlMs !== undefined);
    ending.set(of, found);
  }
  return found;
}

/** From the first snapshot with something that has an end, the stream looks whether a heartbeat is due. */
export function noteEnding(state: StreamState, snapshot: Snapshot): void {
  if (state.beats !== undefined) return;
  for (const table of snapshot.tables.values()) if (endingIn(table).length > 0) state.beats = new Map();
}

/** Sends what is due; returns when to look again. */
export function sendHeartbeats(
  state: StreamState,
  beats: Map<string, number>,
  due: { readonly atMs: number; send(type: TypeState, composed: Composed): void },
): number | undefined {
  const { atMs } = due;
  let nextMs: number | undefined;
  for (const type of subscribedTypes(state)) {
    const view = offeredView(state, type);
    const held = view === undefined || mayDelete(state, type) ? [] : heldOf(type, view);
    const { typeUrl } = type.type;
    if (view === undefined || held.length === 0) {
      beats.delete(typeUrl);
      continue;
    }
    // Who comes back has had no heartbeat for as long as it was away.
    const lastMs = beats.get(typeUrl) ?? (state.resumed ? -Infinity : atMs);
    beats.set(typeUrl, lastMs);
    const everyMs = Math.min(...held.map(({ ttlMs }) => ttlMs ?? Infinity)) / BEATS_PER_TTL;
    if (lastMs + everyMs > atMs) {
      nextMs = Math.min(nextMs ?? Infinity, lastMs + everyMs);
    } else if (type.inFlight === undefined) {
      due.send(type, compose(state, type, { view, held }));
      beats.set(typeUrl, atMs);
      nextMs = Math.min(nextMs ?? Infinity, atMs + everyMs);
    }
    // Else the answer to what is under way is the next occasion.
  }
  return nextMs;
}

/** A full state without what the client holds of unknown content would delete it. */
function mayDelete({ variant }: StreamState, { type, held }: TypeState): boolean {
  if (variant === "delta" || !type.fullStateInSotw) return false;
  for (const each of held.values()) if (typeof each === "string") return true;
  return false;
}

/** What the client has acknowledged of it, or says that it has; of anything else a heartbeat would be an error. */
function heldOf(type: TypeState, view: View): readonly Resource[] {
  const candidates = endingIn(view);
  return candidates.flatMap((offered) => {
    const held = type.held.get(offered.name);
    if (typeof held === "object") return held.ttlMs === undefined ? [] : [held];
    return held === offered.version ? [offered] : [];
  });
}

/** The same for all streams that hold the same. */
function compose(
  { shared, variant }: StreamState,
  type: TypeState,
  { view, held }: { readonly view: View; readonly held: readonly Resource[] },
): Composed {
  const make = () => {
    const { typeUrl, fullStateInSotw } = type.type;
    const all =
      variant === "delta" ? [] : [...type.held.values()].filter((each) => typeof each === "object").sort(byName);
    const versionInfo = variant === "delta" ? view.tableVersion : tableVersion(all);
    const resources = variant === "sotw" && fullStateInSotw ? all : held;
    const draft = { typeUrl, versionInfo, resources, removed: [], isHeartbeat: true } as const;
    return shared.compose(draft, { completes: undefined, step: undefined });
  };
  if (type.held.base !== view || type.held.exceptionsCount > 0) return make();
  const { names, wildcard } = type.subscription;
  const key = `heartbeat ${variant} ${type.type.shortName} ${shared.idOf(view)} ${shared.idOf(names)} ${wildcard ? "*" : ""}`;
  const outcome = shared.remembered(key, make);
  if (typeof outcome === "string") return make();
  return outcome.sequence > type.lastSequence ? outcome : shared.renewed(key, outcome);
}

/**
 * A heartbeat is an error to a client for which the resource has just ended, or that has just dropped it: it is
 * given the whole again, if it wants it. The content itself was not refused.
 */
export function answerHeartbeat(type: TypeState, resources: readonly Resource[], accepted: boolean): void {
  type.inFlight = undefined;
  if (accepted) return;
  type.cleanFor = undefined;
  type.confirmedVersion = undefined;
  for (const { name } of resources) if (isWanted(type.subscription, name)) type.forced.add(name);
}
