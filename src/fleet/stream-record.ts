/**
 * What is known of one open xDS stream: what was sent, acknowledged and refused, type by type.
 *
 * The words are those of Envoy's client status service
 * (https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/status/v3/csds.proto#enum-service-status-v3-configstatus).
 * Records never change; `stepStream` returns the next one and shares what stayed.
 */
import type { Snapshot, SnapshotVersion } from "../snapshot/snapshot.ts";
import type { ResourceName } from "../snapshot/resource.ts";
import { unreachable } from "../support/assert.ts";
import type { RejectedResource, StreamEvent } from "../xds/stream-event.ts";

/**
 * `not_sent`: nothing went out on this stream yet. `stale`: sent, not yet acknowledged. `synced`: the last
 * one was acknowledged. `error`: the node refused a version that is still wanted.
 */
export type SyncStatus = "synced" | "stale" | "not_sent" | "error";

/** A refusal in Envoy's own words, with the lines that caused it. */
export interface Rejection {
  readonly typeUrl: string;
  readonly versionInfo: string;
  /** The snapshot that the node was moving to. */
  readonly snapshotVersion: SnapshotVersion | undefined;
  readonly message: string;
  /** At most `REJECTED_RESOURCES_MAX`; `resourcesCount` is how many there were. */
  readonly resources: readonly RejectedResource[];
  readonly resourcesCount: number;
  readonly atMs: number;
}

/** What a stream's next removal or switch waits for. */
export interface Gate {
  readonly snapshotVersion: SnapshotVersion;
  readonly waitingFor: string;
  readonly sinceMs: number;
  readonly overdue: boolean;
}

/** One type on one stream. */
export interface TypeRecord {
  readonly typeUrl: string;
  readonly status: SyncStatus;
  readonly wildcard: boolean;
  readonly namesCount: number;
  readonly sentVersionInfo: string | undefined;
  readonly acknowledgedVersionInfo: string | undefined;
  /** The response that is under way; at most one per type. */
  readonly unacknowledgedNonce: string | undefined;
  /** Stands until the node accepts something newer in its place. */
  readonly rejection: Rejection | undefined;
}

/** One stream, open or lately closed. */
export interface StreamRecord {
  readonly streamId: number;
  readonly variant: "sotw" | "delta";
  readonly peer: string;
  readonly sinceMs: number;
  readonly types: ReadonlyMap<string, TypeRecord>;
  readonly gate: Gate | undefined;
  /** The snapshot that the last response moved towards. */
  readonly movingTo: SnapshotVersion | undefined;
  /** The snapshot that was acknowledged in full, and when. */
  readonly syncedTo: SnapshotVersion | undefined;
  readonly syncedAtMs: number | undefined;
}

/** The events that concern what an open stream holds. */
export type OpenStreamEvent = Exclude<
  StreamEvent,
  { readonly kind: "stream-opened" | "stream-moved" | "stream-closed" | "stream-refused" }
>;

/** Enough to start a search; a list of 10,000 refused names would only be memory that a broken node can claim. */
export const REJECTED_RESOURCES_MAX = 20;

/** A stream that has just been opened. */
export function openStream(event: StreamEvent & { readonly kind: "stream-opened" }): StreamRecord {
  return {
    streamId: event.streamId,
    variant: event.variant,
    peer: event.peer,
    sinceMs: event.atMs,
    types: new Map(),
    gate: undefined,
    movingTo: undefined,
    syncedTo: undefined,
    syncedAtMs: undefined,
  };
}

/** The stream after an event; `current` is what its group is to have now. */
export function stepStream(stream: StreamRecord, event: OpenStreamEvent, current: Snapshot | undefined): StreamRecord {
  switch (event.kind) {
    case "subscribed":
      return withType(stream, event.typeUrl, (type) => ({
        ...type,
        wildcard: event.wildcard,
        namesCount: event.namesCount,
      }));
    case "sent":
      return {
        ...withType(stream, event.typeUrl, (type) => sent(type, event, current)),
        movingTo: event.snapshotVersion,
      };
    case "acked":
      return withType(stream, event.typeUrl, (type) => acked(type, event, current));
    case "rejected":
      return withType(stream, event.typeUrl, (type) => ({
        ...type,
        status: "error",
        unacknowledgedNonce: undefined,
        rejection: rejectionOf(event, stream.movingTo),
      }));
    case "gate":
      return stepGate(stream, event);
    case "synced":
      return synced(stream, event);
    default:
      return unreachable(event);
  }
}

