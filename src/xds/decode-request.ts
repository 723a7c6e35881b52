/**
 * Requests as they come from the wire, turned into demands.
 *
 * Decoded by hand, because most of what a server receives is the same again: Envoy may repeat its 61 kB node in
 * every message, which is read in the first one only; and a fleet that comes back says a thousand times the same
 * thousand names with the same versions. The last long messages are remembered by their bytes, without the node,
 * and what was made of them is handed out again, the same objects; whoever keeps something by such an object finds it.
 *
 * The field numbers are those of envoy/service/discovery/v3/discovery.proto.
 */
import { Node } from "../gen/envoy/config/core/v3/base.ts";
import { FieldCursor } from "./field-cursor.ts";
import type { NodeProblem } from "./read-node.ts";
import { NODE_BYTES_MAX, nodeProblems } from "./read-node.ts";
import type { Demand, Variant } from "./stream-state.ts";
import type { TextPool } from "./text-pool.ts";
import { createTextPool } from "./text-pool.ts";

/** The field that holds the node in each variant's request. */
const NODE_FIELD = { sotw: 2, delta: 1 } as const;

/** More names in one request, or of one type on one stream, are not a fleet but a mistake or an attack; no more are read. */
export const NAMES_MAX = 100_000;

/** A decoded request. What is in it must never be changed: it may be shared. */
export interface DecodedRequest {
  readonly demand: Demand;
  readonly node: Node | undefined;
  /** Why there is no node although the message has one. */
  readonly nodeProblem: NodeProblem | undefined;
  /** How many resource names it carries; the caller bounds them. */
  readonly namesCount: number;
}

/** Decodes the requests of one server. */
export interface RequestDecoder {
  /** Decodes one message; throws when the bytes are not such a request. The bytes are not kept. */
  decode(variant: Variant, bytes: Uint8Array, options: { readonly withNode: boolean }): DecodedRequest;
}

/** What a message says beside its node. */
type Said = Pick<DecodedRequest, "demand" | "namesCount">;

/** Long messages of which two are rarely the same need no memory, and short ones are decoded in no time. */
const REMEMBERED_MAX = 16;
const REMEMBERED_BYTES_MIN = 512;
const REMEMBERED_BYTES_MAX = 2 * 1024 * 1024;

/** A decoder that remembers nothing yet. */
export function createRequestDecoder(): RequestDecoder {
  const texts = createTextPool();
  const remembered = { sotw: createMemory(), delta: createMemory() };
  return {
    decode(variant, input, { withNode }) {
      const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
      const found = findNode(bytes, NODE_FIELD[variant], withNode);
      const node = withNode && found !== undefined ? decodeNode(bytes.subarray(found.from, found.end)) : noNode;
      const parts = found === undefined ? [bytes] : [bytes.subarray(0, found.start), bytes.subarray(found.end)];
      return { ...remembered[variant](parts, () => said(variant, parts, texts)), ...node };
    },
  };
}

const noNode = { node: undefined, nodeProblem: undefined };

/** Metadata that is too deep, at about a hundred, is refused by the decoder. */
function decodeNode(bytes: Uint8Array): Pick<DecodedRequest, "node" | "nodeProblem"> {
  if (bytes.byteLength > NODE_BYTES_MAX) return { node: undefined, nodeProblem: nodeProblems.long };
  try {
    return { node: Node.decode(bytes), nodeProblem: undefined };
  } catch {
    return { node: undefined, nodeProblem: nodeProblems.unreadable };
  }
}

/** The last long messages, newest first. */
function createMemory(): (parts: readonly Buffer[], decode: () => Said) => Said {
  const entries: { readonly bytes: Buffer; readonly said: Said }[] = [];
  return (parts, decode) => {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (length < REMEMBERED_BYTES_MIN || length > REMEMBERED_BYTES_MAX) return decode();
    const at = entries.findIndex((entry) => entry.bytes.length === length && isConcatenation(entry.bytes, parts));
    const [known] = at === -1 ? [] : entries.splice(at, 1);
    const entry = known ?? { bytes: Buffer.concat(parts), said: decode() };
    entries.unshift(entry);
    if (entries.length > REMEMBERED_MAX) entries.pop();
    return entry.said;
  };
}

