/**
 * Which group of nodes is meant: by its name, by what an Envoy says of itself, or because there is only one.
 */
import { Node } from "../gen/envoy/config/core/v3/base.ts";
import type { NodeGroup } from "../model/intent.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { matchGroup } from "../xds/match-group.ts";
import { readNode } from "../xds/read-node.ts";
import type { NodeIdentity } from "../xds/stream-event.ts";

/** What somebody typed. */
export interface AskedGroup {
  readonly group?: string | undefined;
  /** `edge-1`, `id=edge-1,cluster=edge,metadata.stage=prod`, or the JSON of Envoy's `node`. */
  readonly node?: string | undefined;
}

/** The name of the group, or a sentence with what there is. */
export function chooseGroup(asked: AskedGroup, groups: readonly NodeGroup[]): Result<string, string> {
  const names = groups.map(({ name }) => name);
  const known = `there are: ${names.join(", ")}`;
  if (asked.group !== undefined) {
    return names.includes(asked.group) ? ok(asked.group) : err(`there is no group "${asked.group}"; ${known}`);
  }
  if (asked.node !== undefined) {
    const node = readAskedNode(asked.node);
    return node.ok ? matchGroup(node.value, groups) : node;
  }
  const [only, second] = names;
  if (only !== undefined && second === undefined) return ok(only);
  return err(`name a node with --node or a group with --group; ${known}`);
}

/** The identity that a text describes. */
function readAskedNode(text: string): Result<NodeIdentity, string> {
  const described = text.trimStart().startsWith("{") ? fromJson(text) : fromPairs(text);
  if (!described.ok) return described;
  const { id, cluster, locality, metadata } = described.value;
  const node = Node.fromPartial({
    // Whoever asks by cluster alone means any node of it.
    id: stringOf(id) === "" ? "any" : stringOf(id),
    cluster: stringOf(cluster),
    locality: {
      region: stringOf(child(locality, "region")),
      zone: stringOf(child(locality, "zone")),
      subZone: stringOf(child(locality, "sub_zone") ?? child(locality, "subZone")),
    },
    metadata: objectOf(metadata),
  });
  return readNode(node);
}

type Described = Readonly<Record<string, unknown>>;

function fromJson(text: string): Result<Described, string> {
  try {
    return ok(objectOf(JSON.parse(text)));
  } catch {
    return err("--node begins like JSON and is not; write an id, id=…,cluster=…, or the JSON of Envoy's node");
  }
}

/** A text without `=` is an id. */
function fromPairs(text: string): Result<Described, string> {
  if (!text.includes("=")) return ok({ id: text });
  const locality: Record<string, string> = {};
  const metadata: Record<string, string> = {};
  const rest: Record<string, string> = {};
  for (const pair of text.split(",")) {
    const equals = pair.indexOf("=");
    const key = pair.slice(0, equals).trim();
    const value = pair.slice(equals + 1).trim();
    if (key.startsWith("metadata.")) metadata[key.slice("metadata.".length)] = value;
    else if (key === "region" || key === "zone" || key === "subZone") locality[key] = value;
    else if (key === "id" || key === "cluster") rest[key] = value;
    else return err(`--node has no "${key}"; there are: id, cluster, region, zone, subZone, metadata.KEY`);
  }
  return ok({ ...rest, locality, metadata });
}

function child(value: unknown, key: string): unknown {
  return objectOf(value)[key];
}

function objectOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

function stringOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
