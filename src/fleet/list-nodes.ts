/**
 * Nodes in pages, sorted by id, for whoever shows them.
 */
import type { NodeRecord } from "./node-record.ts";
import type { NodeStatus, WaitsOf } from "./node-status.ts";
import { nodeStatus, syncStatus } from "./node-status.ts";
import type { SyncStatus } from "./stream-record.ts";
import type { Fleet } from "./fleet.ts";
import { DEPARTED_KEPT_MS, currentSnapshot } from "./fleet.ts";

/** Which nodes, and how many of them. */
export interface NodeQuery {
  readonly limit: number;
  /** Only ids that sort after this one: the last id of the page before. */
  readonly after?: string | undefined;
  readonly group?: string | undefined;
  readonly status?: SyncStatus | undefined;
  readonly connected?: boolean | undefined;
}

/** `next` is the `after` of the following page, absent on the last. */
export interface NodePage {
  readonly nodes: readonly NodeStatus[];
  readonly next: string | undefined;
}

/** How they are looked at. */
export interface NodesLook {
  readonly nowMs: number;
  readonly waitsOf?: WaitsOf | undefined;
  /** Leaves others out. */
  readonly isShown?: (node: NodeRecord) => boolean;
}

/** One page; a node that has been gone for too long is not shown even if nothing happened since. */
export function listNodes(fleet: Fleet, query: NodeQuery, look: NodesLook): NodePage {
  const matching: NodeRecord[] = [];
  for (const node of fleet.nodes.values()) {
    const shown = isShown(node, look.nowMs) && (look.isShown?.(node) ?? true);
    if (shown && matches(fleet, node, query)) matching.push(node);
  }
  matching.sort((a, b) => (a.id < b.id ? -1 : 1));
  const page = matching.slice(0, query.limit);
  return {
    nodes: page.map((node) => nodeStatus(node, currentSnapshot(fleet, node.group), look.waitsOf)),
    next: matching.length > page.length ? page.at(-1)?.id : undefined,
  };
}

/** One node, or undefined when it never came or is forgotten. */
export function findNode(fleet: Fleet, id: string, nowMs: number, waitsOf?: WaitsOf): NodeStatus | undefined {
  const node = fleet.nodes.get(id);
  if (node === undefined || !isShown(node, nowMs)) return undefined;
  return nodeStatus(node, currentSnapshot(fleet, node.group), waitsOf);
}

function isShown(node: NodeRecord, nowMs: number): boolean {
  return node.streams.length > 0 || node.lastSeenMs > nowMs - DEPARTED_KEPT_MS;
}

function matches(fleet: Fleet, node: NodeRecord, query: NodeQuery): boolean {
  if (query.after !== undefined && node.id <= query.after) return false;
  if (query.group !== undefined && node.group !== query.group) return false;
  if (query.connected !== undefined && node.streams.length > 0 !== query.connected) return false;
  if (query.status === undefined) return true;
  return syncStatus(node, currentSnapshot(fleet, node.group)) === query.status;
}
