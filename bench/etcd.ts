/**
 * What registers in a real etcd, until every simulated node has acknowledged it: how long, at what cost, and how much.
 */
import { setTimeout as pause } from "node:timers/promises";
import { EtcdCluster } from "../demo/kit/etcd.ts";
import { EtcdClient } from "../src/etcd/etcd-client.ts";
import { typeUrls } from "../src/snapshot/type-url.ts";
import { systemClock } from "../src/support/clock.ts";
import { ROUTE_NAME } from "./fleet-config.ts";
import { MeasuredServer } from "./measured-server.ts";
import type { Spread } from "./percentile.ts";
import { spread } from "./percentile.ts";
import { cpuTime } from "./proc-files.ts";
import { instanceKey, instanceValue, registryConfig, registryWrites, serviceName } from "./registry-config.ts";
import type { ToldRow } from "./told-fleet.ts";
import { measureTold } from "./told-fleet.ts";
import { SimulatedFleet } from "./simulated-fleet.ts";

/** What can be measured alone. */
export const etcdCases = ["latency", "flaps", "loads", "told"] as const;

export interface EtcdOptions {
  readonly cases: readonly (typeof etcdCases)[number][];
  readonly nodes: number;
  /** Of the largest registry. */
  readonly services: number;
  readonly changes: number;
  readonly profileDir: string | undefined;
}

/** One change after the other. */
export interface EtcdLatencyRow extends Spread {
  readonly case: string;
  readonly nodes: number;
  readonly changes: number;
}

/** Many changes a second. */
export interface EtcdFlapRow {
  readonly services: number;
  readonly instances: number;
  readonly nodes: number;
  readonly changesPerSecond: number;
  readonly buildsPerSecond: number;
  readonly responsesPerSecondAndNode: number;
  readonly clusterResponses: number;
  readonly cpuPercent: number;
  readonly loopCpuPercent: number;
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  readonly rssPeakMib: number;
}

/** A start with a large registry. */
export interface EtcdLoadRow {
  readonly case: string;
  readonly services: number;
  readonly instances: number;
  readonly readyMs: number;
  readonly buildMs: number;
  readonly cpuMs: number;
  readonly rssMib: number;
  readonly rssPeakMib: number;
}

export interface EtcdRows {
  readonly latency: readonly EtcdLatencyRow[];
  readonly flaps: readonly EtcdFlapRow[];
  readonly loads: readonly EtcdLoadRow[];
  readonly told: readonly ToldRow[];
}

const SERVICES = 10;
const INSTANCES = 10;
const WARM_UP_CHANGES = 10;
const TIMEOUT_MS = 30_000;
/** Each takes the lease's two seconds and more. */
const EXPIRIES_MAX = 20;
const PAUSE_MS = { least: 40, spread: 40 };

const FLAPPING = 1_000;
const FLAPS_PER_SECOND = 100;
const FLAP_SECONDS = 20;

const INSTANCES_EACH = 10;
const START_MS_MAX = 120_000;

export async function measureEtcd(options: EtcdOptions, say: (text: string) => void): Promise<EtcdRows> {
  const { cases } = options;
  const latency = cases.includes("latency") ? await measureLatency(options, say) : [];
  const flaps: EtcdFlapRow[] = [];
  for (const services of cases.includes("flaps") ? [1, 100] : []) {
    say(`${FLAPPING} instances of ${services} services flap`);
    flaps.push(await measureFlaps(services, options));
  }
  const loads: EtcdLoadRow[] = [];
  for (const from of cases.includes("loads") ? (["etcd", "files"] as const) : []) {
    say(`${options.services} services with ${INSTANCES_EACH} instances each, from ${from}`);
    loads.push(await measureLoad(from, options));
  }
  const told = cases.includes("told") ? await measureTold(options.profileDir, say) : [];
  return { latency, flaps, loads, told };
}

interface Scene extends AsyncDisposable {
  readonly server: MeasuredServer;
  readonly fleet: SimulatedFleet;
  readonly client: EtcdClient;
}