/**
 * The status of a type with regard to what is wanted now: a refused change that was taken back is no
 * error any more, although nothing had to be sent and so nothing was acknowledged.
 */
export function standingStatus(
  type: TypeRecord,
  stream: StreamRecord,
  wanted: SnapshotVersion | undefined,
): SyncStatus {
  const takenBack =
    type.status === "error" &&
    wanted !== undefined &&
    stream.syncedTo === wanted &&
    type.rejection?.snapshotVersion !== wanted;
  return takenBack ? "synced" : type.status;
}

/** The rejection of an event, cut to what is kept. */
function rejectionOf(
  event: OpenStreamEvent & { readonly kind: "rejected" },
  snapshotVersion: SnapshotVersion | undefined,
): Rejection {
  const { typeUrl, versionInfo, message, atMs } = event;
  return {
    typeUrl,
    versionInfo,
    snapshotVersion,
    message,
    resources: event.resources.slice(0, REJECTED_RESOURCES_MAX),
    resourcesCount: event.resources.length,
    atMs,
  };
}

function sent(
  type: TypeRecord,
  event: OpenStreamEvent & { readonly kind: "sent" },
  current: Snapshot | undefined,
): TypeRecord {
  return {
    ...type,
    status: standsRefused(type, current) ? "error" : "stale",
    sentVersionInfo: event.versionInfo,
    unacknowledgedNonce: event.nonce,
  };
}

function acked(
  type: TypeRecord,
  event: OpenStreamEvent & { readonly kind: "acked" },
  current: Snapshot | undefined,
): TypeRecord {
  // An acknowledgement of something older than the last response says nothing about where the node is now.
  if (type.unacknowledgedNonce !== undefined && type.unacknowledgedNonce !== event.nonce) return type;
  const stands = standsRefused(type, current);
  return {
    ...type,
    status: stands ? "error" : "synced",
    acknowledgedVersionInfo: event.versionInfo,
    unacknowledgedNonce: undefined,
    rejection: stands ? type.rejection : undefined,
  };
}

/** What a node has refused is left out of later responses, so accepting those does not mean that it has it now. */
function standsRefused(type: TypeRecord, current: Snapshot | undefined): boolean {
  return type.rejection !== undefined && stillWanted(type.rejection, current);
}

/** A version that was refused and is no longer in the snapshot has been fixed, whatever else is under way. */
function stillWanted(rejection: Rejection, current: Snapshot | undefined): boolean {
  if (current === undefined) return true;
  const table = current.tables.get(rejection.typeUrl);
  return rejection.resources.some(
    ({ name, version }) => table?.resources.get(name as ResourceName)?.version === version,
  );
}

function stepGate(stream: StreamRecord, event: OpenStreamEvent & { readonly kind: "gate" }): StreamRecord {
  const { snapshotVersion, waitingFor } = event;
  switch (event.state) {
    case "waiting":
      return { ...stream, gate: { snapshotVersion, waitingFor, sinceMs: event.atMs, overdue: false } };
    case "overdue":
      // The wait began with the `waiting` before it; without one, now is the best that is known.
      return {
        ...stream,
        gate: { snapshotVersion, waitingFor, sinceMs: stream.gate?.sinceMs ?? event.atMs, overdue: true },
      };
    case "passed":
      return { ...stream, gate: undefined };
    default:
      return unreachable(event.state);
  }
}

/** All that is subscribed to is held by the node, also the types for which there was nothing to send. */
function synced(stream: StreamRecord, event: OpenStreamEvent & { readonly kind: "synced" }): StreamRecord {
  const types = new Map<string, TypeRecord>();
  for (const [typeUrl, type] of stream.types) {
    const settled = type.unacknowledgedNonce === undefined;
    types.set(typeUrl, settled ? { ...type, status: "synced", rejection: undefined } : type);
  }
  return { ...stream, types, syncedTo: event.snapshotVersion, syncedAtMs: event.atMs };
}

function withType(stream: StreamRecord, typeUrl: string, change: (type: TypeRecord) => TypeRecord): StreamRecord {
  const types = new Map(stream.types);
  types.set(typeUrl, change(types.get(typeUrl) ?? emptyType(typeUrl)));
  return { ...stream, types };
}

function emptyType(typeUrl: string): TypeRecord {
  return {
    typeUrl,
    status: "not_sent",
    wildcard: false,
    namesCount: 0,
    sentVersionInfo: undefined,
    acknowledgedVersionInfo: undefined,
    unacknowledgedNonce: undefined,
    rejection: undefined,
  };
}