function isConcatenation(whole: Buffer, parts: readonly Buffer[]): boolean {
  let from = 0;
  for (const part of parts) {
    if (part.compare(whole, from, from + part.length) !== 0) return false;
    from += part.length;
  }
  return true;
}

function said(variant: Variant, parts: readonly Buffer[], texts: TextPool): Said {
  return variant === "sotw" ? saidInSotw(parts, texts) : saidInDelta(parts, texts);
}

function saidInSotw(parts: readonly Buffer[], texts: TextPool): Said {
  const names: string[] = [];
  let [versionInfo, typeUrl, nonce] = ["", "", ""];
  let error: string | undefined;
  for (const part of parts) {
    const field = new FieldCursor(part);
    while (names.length <= NAMES_MAX && field.next()) {
      if (field.number === 3) names.push(field.text(texts));
      else if (field.number === 1) versionInfo = field.text(texts);
      else if (field.number === 4) typeUrl = field.text(texts);
      else if (field.number === 5) nonce = field.text(texts);
      else if (field.number === 6) error = errorMessage(field, texts);
    }
  }
  return { demand: { variant: "sotw", typeUrl, names, versionInfo, nonce, error }, namesCount: names.length };
}

/** What most requests carry none of; never written to. */
const noTexts: string[] = [];
const noVersions = new Map<string, string>();

function saidInDelta(parts: readonly Buffer[], texts: TextPool): Said {
  let subscribe = noTexts;
  let unsubscribe = noTexts;
  let initialVersions = noVersions;
  const count = () => subscribe.length + unsubscribe.length + initialVersions.size;
  let [typeUrl, nonce] = ["", ""];
  let error: string | undefined;
  for (const part of parts) {
    const field = new FieldCursor(part);
    while (count() <= NAMES_MAX && field.next()) {
      if (field.number === 3) (subscribe = subscribe === noTexts ? [] : subscribe).push(field.text(texts));
      else if (field.number === 5) {
        if (initialVersions === noVersions) initialVersions = new Map();
        readEntry(field, texts, initialVersions);
      } else if (field.number === 2) typeUrl = field.text(texts);
      else if (field.number === 4) (unsubscribe = unsubscribe === noTexts ? [] : unsubscribe).push(field.text(texts));
      else if (field.number === 6) nonce = field.text(texts);
      else if (field.number === 7) error = errorMessage(field, texts);
    }
  }
  return {
    demand: { variant: "delta", typeUrl, subscribe, unsubscribe, initialVersions, nonce, error },
    namesCount: count(),
  };
}

/** One entry of `initial_resource_versions`: key (1) and value (2). */
function readEntry(entry: FieldCursor, texts: TextPool, into: Map<string, string>): void {
  let [name, version] = ["", ""];
  const field = entry.inside();
  while (field.next()) {
    if (field.number === 1) name = field.text(texts);
    else if (field.number === 2) version = field.text(texts);
  }
  into.set(name, version);
}

/** The `message` (2) of a google.rpc.Status; a status without one is an error all the same. */
function errorMessage(status: FieldCursor, texts: TextPool): string {
  let message = "";
  const field = status.inside();
  while (field.next()) if (field.number === 2) message = field.text(texts);
  return message;
}

/**
 * Where the node is. Where it is not wanted it need not be found, so only the beginning is looked at: fields are
 * written in the order of their numbers, and the node has one of the first.
 */
function findNode(bytes: Buffer, number: number, isWanted: boolean): FieldCursor | undefined {
  const field = new FieldCursor(bytes);
  while (field.next()) {
    if (field.number === number) return field;
    if (field.number > number && !isWanted) return undefined;
  }
  return undefined;
}
