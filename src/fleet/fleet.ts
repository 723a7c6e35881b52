/**
 * Which node holds what: a reducer over the events of all streams.
 *
 * `step` takes the fleet and one event and returns the fleet. For speed it is the same object, changed in
 * place with the records inside: a push makes three events for each stream, and copying anything for each of
 * them would cost more than the push. A reader takes what it needs at once; what it may keep is what
 * `nodeStatus` and `convergence` give it. Only `fleet/` writes to a `Fleet`.
 *
 * Holds: `connectedCount` equals the nodes with an open stream; a group's counts equal what counting its
 * members would give; memory is bounded whatever ids connect.
 */
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import type { StreamEvent } from "../xds/stream-event.ts";
import type { NodeRecord } from "./node-record.ts";
import { closeStream, hasAcknowledged, moveNode, openNode, openStreamOf, refuseNode, stepNode } from "./node-record.ts";
import type { OpenStreamEvent } from "./stream-record.ts";

/** How far one group has come with its current snapshot. */
export interface GroupRecord {
  readonly name: GroupName;
  /** Ids of the nodes that are or were last in the group. */
  readonly members: Set<string>;
  snapshot: Snapshot | undefined;
  publishedAtMs: number | undefined;
  /** When the last connected node acknowledged the snapshot; absent until then. */
  convergedAtMs: number | undefined;
  connectedCount: number;
  acknowledgedCount: number;
  /** The config no longer has it; it goes with its last member. */
  removed: boolean;
}

/** See the file's comment; make one with `createFleet`. */
export interface Fleet {
  readonly nodes: Map<string, NodeRecord>;
  readonly groups: Map<GroupName, GroupRecord>;
  /** Nodes without a stream, the longest gone first, and since when. */
  readonly departed: Map<string, number>;
  /** Nodes that were never served, the longest silent first, and since when. */
  readonly refused: Map<string, number>;
  connectedCount: number;
  readonly streamsCount: { sotw: number; delta: number };
  /** Before this time no node has been gone for long enough to be forgotten. */
  forgetAtMs: number;
}

/** What is published to a group, beside what happens on streams. */
export type FleetEvent =
  | StreamEvent
  | { readonly kind: "published"; readonly snapshot: Snapshot; readonly atMs: number }
  | { readonly kind: "group-removed"; readonly group: GroupName; readonly atMs: number };

/** Twice the fleet that one instance is built for. Connected nodes are never evicted: the streams' own limit bounds them. */
export const NODES_MAX = 10_000;
/** A client that makes up ids must not push out the nodes that people look for. */
export const REFUSED_MAX = 1_000;
/** Long enough for a person to come and look; short enough that autoscaled nodes do not pile up. */
export const DEPARTED_KEPT_MS = 3_600_000;

/** A fleet that nobody has joined. */
export function createFleet(): Fleet {
  return {
    nodes: new Map(),
    groups: new Map(),
    departed: new Map(),
    refused: new Map(),
    connectedCount: 0,
    streamsCount: { sotw: 0, delta: 0 },
    forgetAtMs: Infinity,
  };
}

/** The fleet after an event: the same object. */
export function step(fleet: Fleet, event: FleetEvent): Fleet {
  switch (event.kind) {
    case "sent":
    case "acked":
    case "synced":
    case "subscribed":
    case "rejected":
    case "rejection-narrowed":
    case "gate":
      applyOnStream(fleet, event);
      if (event.atMs >= fleet.forgetAtMs) forget(fleet, event.atMs);
      return fleet;
    default:
      apply(fleet, event);
      forget(fleet, event.atMs);
      return fleet;
  }
}

/** The snapshot that the nodes of a group are to have. */
export function currentSnapshot(fleet: Fleet, group: GroupName | undefined): Snapshot | undefined {
  return group === undefined ? undefined : fleet.groups.get(group)?.snapshot;
}

/** What happens all the time: no count changes, but for the node's in its group. */
function applyOnStream(fleet: Fleet, event: OpenStreamEvent): void {
  const node = fleet.nodes.get(event.nodeId);
  const stream = node === undefined ? undefined : openStreamOf(node, event.streamId);
  if (node === undefined || stream === undefined) return;
  const group = node.group === undefined ? undefined : fleet.groups.get(node.group);
  const current = group?.snapshot;
  if (event.kind !== "synced") return stepNode(node, { stream, current }, event);
  const had = current !== undefined && hasAcknowledged(node, current.version);
  stepNode(node, { stream, current }, event);
  const has = current !== undefined && hasAcknowledged(node, current.version);
  if (group !== undefined && had !== has) group.acknowledgedCount += has ? 1 : -1;
  noteConvergence(group, event.atMs);
}

/** Who comes, goes or moves, and what a group is to have. */
function apply(fleet: Fleet, event: Exclude<FleetEvent, OpenStreamEvent>): void {
  if (event.kind === "published") return publish(fleet, event.snapshot, event.atMs);
  if (event.kind === "group-removed") return removeGroup(fleet, event.group);
  const before = fleet.nodes.get(event.nodeId);
  if (event.kind === "stream-opened") return replace(fleet, before, openNode(before, event));
  // It comes again, here or to another replica, and there is nothing that its owner could put right.
  if (event.kind === "stream-refused" && event.isTooEarly) return;
  if (event.kind === "stream-refused") return replace(fleet, before, refuseNode(before, event));
  if (before === undefined) return;
  if (event.kind === "stream-closed") return replace(fleet, before, closeStream(before, event));
  replace(fleet, before, moveNode(before, event));
  // Where both groups have the same content, nothing is sent and no acknowledgement follows.
  const group = fleet.nodes.get(event.nodeId)?.group;
  noteConvergence(group === undefined ? undefined : fleet.groups.get(group), event.atMs);
}

