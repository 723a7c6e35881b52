/**
 * What is known of one node over all its streams, also after the last of them closed.
 *
 * A node has one stream on ADS and several on the per-type services; for a moment it has two of a kind,
 * when it reconnects before the old stream is seen to end, or restarts hot with two processes of one id.
 */
import type { GroupName, Snapshot, SnapshotVersion } from "../snapshot/snapshot.ts";
import type { NodeIdentity, StreamEvent } from "../xds/stream-event.ts";
import type { OpenStreamEvent, Rejection, StreamRecord } from "./stream-record.ts";
import { isSynced, openStream, stepStream, typeRecord } from "./stream-record.ts";

/** Why a node gets nothing: it matches no group, or two, or is not who it says. */
export interface Refusal {
  readonly reason: string;
  /** Where the last of them came from. */
  readonly peer: string;
  readonly atMs: number;
  /** How often it was refused since it was last served. */
  readonly count: number;
}

/** Comings and goings make a new one; what happens on an open stream changes it in place (`stepNode`). */
export interface NodeRecord {
  readonly id: string;
  readonly cluster: string;
  readonly locality: NodeIdentity["locality"];
  readonly userAgent: string;
  readonly group: GroupName | undefined;
  /** The open ones, oldest first. */
  readonly streams: readonly StreamRecord[];
  /** Those that closed since the node last opened one, oldest first: what a node that is gone last held. */
  readonly closed: readonly StreamRecord[];
  readonly lastSeenMs: number;
  /** By type URL; kept across streams, because a version that was refused once is not sent again. */
  readonly lastRejections: ReadonlyMap<string, Rejection>;
  readonly refusal: Refusal | undefined;
}

/** One for each per-type service of Envoy is the most that says something. */
const CLOSED_STREAMS_MAX = 9;

/** The node after it opened a stream; `before` is absent at its first. */
export function openNode(
  before: NodeRecord | undefined,
  event: StreamEvent & { readonly kind: "stream-opened" },
): NodeRecord {
  return {
    ...identified(event.node, event.atMs),
    group: event.group,
    streams: [...(before?.streams ?? []).filter((stream) => stream.streamId !== event.streamId), openStream(event)],
    closed: [],
    lastRejections: before?.lastRejections ?? new Map(),
    refusal: undefined,
  };
}

/** The node after a stream of it was turned away. */
export function refuseNode(
  before: NodeRecord | undefined,
  event: StreamEvent & { readonly kind: "stream-refused" },
): NodeRecord {
  return {
    ...identified(event.node, event.atMs),
    group: before?.group,
    streams: before?.streams ?? [],
    closed: before?.closed ?? [],
    lastRejections: before?.lastRejections ?? new Map(),
    refusal: { reason: event.reason, peer: event.peer, atMs: event.atMs, count: (before?.refusal?.count ?? 0) + 1 },
  };
}

/** The node after one of its streams ended. */
export function closeStream(node: NodeRecord, event: { readonly streamId: number; readonly atMs: number }): NodeRecord {
  const ended = node.streams.filter((stream) => stream.streamId === event.streamId);
  return {
    ...node,
    streams: node.streams.filter((stream) => stream.streamId !== event.streamId),
    closed: [...node.closed, ...ended].slice(-CLOSED_STREAMS_MAX),
    lastSeenMs: event.atMs,
  };
}

/** The node after one of its streams was moved to another group; unchanged when the stream is not known. */
export function moveNode(node: NodeRecord, event: StreamEvent & { readonly kind: "stream-moved" }): NodeRecord {
  if (!node.streams.some((stream) => stream.streamId === event.streamId)) return node;
  return { ...node, group: event.group, lastSeenMs: event.atMs };
}

/** The open stream of that id. */
export function openStreamOf(node: NodeRecord, streamId: number): StreamRecord | undefined {
  for (const stream of node.streams) if (stream.streamId === streamId) return stream;
  return undefined;
}

/** Brings the node up to an event of one of its open streams. */
export function stepNode(
  node: { -readonly [K in keyof NodeRecord]: NodeRecord[K] },
  of: { readonly stream: StreamRecord; readonly current: Snapshot | undefined },
  event: OpenStreamEvent,
): void {
  node.lastSeenMs = event.atMs;
  stepStream(of.stream, event, of.current);
  if (event.kind !== "rejected" && event.kind !== "rejection-narrowed") return;
  const rejection = typeRecord(of.stream, event.typeUrl)?.rejection;
  if (rejection !== undefined) node.lastRejections = new Map(node.lastRejections).set(event.typeUrl, rejection);
}

/** Whether every open stream of the node has acknowledged this snapshot in full. */
export function hasAcknowledged(node: NodeRecord, version: SnapshotVersion): boolean {
  return node.streams.length > 0 && node.streams.every((stream) => isSynced(stream, version));
}

function identified(
  node: NodeIdentity,
  atMs: number,
): Pick<NodeRecord, "id" | "cluster" | "locality" | "userAgent" | "lastSeenMs"> {
  // The metadata is left out on purpose: it is the part of a node that can be large, and nobody reads it here.
  return {
    id: node.id,
    cluster: node.cluster,
    locality: node.locality,
    userAgent: node.userAgent,
    lastSeenMs: atMs,
  };
}
