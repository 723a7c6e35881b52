/**
 * How far a group has come with a snapshot: who has it, who refused it, whom it waits for.
 */
import type { GroupName, Snapshot, SnapshotVersion } from "../snapshot/snapshot.ts";
import type { Fleet } from "./fleet.ts";
import type { NodeRecord } from "./node-record.ts";
import { hasAcknowledged } from "./node-record.ts";
import { longestWait, syncStatus } from "./node-status.ts";

/** A connected node that does not have the snapshot. */
export interface Laggard {
  readonly nodeId: string;
  readonly state: "pending" | "rejected";
  /** What its gate waits for, or what it refused; absent while a response is merely under way. */
  readonly reason: string | undefined;
  readonly overdue: boolean;
}

/** The counts add up to the members of the group. */
export interface Convergence {
  readonly group: GroupName;
  readonly snapshotVersion: SnapshotVersion;
  readonly acknowledgedCount: number;
  readonly pendingCount: number;
  readonly rejectedCount: number;
  readonly disconnectedCount: number;
  /** At most `LAGGARDS_MAX`, those that refused first, then by id. */
  readonly laggards: readonly Laggard[];
  /** Of the current snapshot: when it was published, and when the last connected node had it. */
  readonly publishedAtMs: number | undefined;
  readonly convergedAtMs: number | undefined;
}

/**
 * Whether nothing speaks against the current snapshot of a group: all connected nodes have it, and none that
 * has gone meanwhile had refused it. A group without nodes has nobody who could object.
 */
export function isAccepted(fleet: Fleet, group: GroupName): boolean {
  const record = fleet.groups.get(group);
  for (const id of record?.members ?? []) {
    const node = fleet.nodes.get(id);
    if (node === undefined || record?.snapshot === undefined) continue;
    const gone = node.streams.length === 0;
    if (gone && syncStatus(node, record.snapshot) === "error") return false;
    if (!gone && !hasAcknowledged(node, record.snapshot.version)) return false;
  }
  return true;
}

/** As many as a person reads; the rest is in the counts and in the list of nodes. */
const LAGGARDS_MAX = 20;

/**
 * The state of a group; by default for its current snapshot. Undefined when the group is not known or has
 * no snapshot. For an older version, `acknowledged` means that nodes hold exactly that version now.
 */
export function convergence(fleet: Fleet, group: GroupName, version?: SnapshotVersion): Convergence | undefined {
  const record = fleet.groups.get(group);
  const snapshotVersion = version ?? record?.snapshot?.version;
  if (record === undefined || snapshotVersion === undefined) return undefined;
  const counts = { acknowledgedCount: 0, pendingCount: 0, rejectedCount: 0, disconnectedCount: 0 };
  const laggards: Laggard[] = [];
  for (const id of record.members) {
    const node = fleet.nodes.get(id);
    if (node === undefined) continue;
    if (node.streams.length === 0) counts.disconnectedCount += 1;
    else if (hasAcknowledged(node, snapshotVersion)) counts.acknowledgedCount += 1;
    else {
      const laggard = laggardOf(node, record.snapshot);
      counts[laggard.state === "rejected" ? "rejectedCount" : "pendingCount"] += 1;
      laggards.push(laggard);
    }
  }
  laggards.sort(refusedFirst);
  const isCurrent = record.snapshot?.version === snapshotVersion;
  return {
    group,
    snapshotVersion,
    ...counts,
    laggards: laggards.slice(0, LAGGARDS_MAX),
    publishedAtMs: isCurrent ? record.publishedAtMs : undefined,
    convergedAtMs: isCurrent ? record.convergedAtMs : undefined,
  };
}

function laggardOf(node: NodeRecord, current: Snapshot | undefined): Laggard {
  const gate = longestWait(node.streams);
  if (syncStatus(node, current) === "error") {
    return { nodeId: node.id, state: "rejected", reason: rejectionText(node), overdue: gate?.overdue ?? false };
  }
  return { nodeId: node.id, state: "pending", reason: gate?.waitingFor, overdue: gate?.overdue ?? false };
}

function rejectionText(node: NodeRecord): string | undefined {
  for (const stream of node.streams) {
    for (const { rejection } of stream.types) {
      if (rejection === undefined) continue;
      const at = rejection.resources[0]?.at;
      return at === undefined ? rejection.message : `${at.file}:${at.line}: ${rejection.message}`;
    }
  }
  return undefined;
}

function refusedFirst(a: Laggard, b: Laggard): number {
  if (a.state !== b.state) return a.state === "rejected" ? -1 : 1;
  return a.nodeId < b.nodeId ? -1 : 1;
}
