/**
 * Whether a node is who its certificate says.
 *
 * A node names itself in its first request, and nothing but a certificate can tell that it may use the name.
 */
import type { Peer } from "../grpc/peer.ts";
import type { NodeIdentity } from "./stream-event.ts";

/** Why not, or undefined when one of the names in the certificate is the node's id or its cluster. */
export function refusalOfNode(node: Pick<NodeIdentity, "id" | "cluster">, { names = [] }: Peer): string | undefined {
  const own = names.map(ownName).filter((name) => name !== "");
  if (own.some((name) => name === node.id || name === node.cluster)) return undefined;
  const known = names.length === 0 ? "no name" : names.slice(0, 5).join(", ");
  return `the client's certificate has ${known}, which is neither node.id "${node.id}" nor node.cluster "${node.cluster}"`;
}

/** The last segment of a URI such as `spiffe://fleet.example/edge-1`; a DNS name as it is. */
function ownName(name: string): string {
  return name.includes("://") ? name.slice(name.lastIndexOf("/") + 1) : name;
}
