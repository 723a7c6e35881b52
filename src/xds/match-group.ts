/**
 * Which group a node belongs to: exactly one, or none with the reason.
 *
 * A node that matches nothing gets no answer at all, and one that matches two is refused with both names:
 * an arbitrary choice would be a wrong configuration that looks right.
 */
import type { NodeGroup, NodeMatch } from "../model/intent.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { NodeIdentity } from "./stream-event.ts";

/** The group's name, or a sentence for the operator. */
export function matchGroup(
  node: NodeIdentity,
  groups: readonly Pick<NodeGroup, "name" | "match">[],
): Result<string, string> {
  const matching: string[] = [];
  for (const { name, match } of groups) if (matches(node, match)) matching.push(name);
  const [only, second] = matching;
  if (only === undefined) {
    const known = groups.map((group) => group.name).join(", ");
    return err(`node id "${node.id}", cluster "${node.cluster}" matches no group of \`nodes\` (there are: ${known})`);
  }
  if (second !== undefined) {
    return err(`node id "${node.id}" matches more than one group of \`nodes\`: ${matching.join(", ")}`);
  }
  return ok(only);
}

function matches(node: NodeIdentity, match: NodeMatch): boolean {
  if (match.ids !== undefined && !match.ids.includes(node.id)) return false;
  if (match.clusters !== undefined && !match.clusters.includes(node.cluster)) return false;
  for (const [path, value] of Object.entries(match.metadata ?? {})) {
    if (node.metadata.get(path) !== value) return false;
  }
  const { region, zone, subZone } = match.locality ?? {};
  return (
    (region === undefined || region === node.locality.region) &&
    (zone === undefined || zone === node.locality.zone) &&
    (subZone === undefined || subZone === node.locality.subZone)
  );
}
