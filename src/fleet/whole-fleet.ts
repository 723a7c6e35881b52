/**
 * The nodes of all replicas as one fleet: those of this one, and what the others have told of theirs.
 *
 * A node that has moved is where it is connected, or else where it was seen last.
 */
import type { GroupName } from "../snapshot/snapshot.ts";
import type { WallTimes } from "../support/wall-times.ts";
import type { Convergence, Laggard } from "./convergence.ts";
import { LAGGARDS_MAX, convergence } from "./convergence.ts";
import type { Fleet } from "./fleet.ts";
import type { FleetSummary } from "./fleet-summary.ts";
import type { NodeQuery } from "./list-nodes.ts";
import { findNode, listNodes } from "./list-nodes.ts";
import type { NodeStatus, WaitsOf } from "./node-status.ts";

/** A node, and which replica it is on; without one on this. */
export interface PlacedNode extends NodeStatus {
  readonly replica?: string;
}

/** What is known here, and when it is looked at. */
export interface Known {
  readonly fleet: Fleet;
  readonly others: readonly FleetSummary[];
  readonly nowMs: number;
  readonly waitsOf?: WaitsOf | undefined;
}

/** A page over all replicas. */
export function listWholeFleet(
  { fleet, others, nowMs, waitsOf }: Known,
  query: NodeQuery,
): { readonly nodes: readonly PlacedNode[]; readonly next: string | undefined } {
  const elsewhere = nodesElsewhere(fleet, others);
  const local = listNodes(fleet, query, { nowMs, waitsOf, isShown: ({ id }) => !elsewhere.has(id) });
  const matching: PlacedNode[] = [...local.nodes, ...[...elsewhere.values()].filter((node) => matches(node, query))];
  matching.sort((a, b) => (a.id < b.id ? -1 : 1));
  const nodes = matching.slice(0, query.limit);
  const hasMore = local.next !== undefined || matching.length > nodes.length;
  return { nodes, next: hasMore ? nodes.at(-1)?.id : undefined };
}

/** A node that is connected, without all the rest. */
export interface ConnectedNode {
  readonly id: string;
  /** When it came with nothing, if it did: it had just been started. */
  readonly startedEmptyAtMs: number | undefined;
}

/** The connected nodes of groups, of all replicas, sorted; those of this one with times by its clock on the wall. */
export function connectedNodes(
  { fleet, others }: Pick<Known, "fleet" | "others">,
  groups: readonly string[],
  wall: Pick<WallTimes, "at">,
): readonly ConnectedNode[] {
  const found = new Map<string, ConnectedNode>();
  for (const { nodes } of others) {
    for (const { id, connected, group, startedEmptyAtMs } of nodes) {
      if (connected && group !== undefined && groups.includes(group)) found.set(id, { id, startedEmptyAtMs });
    }
  }
  for (const group of groups) {
    for (const id of fleet.groups.get(group as GroupName)?.members ?? []) {
      const newest = fleet.nodes.get(id)?.streams.at(-1);
      if (newest === undefined) continue;
      found.set(id, { id, startedEmptyAtMs: newest.startsEmpty ? wall.at(newest.sinceMs) : undefined });
    }
  }
  return [...found.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** One node, wherever it is. */
export function findInWholeFleet({ fleet, others, nowMs, waitsOf }: Known, id: string): PlacedNode | undefined {
  return nodesElsewhere(fleet, others, id).get(id) ?? findNode(fleet, id, nowMs, waitsOf);
}

/** The convergence of a group over all replicas, on the version that is current here. */
export function wholeConvergence({ fleet, others, waitsOf }: Known, group: GroupName): Convergence | undefined {
  const elsewhere = nodesElsewhere(fleet, others);
  const local = convergence(fleet, group, {
    ...(waitsOf === undefined ? {} : { waitsOf }),
    isCounted: (id) => !elsewhere.has(id),
  });
  if (local === undefined) return undefined;
  const counts = { acknowledgedCount: 0, pendingCount: 0, rejectedCount: 0, disconnectedCount: 0 };
  const laggards: Laggard[] = [...local.laggards];
  for (const node of elsewhere.values()) {
    if (node.group !== group) continue;
    const state = stateOf(node, local.snapshotVersion);
    counts[`${state}Count`] += 1;
    if (state !== "pending" && state !== "rejected") continue;
    laggards.push({ nodeId: node.id, state, reason: node.types[0]?.lastRejection?.message, overdue: false });
  }
  laggards.sort(rejectedFirst);
  return {
    ...local,
    acknowledgedCount: local.acknowledgedCount + counts.acknowledgedCount,
    pendingCount: local.pendingCount + counts.pendingCount,
    rejectedCount: local.rejectedCount + counts.rejectedCount,
    disconnectedCount: local.disconnectedCount + counts.disconnectedCount,
    laggards: laggards.slice(0, LAGGARDS_MAX),
    convergedAtMs: convergedAtMs(local, laggards.length, others),
  };
}

/** The ids of those that are connected to another replica. */
export function connectedElsewhere(others: readonly FleetSummary[]): ReadonlySet<string> {
  return new Set(others.flatMap(({ nodes }) => nodes.flatMap(({ id, connected }) => (connected ? [id] : []))));
}

/** By id: the nodes that are on another replica rather than on this one. */
function nodesElsewhere(fleet: Fleet, others: readonly FleetSummary[], only?: string): ReadonlyMap<string, PlacedNode> {
  const found = new Map<string, PlacedNode>();
  for (const { replica, nodes } of others) {
    for (const node of nodes) {
      if (only !== undefined && node.id !== only) continue;
      const local = fleet.nodes.get(node.id);
      if (
        local !== undefined &&
        !isLater(node, { connected: local.streams.length > 0, lastSeenMs: local.lastSeenMs })
      ) {
        continue;
      }
      const known = found.get(node.id);
      if (known === undefined || isLater(node, known)) found.set(node.id, { ...node, replica });
    }
  }
  return found;
}

type Seen = Pick<NodeStatus, "connected" | "lastSeenMs">;

function isLater(node: Seen, than: Seen): boolean {
  return node.connected === than.connected ? node.lastSeenMs > than.lastSeenMs : node.connected;
}

function matches(node: PlacedNode, query: NodeQuery): boolean {
  if (query.after !== undefined && node.id <= query.after) return false;
  if (query.group !== undefined && node.group !== query.group) return false;
  if (query.connected !== undefined && node.connected !== query.connected) return false;
  return query.status === undefined || node.status === query.status;
}

function stateOf(node: PlacedNode, version: string): "acknowledged" | "pending" | "rejected" | "disconnected" {
  if (!node.connected) return "disconnected";
  if (node.acknowledged === version) return "acknowledged";
  return node.status === "error" ? "rejected" : "pending";
}

/** When the last replica with nodes had it, once nobody lags. */
function convergedAtMs(local: Convergence, laggardsCount: number, others: readonly FleetSummary[]): number | undefined {
  if (laggardsCount > 0) return undefined;
  const times = others.flatMap(({ converged }) => {
    const found = converged.get(local.group);
    return found?.version === local.snapshotVersion ? [found.atMs] : [];
  });
  const all = local.convergedAtMs === undefined ? times : [...times, local.convergedAtMs];
  return all.length === 0 ? undefined : Math.max(...all);
}

function rejectedFirst(a: Laggard, b: Laggard): number {
  if (a.state !== b.state) return a.state === "rejected" ? -1 : 1;
  return a.nodeId < b.nodeId ? -1 : 1;
}
