/**
 * A client's `Node` message, cut down to what Fairway uses.
 *
 * Envoy 1.40 sends 61 kB of it, mostly its list of extensions; of that only identity, locality and the
 * scalars of its metadata are kept, all bounded, because a node says of itself whatever it likes.
 */
import type { Node } from "../gen/envoy/config/core/v3/base.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { NodeIdentity } from "./stream-event.ts";

/** Longer ids would flood logs and pages. */
export const ID_CHARS_MAX = 256;
/** Metadata is used for matching only: a few labels, not a document. */
const METADATA_ENTRIES_MAX = 1_000;
const METADATA_DEPTH_MAX = 16;
/** Of a path and of a text; longer ones match nothing that people write, and a long key would be repeated in each path below it. */
const METADATA_CHARS_MAX = 1_024;

/** A protobuf may be larger; Envoy 1.40 sends 61 kB without any metadata. */
export const NODE_BYTES_MAX = 1024 * 1024;

/** What can be wrong with a node, in the words that its client and the operators are told: a closed list, so that they can be counted. */
export const nodeProblems = {
  absent: "the first request of a stream must carry node.id; set node.id and node.cluster in Envoy's bootstrap",
  longNames: `node.id and node.cluster may have at most ${ID_CHARS_MAX} characters`,
  long: `node may have at most ${NODE_BYTES_MAX} bytes`,
  unreadable: "node cannot be decoded; is its metadata very deep?",
} as const;

export type NodeProblem = (typeof nodeProblems)[keyof typeof nodeProblems];

type Scalar = string | number | boolean;

/** The identity, or why it is not acceptable. */
export function readNode(node: Node | undefined): Result<NodeIdentity, NodeProblem> {
  if (node === undefined || node.id === "") {
    return err(nodeProblems.absent);
  }
  if (node.id.length > ID_CHARS_MAX || node.cluster.length > ID_CHARS_MAX) {
    return err(nodeProblems.longNames);
  }
  const metadata = new Map<string, Scalar>();
  flatten(node.metadata, { prefix: "", depth: 0 }, metadata);
  return ok({
    id: node.id,
    cluster: node.cluster,
    locality: {
      region: (node.locality?.region ?? "").slice(0, ID_CHARS_MAX),
      zone: (node.locality?.zone ?? "").slice(0, ID_CHARS_MAX),
      subZone: (node.locality?.subZone ?? "").slice(0, ID_CHARS_MAX),
    },
    metadata,
    userAgent: userAgentOf(node).slice(0, ID_CHARS_MAX),
  });
}

function userAgentOf(node: Node): string {
  const version = node.userAgentVersionType;
  if (version === undefined) return node.userAgentName;
  if (version.$case === "userAgentVersion") return `${node.userAgentName} ${version.value}`;
  const number = version.value.version;
  return number === undefined
    ? node.userAgentName
    : `${node.userAgentName} ${number.majorNumber}.${number.minorNumber}.${number.patch}`;
}

function flatten(
  value: unknown,
  at: { readonly prefix: string; readonly depth: number },
  into: Map<string, Scalar>,
): void {
  if (into.size >= METADATA_ENTRIES_MAX || at.depth > METADATA_DEPTH_MAX) return;
  if (at.prefix.length > METADATA_CHARS_MAX) return;
  if (typeof value === "string" && value.length > METADATA_CHARS_MAX) return;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    into.set(at.prefix, value);
  } else if (value !== null && typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) {
      flatten(inner, { prefix: at.prefix === "" ? key : `${at.prefix}.${key}`, depth: at.depth + 1 }, into);
    }
  }
}
