/**
 * How far a group has come with a snapshot: who has it, who refused it, whom it waits for.
 */
import type { GroupName, SnapshotVersion } from "../snapshot/snapshot.ts";
import type { Fleet } from "./fleet.ts";
import type { NodeRecord } from "./node-record.ts";
import { hasAcknowledged } from "./node-record.ts";
import type { WaitsOf } from "./node-status.ts";
import { currentGate, syncStatus } from "./node-status.ts";

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
export const LAGGARDS_MAX = 20;

/**
 * The state of a group; by default for its current snapshot. Undefined when the group is not known or has
 * no snapshot. For an older version, `acknowledged` means that nodes hold exactly that version now.
 */
export function convergence(
  fleet: Fleet,
  group: GroupName,
  of: {
    readonly waitsOf?: WaitsOf;
    readonly version?: SnapshotVersion;
    /** Leaves out nodes that are on another replica. */
    readonly isCounted?: (nodeId: string) => boolean;
  } = {},
): Convergence | undefined {
  const record = fleet.groups.get(group);
  const snapshotVersion = of.version ?? record?.snapshot?.version;
  if (record === undefined || snapshotVersion === undefined) return undefined;
  const counts = { acknowledgedCount: 0, pendingCount: 0, rejectedCount: 0, disconnectedCount: 0 };
  const behind: Behind[] = [];
  for (const id of record.members) {
    const node = fleet.nodes.get(id);
    if (node === undefined || of.isCounted?.(id) === false) continue;
    if (node.streams.length === 0) counts.disconnectedCount += 1;
    else if (hasAcknowledged(node, snapshotVersion)) counts.acknowledgedCount += 1;
    else {
      const rejected = syncStatus(node, record.snapshot) === "error";
      counts[rejected ? "rejectedCount" : "pendingCount"] += 1;
      behind.push({ node, rejected });
    }
  }
  behind.sort(refusedFirst);
  const isCurrent = record.snapshot?.version === snapshotVersion;
  return {
    group,
    snapshotVersion,
    ...counts,
    laggards: behind.slice(0, LAGGARDS_MAX).map((each) => laggardOf(each, of.waitsOf)),
    publishedAtMs: isCurrent ? record.publishedAtMs : undefined,
    convergedAtMs: isCurrent ? record.convergedAtMs : undefined,
  };
}

/** A node that does not have it; what keeps it is asked only of those that are shown. */
interface Behind {
  readonly node: NodeRecord;
  readonly rejected: boolean;
}

function laggardOf({ node, rejected }: Behind, waitsOf: WaitsOf | undefined): Laggard {
  const gate = currentGate(node, waitsOf);
  return {
    nodeId: node.id,
    state: rejected ? "rejected" : "pending",
    reason: rejected ? rejectionText(node) : gate?.waitingFor,
    overdue: gate?.overdue ?? false,
  };
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

function refusedFirst(a: Behind, b: Behind): number {
  if (a.rejected !== b.rejected) return a.rejected ? -1 : 1;
  return a.node.id < b.node.id ? -1 : 1;
}
