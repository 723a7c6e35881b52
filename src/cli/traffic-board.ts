/**
 * What each replica has heard of the requests to versions that are rolled out, told to the others.
 *
 * One document for each replica, and only while a rollout is on: Envoys report to the replica that they are connected to,
 * and whichever replica acts must see them all.
 */
import { z } from "zod";
import type { RouteReader, RouteSource } from "../evidence/route-view.ts";
import type { Arrivals } from "../evidence/report-lateness.ts";
import { arrive } from "../evidence/report-lateness.ts";
import { isLater } from "../evidence/report-order.ts";
import type { NodeTraffic, TrafficReader } from "../evidence/traffic-view.ts";
import type { TrafficReaders } from "./rollout-traffic.ts";
import type { StateStore, StateWatch } from "../store/state-store.ts";
import type { Clock } from "../support/clock.ts";
import { WallTimes } from "../support/wall-times.ts";

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

const nodesSchema = z.array(
  z.object({
    nodeId: z.string(),
    reportedAtMs: z.number(),
    countedAtMs: z.number().optional(),
    startedAtMs: z.number().optional(),
    countedSinceMs: z.number().optional(),
    clusters: z.record(z.string(), clusterSchema),
  }),
);

const tallySchema = z.object({ requests: z.number(), errors: z.number(), slow: z.number() });

/** An older Fairway tells of nodes only, and reads nothing else. */
const documentSchema = z.object({
  toldAtMs: z.number().default(0),
  nodes: nodesSchema,
  loads: nodesSchema.default([]),
  routes: z
    .array(z.object({ id: z.string(), clusters: z.record(z.string(), z.record(z.string(), tallySchema)) }))
    .default([]),
});

/** What one replica has heard. */
interface Heard {
  readonly traffic: readonly NodeTraffic[];
  readonly loads: readonly NodeTraffic[];
  readonly routes: readonly RouteSource[];
}

/** The same as another replica tells it. */
interface Told extends Heard {
  /** Milliseconds since 1970 on its clock. */
  readonly toldAtMs: number;
}

/** And when it was heard, if it had not come late, by the clock here that is never set. */
interface HeardOf extends Told {
  readonly heardAtMs: number;
  readonly arrivals: Arrivals;
}

export interface TrafficBoardOptions {
  readonly store: StateStore;
  readonly clock: Clock;
  readonly replica: string;
  readonly local: TrafficReaders;
  readonly routes: RouteReader;
}

