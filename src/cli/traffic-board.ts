/**
 * What each replica has heard of the requests to versions that are rolled out, told to the others.
 *
 * One document for each replica, and only while a rollout is on: Envoys report to the replica that they are connected to,
 * and whichever replica acts must see them all.
 */
import { z } from "zod";
import type { RouteReader, RouteSource } from "../evidence/route-view.ts";
import type { NodeTraffic, TrafficReader } from "../evidence/traffic-view.ts";
import type { StateStore, StateWatch } from "../store/state-store.ts";
import type { Clock } from "../support/clock.ts";

const PREFIX = "traffic/";

/** Envoys report every five seconds. */
const WRITE_EACH_MS = 1_000;

/** What a replica has said before that is of no use: it has gone, or nothing is rolled out. */
const STALE_MS = 120_000;

/** And so long after it nobody comes back for it. */
const LEFT_BEHIND_MS = 3_600_000;

/** More nodes would not fit; those that are left out are silent, and hold a rollout. */
const NODES_MAX = 5_000;

const clusterSchema = z.object({
  completed: z.number(),
  errors: z.number(),
  latency: z.object({ edgesMs: z.array(z.number()), counts: z.array(z.number()), sumMs: z.number() }).optional(),
  healthyHosts: z.number().optional(),
  totalHosts: z.number().optional(),
});

const tallySchema = z.object({ requests: z.number(), errors: z.number(), slow: z.number() });

const documentSchema = z.object({
  toldAtMs: z.number().default(0),
  /** Absent from what an older Fairway tells. */
  routes: z
    .array(z.object({ id: z.string(), clusters: z.record(z.string(), z.record(z.string(), tallySchema)) }))
    .default([]),
  nodes: z.array(
    z.object({ nodeId: z.string(), reportedAtMs: z.number(), clusters: z.record(z.string(), clusterSchema) }),
  ),
});

export interface TrafficBoardOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly replica: string;
  readonly local: TrafficReader;
  readonly routes: RouteReader;
}

/** What another replica tells. */
interface Told {
  /** Milliseconds since 1970 on its clock. */
  readonly toldAtMs: number;
  readonly nodes: readonly NodeTraffic[];
  readonly routes: readonly RouteSource[];
}

/** `start` follows the others; `close` ends it. */
export class TrafficBoard implements TrafficReader, RouteReader {
  readonly #options: TrafficBoardOptions;
  readonly #others = new Map<string, Told>();
  #watch: StateWatch | undefined;
  #writtenAtMs = 0;
  #written = "";
  #writing: Promise<void> | undefined;

  constructor(options: TrafficBoardOptions) {
    this.#options = options;
  }

  start(): void {
    this.#watch = this.#options.store.watch(PREFIX, (change) => {
      const key = change.kind === "put" ? change.document.key : change.key;
      const replica = key.slice(PREFIX.length);
      if (replica === this.#options.replica) return;
      const read = change.kind === "put" ? readTold(change.document.bytes) : undefined;
      if (change.kind === "put" && this.#isLeftBehind(read)) this.#remove(key, change.document.revision);
      if (read === undefined) this.#others.delete(replica);
      else this.#others.set(replica, read);
    });
  }

