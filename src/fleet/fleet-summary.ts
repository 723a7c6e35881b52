/**
 * The nodes of one replica in short, as another replica is told of them.
 *
 * It is what a list of nodes shows, without the streams, with types only where one was rejected, and it has a bound: of
 * very many nodes those that are connected come first, and the number of those that were left out is in it.
 */
import { promisify } from "node:util";
import { gunzipSync, gzip } from "node:zlib";
import { z } from "zod";
import type { GroupName, SnapshotVersion } from "../snapshot/snapshot.ts";
import { brand } from "../support/brand.ts";
import type { Fleet } from "./fleet.ts";
import { currentSnapshot } from "./fleet.ts";
import type { NodeStatus, TypeStatus } from "./node-status.ts";
import { nodeStatus } from "./node-status.ts";

/** etcd takes 1.5 MiB in a request; 10,000 nodes take a fifth of this. */
const BYTES_MAX = 1024 * 1024;

/** What a summary may unfold to: whoever may write to etcd must not fill the memory. */
const UNFOLDED_BYTES_MAX = 16 * 1024 * 1024;

/** Of Envoy's words. */
const MESSAGE_CHARS_MAX = 200;

/** What is known of another replica's nodes. */
export interface FleetSummary {
  readonly replica: string;
  readonly atMs: number;
  readonly nodes: readonly NodeStatus[];
  readonly leftOutCount: number;
  /** By group, with the version: when the last of its connected nodes had it. */
  readonly converged: ReadonlyMap<string, { readonly version: string; readonly atMs: number }>;
}

const deflate = promisify(gzip);

/** The summary without its time, so that equal fleets give equal texts. */
export function summaryText(fleet: Fleet, nodesMax = Infinity): string {
  const all: NodeStatus[] = [];
  for (const node of fleet.nodes.values()) {
    if (node.refusal === undefined) all.push(inShort(nodeStatus(node, currentSnapshot(fleet, node.group))));
  }
  all.sort((a, b) => (a.connected !== b.connected ? (a.connected ? -1 : 1) : a.id < b.id ? -1 : 1));
  const nodes = all.slice(0, nodesMax);
  const converged = [...fleet.groups.values()].flatMap(({ name, snapshot, convergedAtMs }) =>
    snapshot === undefined || convergedAtMs === undefined
      ? []
      : [[name, { version: snapshot.version, atMs: convergedAtMs }]],
  );
  return JSON.stringify({ nodes, leftOutCount: all.length - nodes.length, converged: Object.fromEntries(converged) });
}

/** Packs a summary, of fewer nodes when all would be too many; `text` is that of all. */
export async function packSummary(fleet: Fleet, text: string): Promise<Uint8Array> {
  let packed = await deflate(text);
  for (let nodesMax = fleet.nodes.size >> 1; packed.byteLength > BYTES_MAX && nodesMax > 0; nodesMax >>= 1) {
    packed = await deflate(summaryText(fleet, nodesMax));
  }
  return packed;
}

/** Reads what another replica has packed; undefined when it is none. */
export function readSummary(replica: string, bytes: Uint8Array, atMs: number): FleetSummary | undefined {
  try {
    const text = gunzipSync(bytes, { maxOutputLength: UNFOLDED_BYTES_MAX }).toString("utf8");
    const read = summarySchema.parse(JSON.parse(text));
    return {
      replica,
      atMs,
      nodes: read.nodes.map((node) => statusOf(node, atMs)),
      leftOutCount: read.leftOutCount,
      // Another machine's clock may be ahead.
      converged: new Map(
        Object.entries(read.converged).map(([group, { version, atMs: at }]) => [
          group,
          { version, atMs: Math.min(at, atMs) },
        ]),
      ),
    };
  } catch {
    return undefined;
  }
}

function inShort(node: NodeStatus): NodeStatus {
  const types = node.types.filter(({ status, lastRejection }) => status === "error" && lastRejection !== undefined);
  // Of a connected node it changes all the time.
  return { ...node, lastSeenMs: node.connected ? 0 : node.lastSeenMs, streams: [], types: types.map(typeInShort) };
}

function typeInShort(type: TypeStatus): TypeStatus {
  const { lastRejection } = type;
  if (lastRejection === undefined) return type;
  const message = lastRejection.message.slice(0, MESSAGE_CHARS_MAX);
  return { ...type, lastRejection: { ...lastRejection, message, resources: lastRejection.resources.slice(0, 1) } };
}

const count = z.number().int().nonnegative();
const syncStatus = z.enum(["synced", "stale", "not_sent", "error"]);
const place = z.object({ file: z.string(), line: count, column: count });

/** A newer Fairway may say more. */
const nodeSchema = z.object({
  id: z.string(),
  cluster: z.string(),
  locality: z.object({ region: z.string(), zone: z.string(), subZone: z.string() }),
  userAgent: z.string(),
  group: z.string().optional(),
  connected: z.boolean(),
  lastSeenMs: z.number(),
  startedEmptyAtMs: z.number().optional(),
  status: syncStatus,
  wanted: z.string().optional(),
  movingTo: z.string().optional(),
  acknowledged: z.string().optional(),
  types: z.array(
    z.object({
      typeUrl: z.string(),
      status: syncStatus,
      sentVersionInfo: z.string().optional(),
      acknowledgedVersionInfo: z.string().optional(),
      wildcard: z.boolean(),
      namesCount: count,
      lastRejection: z.object({
        typeUrl: z.string(),
        versionInfo: z.string(),
        snapshotVersion: z.string().optional(),
        message: z.string(),
        resources: z.array(
          z.object({ typeUrl: z.string(), name: z.string(), version: z.string(), at: place.optional() }),
        ),
        resourcesCount: count,
        atMs: z.number(),
      }),
    }),
  ),
});

const summarySchema = z.object({
  nodes: z.array(nodeSchema),
  leftOutCount: count,
  converged: z.record(z.string(), z.object({ version: z.string(), atMs: z.number() })),
});

function statusOf(node: z.infer<typeof nodeSchema>, atMs: number): NodeStatus {
  const version = (text: string | undefined) => (text === undefined ? undefined : brand<SnapshotVersion>(text));
  return {
    ...node,
    lastSeenMs: node.connected ? atMs : Math.min(node.lastSeenMs, atMs),
    group: node.group === undefined ? undefined : brand<GroupName>(node.group),
    wanted: version(node.wanted),
    movingTo: version(node.movingTo),
    acknowledged: version(node.acknowledged),
    gate: undefined,
    refusal: undefined,
    streams: [],
    types: node.types.map(({ sentVersionInfo, acknowledgedVersionInfo, lastRejection, ...type }) => ({
      ...type,
      sentVersionInfo,
      acknowledgedVersionInfo,
      lastRejection: {
        ...lastRejection,
        snapshotVersion: version(lastRejection.snapshotVersion),
        resources: lastRejection.resources.map(({ at, ...resource }) => ({ ...resource, at })),
      },
    })),
  };
}
