/**
 * One node as people see it: the same words on the command line, in the API and in the dashboard.
 *
 * A status is computed from the node's record when somebody asks, and is a copy: it stays as it is when the
 * record moves on.
 */
import type { GroupName, Snapshot, SnapshotVersion } from "../snapshot/snapshot.ts";
import { resourceTypes } from "../snapshot/type-url.ts";
import type { NodeIdentity } from "../xds/stream-event.ts";
import type { StreamWait } from "../xds/stream-wait.ts";
import type { NodeRecord, Refusal } from "./node-record.ts";
import { hasAcknowledged } from "./node-record.ts";
import { isSynced } from "./stream-record.ts";
import type { Gate, Rejection, StreamRecord, SyncStatus, TypeRecord } from "./stream-record.ts";

/** One type, over all streams of the node. */
export interface TypeStatus {
  readonly typeUrl: string;
  readonly status: SyncStatus;
  /** The `version_info` of the last response, and of the last that the node acknowledged. */
  readonly sentVersionInfo: string | undefined;
  readonly acknowledgedVersionInfo: string | undefined;
  readonly wildcard: boolean;
  readonly namesCount: number;
  /** The last one, also when the node has accepted something newer since. */
  readonly lastRejection: Rejection | undefined;
}

/** One open stream. */
export interface StreamStatus {
  readonly streamId: number;
  readonly variant: "sotw" | "delta";
  readonly peer: string;
  readonly sinceMs: number;
  readonly gate: Gate | undefined;
}

/**
 * What the open streams of a node wait for now: asked of the streams when somebody looks, because it changes
 * all the time. Without it, what events said of it is shown.
 */
export type WaitsOf = (nodeId: string) => readonly StreamWait[];

/** All that is known of a node. Times are milliseconds since the epoch. */
export interface NodeStatus {
  readonly id: string;
  readonly cluster: string;
  readonly locality: NodeIdentity["locality"];
  readonly userAgent: string;
  readonly group: GroupName | undefined;
  readonly connected: boolean;
  readonly lastSeenMs: number;
  /** When it came with nothing, if its last stream did: it had just been started then. */
  readonly startedEmptyAtMs?: number | undefined;
  /** The worst of its types; `synced` only when the whole current snapshot is acknowledged. */
  readonly status: SyncStatus;
  readonly streams: readonly StreamStatus[];
  /** In the order of `resourceTypes`. */
  readonly types: readonly TypeStatus[];
  /** What its group is to have. */
  readonly wanted: SnapshotVersion | undefined;
  readonly movingTo: SnapshotVersion | undefined;
  readonly acknowledged: SnapshotVersion | undefined;
  /** The wait that began first among those of its streams; of a node that is gone, what was overdue. */
  readonly gate: Gate | undefined;
  readonly refusal: Refusal | undefined;
}

const worstFirst: readonly SyncStatus[] = ["error", "stale", "not_sent", "synced"];
const typeOrder = new Map(resourceTypes.map(({ typeUrl }, index) => [typeUrl, index]));

/** What to show of a node; `current` is the snapshot that its group is to have. */
export function nodeStatus(node: NodeRecord, current: Snapshot | undefined, waitsOf?: WaitsOf): NodeStatus {
  const connected = node.streams.length > 0;
  const streams = connected ? streamStatuses(node, waitsOf) : [];
  const shown = connected ? node.streams : node.closed;
  const newest = shown.at(-1);
  return {
    id: node.id,
    cluster: node.cluster,
    locality: node.locality,
    userAgent: node.userAgent,
    group: node.group,
    connected,
    lastSeenMs: node.lastSeenMs,
    ...(newest?.startsEmpty === true ? { startedEmptyAtMs: newest.sinceMs } : {}),
    status: syncStatus(node, current),
    streams,
    types: typeStatuses(node),
    wanted: current?.version,
    movingTo: newest?.movingTo,
    acknowledged: agreed(shown, current?.version),
    gate: firstGate(connected ? streams : shown),
    refusal: node.refusal,
  };
}

/** The one word for a node, without the cost of all the rest. */
export function syncStatus(node: NodeRecord, current: Snapshot | undefined): SyncStatus {
  const shown = node.streams.length > 0 ? node.streams : node.closed;
  for (const stream of shown) {
    for (const type of stream.types) if (type.status === "error") return "error";
  }
  if (current !== undefined && hasAcknowledged(node, current.version)) return "synced";
  const nothingSent = shown.every((stream) => stream.movingTo === undefined && stream.syncedTo === undefined);
  return nothingSent ? "not_sent" : "stale";
}

/** What the node waits for: of its open streams the one whose wait began first. */
export function currentGate(node: NodeRecord, waitsOf?: WaitsOf): Gate | undefined {
  return firstGate(streamStatuses(node, waitsOf));
}

/** Whether a stream of the node has said that its change is held up past its deadline. */
export function isOverdue(node: NodeRecord): boolean {
  return node.streams.some(({ gate }) => gate?.overdue === true);
}

function streamStatuses(node: NodeRecord, waitsOf?: WaitsOf): readonly StreamStatus[] {
  const waits = waitsOf?.(node.id) ?? [];
  return node.streams.map(({ streamId, variant, peer, sinceMs, gate }) => {
    const wait = waits.find((each) => each.streamId === streamId);
    return { streamId, variant, peer, sinceMs, gate: wait ?? gate };
  });
}

function firstGate(streams: readonly { readonly gate: Gate | undefined }[]): Gate | undefined {
  const gates = streams.flatMap(({ gate }) => (gate === undefined ? [] : [gate]));
  return gates.sort((a, b) => a.sinceMs - b.sinceMs)[0];
}

function typeStatuses(node: NodeRecord): readonly TypeStatus[] {
  const merged = new Map<string, TypeStatus>();
  const connected = node.streams.length > 0;
  for (const stream of connected ? node.streams : node.closed) {
    for (const type of stream.types) {
      const next = typeStatus(type, node);
      const other = merged.get(type.typeUrl);
      // Two open streams with one type are two processes: show the one in trouble. Of closed ones the last counts.
      const keepsOther = connected && other !== undefined && severity(other) < severity(next);
      if (!keepsOther) merged.set(type.typeUrl, next);
    }
  }
  return [...merged.values()].sort((a, b) => position(a) - position(b));
}

function typeStatus(type: TypeRecord, node: NodeRecord): TypeStatus {
  return {
    typeUrl: type.typeUrl,
    status: type.status,
    sentVersionInfo: type.sentVersionInfo,
    acknowledgedVersionInfo: type.acknowledgedVersionInfo,
    wildcard: type.wildcard,
    namesCount: type.namesCount,
    lastRejection: type.rejection ?? node.lastRejections.get(type.typeUrl),
  };
}

function severity(type: TypeStatus): number {
  return worstFirst.indexOf(type.status);
}

function position(type: TypeStatus): number {
  return typeOrder.get(type.typeUrl) ?? typeOrder.size;
}

/**
 * The snapshot that all streams acknowledged; while they differ there is none for the node, nor while they are to come back
 * to what they had and something else is on its way to them.
 */
function agreed(streams: readonly StreamRecord[], wanted: SnapshotVersion | undefined): SnapshotVersion | undefined {
  const first = streams[0]?.syncedTo;
  if (!streams.every((stream) => stream.syncedTo === first)) return undefined;
  return first === wanted && first !== undefined && !streams.every((stream) => isSynced(stream, first))
    ? undefined
    : first;
}