async function startScene(sizes: { services: number; instances: number }, options: EtcdOptions): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const etcd = stack.use(await EtcdCluster.start());
  const client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  stack.defer(() => client.close());
  for (const writes of registryWrites(sizes.services, sizes.instances)) await client.transact([], writes);
  const args = ["--etcd", `http://${etcd.first.endpoint}`];
  const server = stack.use(await MeasuredServer.start(registryConfig(sizes.services), options.profileDir, { args }));
  const fleet = stack.use(SimulatedFleet.start());
  const { xdsPort } = server.fairway;
  await fleet.order({ kind: "connect", xdsPort, nodesCount: options.nodes, routeName: ROUTE_NAME });
  await fleet.order({ kind: "watch", etcd: etcd.first.endpoint, prefix: "/services/" });
  const owned = stack.move();
  return { server, fleet, client, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function measureLatency(options: EtcdOptions, say: (text: string) => void): Promise<readonly EtcdLatencyRow[]> {
  const { nodes, changes } = options;
  await using scene = await startScene({ services: SERVICES, instances: INSTANCES }, options);
  const { fleet, server } = scene;
  const key = instanceKey(0, INSTANCES);
  const awaited = { [typeUrls.endpoints]: [serviceName(0)] };
  const watched: number[] = [];
  const taken = { put: [] as number[], delete: [] as number[], expire: [] as number[] };
  for (let turn = -WARM_UP_CHANGES; turn < changes; turn += 1) {
    for (const kind of ["put", "delete"] as const) {
      const value = kind === "put" ? instanceValue(0, INSTANCES) : undefined;
      const order = { kind: "put", key, value, awaited, timeoutMs: TIMEOUT_MS } as const;
      const { tookMs, watchedMs } = await fleet.order(order).catch((error: unknown) => server.explain(error));
      await pause(PAUSE_MS.least + Math.random() * PAUSE_MS.spread);
      if (turn < 0) continue;
      taken[kind].push(tookMs);
      if (watchedMs !== undefined) watched.push(watchedMs);
    }
  }
  say("leases that end");
  const expiries = Math.min(changes, EXPIRIES_MAX);
  for (let turn = 0; turn < expiries; turn += 1) {
    const order = { kind: "expire", key, value: instanceValue(0, INSTANCES), awaited, timeoutMs: TIMEOUT_MS } as const;
    taken.expire.push((await fleet.order(order).catch((error: unknown) => server.explain(error))).tookMs);
  }
  return [
    { case: "a bare watch hears of a write", nodes: 1, changes: watched.length, ...spread(watched) },
    { case: "an instance registers, all acknowledge", nodes, changes, ...spread(taken.put) },
    { case: "an instance is deleted, all acknowledge", nodes, changes, ...spread(taken.delete) },
    { case: "a lease ended, from etcd's event", nodes, changes: expiries, ...spread(taken.expire) },
  ];
}

async function measureFlaps(services: number, options: EtcdOptions): Promise<EtcdFlapRow> {
  const instances = FLAPPING / services;
  await using scene = await startScene({ services, instances }, options);
  const { server, fleet, client } = scene;
  const { pid } = server.fairway;
  await server.loopDelay();
  const before = { cpu: await cpuTime(pid), builds: await server.builds(), told: await fleet.order({ kind: "count" }) };
  const startedMs = performance.now();
  const writing: Promise<unknown>[] = [];
  for (let change = 0; change < FLAPS_PER_SECOND * FLAP_SECONDS; change += 1) {
    const dueMs = startedMs + (change * 1_000) / FLAPS_PER_SECOND;
    if (dueMs > performance.now()) await pause(dueMs - performance.now());
    // One goes, and comes back with the next change.
    const [service, instance] = [(change >> 1) % services, Math.floor((change >> 1) / services) % instances];
    const key = instanceKey(service, instance);
    const value = Buffer.from(instanceValue(service, instance));
    writing.push(client.transact([], [change % 2 === 0 ? { kind: "delete", key } : { kind: "put", key, value }]));
  }
  await Promise.all(writing);
  const seconds = (performance.now() - startedMs) / 1_000;
  const [cpu, builds, loopDelay] = [await cpuTime(pid), await server.builds(), await server.loopDelay()];
  const told = await fleet.order({ kind: "count" });
  const responses = told.responsesCount - before.told.responsesCount;
  return {
    services,
    instances: FLAPPING,
    nodes: options.nodes,
    changesPerSecond: (FLAPS_PER_SECOND * FLAP_SECONDS) / seconds,
    buildsPerSecond: (builds.count - before.builds.count) / seconds,
    responsesPerSecondAndNode: responses / seconds / options.nodes,
    clusterResponses: told.clusterResponsesCount - before.told.clusterResponsesCount,
    cpuPercent: (cpu.allMs - before.cpu.allMs) / seconds / 10,
    loopCpuPercent: (cpu.loopMs - before.cpu.loopMs) / seconds / 10,
    loopDelayP99Ms: loopDelay.p99Ms,
    loopDelayMaxMs: loopDelay.maxMs,
    rssPeakMib: (await server.memory()).peakMib,
  };
}

async function measureLoad(from: "etcd" | "files", { services, profileDir }: EtcdOptions): Promise<EtcdLoadRow> {
  await using stack = new AsyncDisposableStack();
  const args: string[] = [];
  if (from === "etcd") {
    const etcd = stack.use(await EtcdCluster.start());
    const client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
    for (const writes of registryWrites(services, INSTANCES_EACH)) await client.transact([], writes);
    client.close();
    args.push("--etcd", `http://${etcd.first.endpoint}`);
  }
  const files = from === "etcd" ? registryConfig(services) : registryConfig(services, INSTANCES_EACH);
  const startedMs = performance.now();
  const server = stack.use(await MeasuredServer.start(files, profileDir, { args, startMsMax: START_MS_MAX }));
  const readyMs = performance.now() - startedMs;
  const [builds, cpu, memory] = [await server.builds(), await cpuTime(server.fairway.pid), await server.memory()];
  return {
    case: from === "etcd" ? "instances in etcd" : "endpoints in files",
    services,
    instances: services * INSTANCES_EACH,
    readyMs,
    buildMs: builds.ms,
    cpuMs: cpu.allMs,
    rssMib: memory.nowMib,
    rssPeakMib: memory.peakMib,
  };
}