  /** Of a node that two replicas have heard of, the newest. */
  read(clusters: readonly string[]): readonly NodeTraffic[] {
    const newest = new Map<string, NodeTraffic>();
    const oldestMs = this.#options.clock.nowMs() - STALE_MS;
    for (const node of [
      ...this.#options.local.read(clusters),
      ...[...this.#others.values()].flatMap(({ nodes }) => nodes),
    ]) {
      const known = newest.get(node.nodeId);
      if (node.reportedAtMs < oldestMs || (known !== undefined && known.reportedAtMs >= node.reportedAtMs)) continue;
      newest.set(node.nodeId, node);
    }
    return [...newest.values()];
  }

  /** Of all replicas; each Envoy tells some of its requests to one and some to another. */
  readRoutes(clusters: readonly string[]): readonly RouteSource[] {
    return [
      ...this.#options.routes.readRoutes(clusters),
      ...[...this.#others.values()].flatMap(({ routes }) => routes),
    ];
  }

  /** Tells the others, when there is something new. What cannot be written is written the next time. */
  tell(clusters: readonly string[]): void {
    const nowMs = this.#options.clock.nowMs();
    if (this.#writing !== undefined || nowMs - this.#writtenAtMs < WRITE_EACH_MS) return;
    const { local, routes } = this.#options;
    const told = { nodes: local.read(clusters).slice(0, NODES_MAX), routes: routes.readRoutes(clusters) };
    const text = textOf(told);
    if (text === this.#written) return;
    this.#writtenAtMs = nowMs;
    this.#writing = this.#write(text, nowMs).finally(() => {
      this.#writing = undefined;
    });
  }

  async close(): Promise<void> {
    this.#watch?.close();
    await this.#writing;
    const { store, replica } = this.#options;
    const key = `${PREFIX}${replica}`;
    try {
      const own = this.#writtenAtMs === 0 ? undefined : await store.get(key);
      if (own !== undefined) await store.delete(key, { revision: own.revision });
    } catch {
      // Whoever starts later finds it, and that it is of nobody.
    }
  }

  /** Of a replica that is gone, and whose name nobody will have again. */
  #isLeftBehind({ toldAtMs, nodes }: Told = { toldAtMs: 0, nodes: [], routes: [] }): boolean {
    const newestMs = Math.max(toldAtMs, ...nodes.map(({ reportedAtMs }) => reportedAtMs));
    return newestMs < this.#options.clock.nowMs() - LEFT_BEHIND_MS;
  }

  /** When it has changed meanwhile, or cannot be removed now, it is looked at again at the next start. */
  #remove(key: string, revision: number): void {
    void this.#options.store.delete(key, { revision }).catch(() => undefined);
  }

  async #write(text: string, toldAtMs: number): Promise<void> {
    const { store, replica } = this.#options;
    try {
      const key = `${PREFIX}${replica}`;
      const revision = (await store.get(key))?.revision ?? 0;
      const outcome = await store.put(key, Buffer.from(`{"toldAtMs":${toldAtMs},${text.slice(1)}`), { revision });
      if (outcome.kind === "written") this.#written = text;
    } catch {
      // The state is not there: the engine says so, because it cannot write either.
    }
  }
}

function textOf({ nodes, routes }: Omit<Told, "toldAtMs">): string {
  return JSON.stringify({
    nodes: nodes.map(({ clusters, ...node }) => ({ ...node, clusters: Object.fromEntries(clusters) })),
    routes: routes.map(({ id, clusters }) => ({
      id,
      clusters: Object.fromEntries([...clusters].map(([name, tallies]) => [name, Object.fromEntries(tallies)])),
    })),
  });
}

function readTold(bytes: Uint8Array): Told | undefined {
  try {
    const { toldAtMs, nodes, routes } = documentSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    return { toldAtMs, nodes: nodes.map(nodeOf), routes: routes.map(sourceOf) };
  } catch {
    return undefined;
  }
}

type Document = z.infer<typeof documentSchema>;

function nodeOf({ clusters, ...node }: Document["nodes"][number]): NodeTraffic {
  const read = Object.entries(clusters).map(
    ([name, { healthyHosts, totalHosts, latency, ...counts }]) =>
      [name, { ...counts, healthyHosts, totalHosts, ...(latency === undefined ? {} : { latency }) }] as const,
  );
  return { ...node, clusters: new Map(read) };
}

function sourceOf({ id, clusters }: Document["routes"][number]): RouteSource {
  return {
    id,
    clusters: new Map(Object.entries(clusters).map(([name, tallies]) => [name, new Map(Object.entries(tallies))])),
  };
}