/** `start` follows the others; `close` ends it. */
export class TrafficBoard implements TrafficReaders, RouteReader {
  readonly traffic: TrafficReader = { read: (clusters) => this.#read("traffic", clusters) };
  readonly loads: TrafficReader = { read: (clusters) => this.#read("loads", clusters) };
  readonly #options: TrafficBoardOptions;
  readonly #others = new Map<string, HeardOf>();
  readonly #wall: WallTimes;
  #watch: StateWatch | undefined;
  /** By the clock that is never set. */
  #writtenAtMs = -Infinity;
  #written = "";
  #writing: Promise<void> | undefined;

  constructor(options: TrafficBoardOptions) {
    this.#options = options;
    this.#wall = new WallTimes(options.clock);
  }

  start(): void {
    this.#watch = this.#options.store.watch(PREFIX, (change) => {
      const key = change.kind === "put" ? change.document.key : change.key;
      const replica = key.slice(PREFIX.length);
      if (replica === this.#options.replica) return;
      const read = change.kind === "put" ? readTold(change.document.bytes) : undefined;
      if (change.kind === "put" && this.#isLeftBehind(read)) this.#remove(key, change.document.revision);
      if (read === undefined) this.#others.delete(replica);
      else this.#others.set(replica, this.#heard(read, this.#others.get(replica)));
    });
  }

  /** Clocks of replicas differ, and are believed to be the same only of one that was not heard before. */
  #heard(told: Told, before: HeardOf | undefined): HeardOf {
    const { clock } = this.#options;
    const receivedAtMs = clock.monotonicMs();
    const known = before?.arrivals ?? { soonestMs: receivedAtMs - clock.nowMs() };
    const { arrivals, lateMs } = arrive(known, { sentAtMs: told.toldAtMs, receivedAtMs });
    return { ...told, heardAtMs: receivedAtMs - lateMs, arrivals };
  }

  /** Of a node that two replicas have heard of, the newest. */
  #read(what: "traffic" | "loads", clusters: readonly string[]): readonly NodeTraffic[] {
    const newest = new Map<string, NodeTraffic>();
    const oldestMs = this.#options.clock.nowMs() - STALE_MS;
    const others = [...this.#others.values()].flatMap((heard) => this.#byOwnClock(heard, heard[what]));
    for (const node of [...this.#options.local[what].read(clusters), ...others]) {
      const known = newest.get(node.nodeId);
      if (node.reportedAtMs < oldestMs || (known !== undefined && !isLater(node, known))) continue;
      newest.set(node.nodeId, node);
    }
    return [...newest.values()];
  }

  /** How old it was when it was told is known by the clock of who told it, and how long ago that is by the one here. */
  #byOwnClock({ toldAtMs, heardAtMs }: HeardOf, nodes: readonly NodeTraffic[]): readonly NodeTraffic[] {
    const aheadMs = this.#wall.at(heardAtMs) - toldAtMs;
    // An older Fairway does not say when it tells it.
    if (toldAtMs === 0) return nodes;
    return nodes.map((node) => ({ ...node, reportedAtMs: node.reportedAtMs + aheadMs }));
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
    const { clock, local, routes } = this.#options;
    const nowMs = clock.monotonicMs();
    if (this.#writing !== undefined || nowMs - this.#writtenAtMs < WRITE_EACH_MS) return;
    const text = textOf({
      traffic: local.traffic.read(clusters),
      loads: local.loads.read(clusters),
      routes: routes.readRoutes(clusters),
    });
    if (text === this.#written) return;
    this.#writtenAtMs = nowMs;
    this.#writing = this.#write(text, clock.nowMs()).finally(() => {
      this.#writing = undefined;
    });
  }

  async close(): Promise<void> {
    this.#watch?.close();
    await this.#writing;
    const { store, replica } = this.#options;
    const key = `${PREFIX}${replica}`;
    try {
      const own = this.#writtenAtMs === -Infinity ? undefined : await store.get(key);
      if (own !== undefined) await store.delete(key, { revision: own.revision });
    } catch {
      // Whoever starts later finds it, and that it is of nobody.
    }
  }

  /** Of a replica that is gone, and whose name nobody will have again. */
  #isLeftBehind({ toldAtMs, traffic, loads }: Told = { toldAtMs: 0, traffic: [], loads: [], routes: [] }): boolean {
    const newestMs = Math.max(toldAtMs, ...[...traffic, ...loads].map(({ reportedAtMs }) => reportedAtMs));
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

function textOf({ traffic, loads, routes }: Heard): string {
  const written = (nodes: readonly NodeTraffic[]) =>
    nodes.slice(0, NODES_MAX).map(({ clusters, ...node }) => ({ ...node, clusters: Object.fromEntries(clusters) }));
  return JSON.stringify({
    nodes: written(traffic),
    ...(loads.length === 0 ? {} : { loads: written(loads) }),
    routes: routes.map(({ id, clusters }) => ({
      id,
      clusters: Object.fromEntries([...clusters].map(([name, tallies]) => [name, Object.fromEntries(tallies)])),
    })),
  });
}

function readTold(bytes: Uint8Array): Told | undefined {
  try {
    const { toldAtMs, nodes, loads, routes } = documentSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    return { toldAtMs, traffic: nodes.map(nodeOf), loads: loads.map(nodeOf), routes: routes.map(sourceOf) };
  } catch {
    return undefined;
  }
}

function nodeOf({ clusters, ...node }: z.infer<typeof nodesSchema>[number]): NodeTraffic {
  const read = Object.entries(clusters).map(
    ([name, { healthyHosts, totalHosts, latency, ...counts }]) =>
      [name, { ...counts, healthyHosts, totalHosts, ...(latency === undefined ? {} : { latency }) }] as const,
  );
  return { ...node, clusters: new Map(read) };
}

function sourceOf({ id, clusters }: z.infer<typeof documentSchema>["routes"][number]): RouteSource {
  return {
    id,
    clusters: new Map(Object.entries(clusters).map(([name, tallies]) => [name, new Map(Object.entries(tallies))])),
  };
}