function publish(fleet: Fleet, snapshot: Snapshot, atMs: number): void {
  const group = groupRecord(fleet, snapshot.group);
  const unchanged = group.snapshot?.version === snapshot.version;
  group.snapshot = snapshot;
  group.removed = false;
  // The same content again, such as with another cause, is nothing that nodes have to catch up with.
  if (unchanged) return;
  group.publishedAtMs = atMs;
  group.convergedAtMs = undefined;
  group.acknowledgedCount = 0;
  for (const id of group.members) {
    const node = fleet.nodes.get(id);
    if (node !== undefined && hasAcknowledged(node, snapshot.version)) group.acknowledgedCount += 1;
  }
}

function removeGroup(fleet: Fleet, name: GroupName): void {
  const group = fleet.groups.get(name);
  if (group === undefined) return;
  group.removed = true;
  if (group.members.size === 0) fleet.groups.delete(name);
}

function noteConvergence(group: GroupRecord | undefined, atMs: number): void {
  if (group === undefined || group.convergedAtMs !== undefined) return;
  if (group.connectedCount > 0 && group.acknowledgedCount === group.connectedCount) group.convergedAtMs = atMs;
}

/** Swaps a node's record and keeps every count and index in step with it. */
function replace(fleet: Fleet, before: NodeRecord | undefined, next: NodeRecord): void {
  if (before === next) return;
  if (before !== undefined) count(fleet, before, -1);
  count(fleet, next, 1);
  fleet.nodes.set(next.id, next);
  if (before !== undefined && before.group !== next.group) leave(fleet, before);
  if (next.group !== undefined) groupRecord(fleet, next.group).members.add(next.id);
  queueForEviction(fleet, next);
}

function count(fleet: Fleet, node: NodeRecord, by: 1 | -1): void {
  for (const stream of node.streams) fleet.streamsCount[stream.variant] += by;
  if (node.streams.length === 0) return;
  fleet.connectedCount += by;
  if (node.group === undefined) return;
  const group = groupRecord(fleet, node.group);
  group.connectedCount += by;
  if (group.snapshot !== undefined && hasAcknowledged(node, group.snapshot.version)) group.acknowledgedCount += by;
}

/** A map keeps the order of insertion, so the first key is the one that has been waiting longest. */
function queueForEviction(fleet: Fleet, node: NodeRecord): void {
  fleet.departed.delete(node.id);
  fleet.refused.delete(node.id);
  if (node.streams.length > 0) return;
  const queue = node.closed.length === 0 ? fleet.refused : fleet.departed;
  queue.set(node.id, node.lastSeenMs);
}

function forget(fleet: Fleet, nowMs: number): void {
  trim(fleet, fleet.refused, { countMax: REFUSED_MAX, seenAfterMs: nowMs - DEPARTED_KEPT_MS });
  const connectedAndRefused = fleet.nodes.size - fleet.departed.size;
  trim(fleet, fleet.departed, {
    countMax: Math.max(0, NODES_MAX - connectedAndRefused),
    seenAfterMs: nowMs - DEPARTED_KEPT_MS,
  });
  fleet.forgetAtMs = Math.min(oldestMs(fleet.refused), oldestMs(fleet.departed)) + DEPARTED_KEPT_MS;
}

function oldestMs(queue: ReadonlyMap<string, number>): number {
  const first = queue.values().next();
  return first.done === true ? Infinity : first.value;
}

function trim(
  fleet: Fleet,
  queue: Map<string, number>,
  limits: { readonly countMax: number; readonly seenAfterMs: number },
): void {
  for (const [id, seenMs] of queue) {
    if (queue.size <= limits.countMax && seenMs > limits.seenAfterMs) return;
    queue.delete(id);
    const node = fleet.nodes.get(id);
    fleet.nodes.delete(id);
    if (node !== undefined) leave(fleet, node);
  }
}

function leave(fleet: Fleet, node: NodeRecord): void {
  const group = node.group === undefined ? undefined : fleet.groups.get(node.group);
  if (group === undefined) return;
  group.members.delete(node.id);
  // A name that only a node brought, or that the config dropped, must not outlive its members.
  if (group.members.size === 0 && (group.removed || group.snapshot === undefined)) fleet.groups.delete(group.name);
}

function groupRecord(fleet: Fleet, name: GroupName): GroupRecord {
  const known = fleet.groups.get(name);
  if (known !== undefined) return known;
  const group: GroupRecord = {
    name,
    members: new Set(),
    snapshot: undefined,
    publishedAtMs: undefined,
    convergedAtMs: undefined,
    connectedCount: 0,
    acknowledgedCount: 0,
    removed: false,
  };
  fleet.groups.set(name, group);
  return group;
}
