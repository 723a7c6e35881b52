/**
 * What each node has rejected, kept while it is away: a node that reconnects is not sent the same again.
 */
import type { Rejections } from "./stream-state.ts";

/** Nodes remembered; the one that was asked for longest ago is forgotten first. */
const NODES_MAX = 10_000;

/** A bounded map from node id to its rejections. */
export interface RejectionMemory {
  /** The node's rejections, shared by all its streams. */
  of(nodeId: string): Rejections;
}

/** An empty memory. */
export function createRejectionMemory(): RejectionMemory {
  const byNode = new Map<string, Rejections>();
  return {
    of(nodeId) {
      const rejections: Rejections = byNode.get(nodeId) ?? new Map();
      byNode.delete(nodeId);
      byNode.set(nodeId, rejections);
      for (const oldest of byNode.keys()) {
        if (byNode.size <= NODES_MAX) break;
        byNode.delete(oldest);
      }
      return rejections;
    },
  };
}
