/**
 * What Envoys do with a request by what is served to them, for the admin API.
 */
import type { ExplainAsked, NotExplained } from "../admin/admin-views.ts";
import { readAskedRequest } from "../explain/asked-request.ts";
import type { RequestFacts } from "../explain/explain-request.ts";
import type { ExplainedNode, Explanation } from "../explain/explanation.ts";
import { findNode } from "../fleet/list-nodes.ts";
import type { NodeStatus } from "../fleet/node-status.ts";
import { typeUrls } from "../snapshot/type-url.ts";
import type { GroupName, Snapshot } from "../snapshot/snapshot.ts";
import type { Clock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { chooseGroup } from "./choose-group.ts";
import type { ControlPlane } from "./control-plane.ts";

/** The explanation, with what is unusual about what is served now. */
export async function explainServed(
  plane: Pick<ControlPlane, "publication" | "fleet" | "explain">,
  asked: ExplainAsked,
  clock: Clock,
): Promise<Result<Explanation, NotExplained>> {
  const request = readAskedRequest(asked);
  if (!request.ok) return err({ kind: "question", message: request.error });
  const { groups, served } = plane.publication;
  const node = asked.node === undefined ? undefined : findNode(plane.fleet, asked.node, clock.monotonicMs());
  const chosen: Result<string, string> =
    asked.group === undefined && node?.group !== undefined ? ok(node.group) : chooseGroup(asked, groups);
  if (!chosen.ok) return err({ kind: served.size === 0 ? "unavailable" : "question", message: chosen.error });
  const snapshot = served.get(chosen.value as GroupName);
  if (snapshot === undefined) return err({ kind: "unavailable", message: "nothing is served to this group yet" });
  const explained = await plane.explain(request.value, snapshot);
  if (!explained.ok) return err({ kind: "unavailable", message: explained.error });
  const { facts, hasLines } = explained.value;
  const at = groups.find(({ name }) => name === snapshot.group)?.at;
  return ok({
    ...facts,
    group: { name: snapshot.group, ...(at === undefined ? {} : { at }) },
    version: snapshot.version,
    ...(asked.node === undefined ? {} : { node: explainedNode(asked.node, node) }),
    notes: [
      ...servedNotes(plane, snapshot, hasLines),
      ...nodeNotes(asked.node, node, snapshot),
      ...rejectionNotes(node, facts),
      ...facts.notes,
    ],
  });
}

function explainedNode(id: string, node: NodeStatus | undefined): ExplainedNode {
  if (node === undefined) return { id, connected: false };
  const { connected, acknowledged } = node;
  return { id, connected, ...(acknowledged === undefined ? {} : { acknowledged }) };
}

function servedNotes(
  { publication }: Pick<ControlPlane, "publication">,
  { group, version }: Snapshot,
  hasLines: boolean,
): readonly string[] {
  const { refused, held } = publication;
  const first = refused?.diagnostics.find(({ severity }) => severity === "error");
  const why = first === undefined ? "" : ` (${first.at.file}:${first.at.line}: ${first.message})`;
  return [
    ...(refused === undefined
      ? []
      : [`the config as it is now is refused${why}; all lines here are those of version ${version}, which is served`]),
    ...(held.has(group)
      ? [`a newer change waits to be confirmed; all lines here are those of version ${version}, which is served`]
      : []),
    ...(hasLines ? [] : ["this snapshot was built in an earlier run: the lines are those of resources, not of rules"]),
  ];
}

function nodeNotes(asked: string | undefined, node: NodeStatus | undefined, { version }: Snapshot): readonly string[] {
  if (node === undefined) {
    // What is more than an id describes an Envoy that need not be there.
    const isId = asked !== undefined && !/^\s*\{|=/.test(asked);
    return isId ? [`${asked} is not known to this server: told is what an Envoy of this id would get`] : [];
  }
  if (node.acknowledged === version) return [];
  if (node.acknowledged === undefined) return [`${node.id} has not acknowledged any version in full`];
  return [
    `${node.id} has acknowledged version ${node.acknowledged}, not ${version}: it may still do what that one says`,
  ];
}

/** What the node refuses of the resources that the explanation names. */
function rejectionNotes(node: NodeStatus | undefined, facts: RequestFacts): readonly string[] {
  if (node === undefined) return [];
  const clusters = facts.clusters.map(({ name }) => name);
  const named: ReadonlyMap<string, { readonly noun: string; readonly names: readonly string[] }> = new Map([
    [typeUrls.listener, { noun: "listener", names: facts.listener === undefined ? [] : [facts.listener.name] }],
    [typeUrls.route, { noun: "routes", names: [facts.routeConfiguration?.name ?? ""] }],
    [typeUrls.cluster, { noun: "cluster", names: clusters }],
    [typeUrls.endpoints, { noun: "endpoints", names: clusters }],
  ]);
  return node.types.flatMap(({ typeUrl, status, lastRejection }) => {
    if (status !== "error" || lastRejection === undefined) return [];
    const { noun = "", names = [] } = named.get(typeUrl) ?? {};
    return lastRejection.resources
      .filter(({ name }) => names.includes(name))
      .map(({ name, at }) => {
        const place = at === undefined ? "" : ` (${at.file}:${at.line})`;
        return `${node.id} rejected the ${noun} ${name}${place} and goes on as before: ${lastRejection.message}`;
      });
  });
}
