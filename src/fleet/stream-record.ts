/**
 * What is known of one open xDS stream: what was sent, acknowledged and refused, type by type.
 *
 * The words are those of Envoy's client status service
 * (https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/status/v3/csds.proto#enum-service-status-v3-configstatus).
 *
 * Of a push to thousands of streams each makes a few events, so a record is changed in place: what nobody
 * looks at is not copied. Only `stepStream` writes to one; whoever shows a record copies what it shows.
 * It holds what was said of types, never of resources: the stream itself knows those.
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

/** What the next step of a stream waits for. */
export interface Gate {
  readonly snapshotVersion: SnapshotVersion;
  readonly waitingFor: string;
  readonly sinceMs: number;
  /** When it counts as overdue; absent in what is only known from events. */
  readonly deadlineAtMs?: number;
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

/** A record as its one writer sees it; readers have only the readonly form. */
type Written<T> = { -readonly [K in keyof T]: T[K] };

/** One stream, open or lately closed. */
export interface StreamRecord {
  readonly streamId: number;
  readonly variant: "sotw" | "delta";
  readonly peer: string;
  readonly sinceMs: number;
  /** The node came with nothing: it has just been started. */
  readonly startsEmpty: boolean;
  /** A dozen at most, in the order in which the node asked for them. */
  readonly types: readonly TypeRecord[];
  /** What events said of its wait: that it is overdue. */
  readonly gate: Gate | undefined;
  /** The snapshot that the last response moved towards. */
  readonly movingTo: SnapshotVersion | undefined;
  /** The snapshot that was acknowledged in full last; see `isSynced`. */
  readonly syncedTo: SnapshotVersion | undefined;
  /** Something of another snapshot was sent since. */
  readonly hasLeft: boolean;
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
    startsEmpty: event.startsEmpty === true,
    types: [],
    gate: undefined,
    movingTo: undefined,
    syncedTo: undefined,
    hasLeft: false,
  };
}

/** Brings the stream up to an event; `current` is what its group is to have now. */
export function stepStream(stream: Written<StreamRecord>, event: OpenStreamEvent, current: Snapshot | undefined): void {
  switch (event.kind) {
    case "sent":
      stream.movingTo = event.snapshotVersion;
      if (stream.syncedTo !== event.snapshotVersion) stream.hasLeft = true;
      return sent(typeOf(stream, event.typeUrl), event, current);
    case "acked":
      return acked(typeOf(stream, event.typeUrl), event, current);
    case "synced":
      return synced(stream, event);
    case "subscribed":
      return subscribed(typeOf(stream, event.typeUrl), event);
    case "rejected":
      return rejected(typeOf(stream, event.typeUrl), event, stream.movingTo);
    case "rejection-narrowed":
      return narrowed(typeOf(stream, event.typeUrl), event, stream.movingTo);
    case "gate":
      return stepGate(stream, event);
    default:
      return unreachable(event);
  }
}

/** What is known of one type; undefined before the node asked for it. */
export function typeRecord(stream: StreamRecord, typeUrl: string): TypeRecord | undefined {
  // Cheaper than a map, for so few; and a map for each stream is what would take the memory.
  for (const type of stream.types) if (type.typeUrl === typeUrl) return type;
  return undefined;
}

function typeOf(stream: Written<StreamRecord>, typeUrl: string): Written<TypeRecord> {
  const known = typeRecord(stream, typeUrl);
  if (known !== undefined) return known;
  const created = emptyType(typeUrl);
  stream.types = [...stream.types, created];
  return created;
}

function subscribed(type: Written<TypeRecord>, event: OpenStreamEvent & { readonly kind: "subscribed" }): void {
  type.wildcard = event.wildcard;
  type.namesCount = event.namesCount;
}

/** Keeps the rejection, cut to what is shown. */
function rejected(
  type: Written<TypeRecord>,
  event: OpenStreamEvent & { readonly kind: "rejected" },
  snapshotVersion: SnapshotVersion | undefined,
): void {
  const { typeUrl, versionInfo, message, atMs } = event;
  type.status = "error";
  type.unacknowledgedNonce = undefined;
  type.rejection = {
    typeUrl,
    versionInfo,
    snapshotVersion,
    message,
    resources: event.resources.slice(0, REJECTED_RESOURCES_MAX),
    resourcesCount: event.resources.length,
    atMs,
  };
}

/** The others that were rejected with it have been accepted meanwhile. */
function narrowed(
  type: Written<TypeRecord>,
  event: OpenStreamEvent & { readonly kind: "rejection-narrowed" },
  snapshotVersion: SnapshotVersion | undefined,
): void {
  const { typeUrl, message, resources, atMs } = event;
  const versionInfo = type.rejection?.versionInfo ?? "";
  type.status = "error";
  type.rejection = {
    typeUrl,
    versionInfo,
    snapshotVersion,
    message,
    resources,
    resourcesCount: resources.length,
    atMs,
  };
}

function sent(
  type: Written<TypeRecord>,
  event: OpenStreamEvent & { readonly kind: "sent" },
  current: Snapshot | undefined,
): void {
  type.status = standsRefused(type, current) ? "error" : "stale";
  type.sentVersionInfo = event.versionInfo;
  type.unacknowledgedNonce = event.nonce;
}

function acked(
  type: Written<TypeRecord>,
  event: OpenStreamEvent & { readonly kind: "acked" },
  current: Snapshot | undefined,
): void {
  // An acknowledgement of something older than the last response says nothing about where the node is now.
  if (type.unacknowledgedNonce !== undefined && type.unacknowledgedNonce !== event.nonce) return;
  const stands = standsRefused(type, current);
  type.status = stands ? "error" : "synced";
  type.acknowledgedVersionInfo = event.versionInfo;
  type.unacknowledgedNonce = undefined;
  if (!stands) type.rejection = undefined;
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

function stepGate(stream: Written<StreamRecord>, event: OpenStreamEvent & { readonly kind: "gate" }): void {
  const { snapshotVersion, waitingFor } = event;
  switch (event.state) {
    case "waiting":
      stream.gate = { snapshotVersion, waitingFor, sinceMs: event.atMs, overdue: false };
      return;
    case "overdue":
      // The wait began with the `waiting` before it; without one, now is the best that is known.
      stream.gate = { snapshotVersion, waitingFor, sinceMs: stream.gate?.sinceMs ?? event.atMs, overdue: true };
      return;
    case "passed":
      stream.gate = undefined;
      return;
    default:
      return unreachable(event.state);
  }
}

/** All that is subscribed to is held by the node, also the types for which there was nothing to send. */
function synced(stream: Written<StreamRecord>, event: OpenStreamEvent & { readonly kind: "synced" }): void {
  for (const type of stream.types as readonly Written<TypeRecord>[]) {
    if (type.unacknowledgedNonce !== undefined) continue;
    type.status = "synced";
    type.rejection = undefined;
  }
  stream.syncedTo = event.snapshotVersion;
  stream.hasLeft = false;
}

/**
 * Whether the stream has acknowledged this snapshot in full and was sent nothing of another one since: what came back to
 * the content that a node had is overtaken by what is still on its way there.
 */
export function isSynced({ syncedTo, hasLeft }: StreamRecord, version: SnapshotVersion): boolean {
  return syncedTo === version && !hasLeft;
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
