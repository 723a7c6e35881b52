/**
 * What replicas tell each other of their nodes and of what they serve, as it arrives in etcd: how often and how much.
 */
import { setTimeout as pause } from "node:timers/promises";
import { EtcdCluster } from "../demo/kit/etcd.ts";
import { EtcdClient } from "../src/etcd/etcd-client.ts";
import { systemClock } from "../src/support/clock.ts";
import { ROUTE_NAME } from "./fleet-config.ts";
import { MeasuredServer } from "./measured-server.ts";
import { cpuTime } from "./proc-files.ts";
import { instanceKey, instanceValue, registryConfig, registryWrites } from "./registry-config.ts";
import { SimulatedFleet } from "./simulated-fleet.ts";

/** One prefix while one thing went on. */
export interface ToldRow {
  readonly case: string;
  readonly prefix: string;
  readonly replicas: number;
  readonly nodes: number;
  readonly seconds: number;
  readonly writesPerSecond: number;
  /** Keys and values, once: each replica that follows the prefix is told as much. */
  readonly kibPerSecond: number;
  readonly largestKib: number;
  /** Of all replicas together. */
  readonly cpuPercent: number;
}

const REPLICAS = 3;
const NODES = 1_000;
const SERVICES = 10;
const INSTANCES = 10;
const PREFIXES = ["/fairway/fleet/", "/fairway/served/", "/fairway/replicas/", "/fairway/state/"];
/** What goes on after all nodes have connected, and what the history writes behind, is not at rest. */
const SETTLE_MS = 8_000;
const MEASURED_SECONDS = 20;

interface Counted {
  writes: number;
  bytes: number;
  largest: number;
}

export async function measureTold(
  profileDir: string | undefined,
  say: (text: string) => void,
): Promise<readonly ToldRow[]> {
  await using stack = new AsyncDisposableStack();
  const etcd = stack.use(await EtcdCluster.start());
  const client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  stack.defer(() => client.close());
  for (const writes of registryWrites(SERVICES, INSTANCES)) await client.transact([], writes);
  const servers: MeasuredServer[] = [];
  const fleets: SimulatedFleet[] = [];
  for (let index = 0; index < REPLICAS; index += 1) {
    const args = ["--etcd", `http://${etcd.first.endpoint}`];
    servers.push(stack.use(await MeasuredServer.start(registryConfig(SERVICES), profileDir, { args })));
    fleets.push(stack.use(SimulatedFleet.start()));
  }
  const counts = await countWrites(client, stack);
  const measured = async (name: string, work: () => Promise<unknown>): Promise<readonly ToldRow[]> => {
    say(name);
    const cpu = () => Promise.all(servers.map(({ fairway }) => cpuTime(fairway.pid)));
    const before = await cpu();
    for (const count of counts.values()) Object.assign(count, { writes: 0, bytes: 0, largest: 0 });
    const startedMs = performance.now();
    await work();
    const seconds = (performance.now() - startedMs) / 1_000;
    const cpuMs = (await cpu()).reduce((sum, { allMs }, index) => sum + allMs - (before[index]?.allMs ?? 0), 0);
    return [...counts].map(([prefix, { writes, bytes, largest }]) => ({
      case: name,
      prefix,
      replicas: REPLICAS,
      nodes: NODES,
      seconds,
      writesPerSecond: writes / seconds,
      kibPerSecond: bytes / 1_024 / seconds,
      largestKib: largest / 1_024,
      cpuPercent: cpuMs / seconds / 10,
    }));
  };
  await connectAll(servers, fleets);
  await pause(SETTLE_MS);
  const rows = [...(await measured("at rest", () => pause(MEASURED_SECONDS * 1_000)))];
  rows.push(...(await measured("a push each second", () => pushEachSecond(client))));
  await pause(SETTLE_MS);
  rows.push(
    ...(await measured("all reconnect at once", async () => {
      await Promise.all(fleets.map((fleet) => fleet.order({ kind: "disconnect" })));
      await connectAll(servers, fleets);
      await pause(SETTLE_MS);
    })),
  );
  return rows;
}

async function connectAll(servers: readonly MeasuredServer[], fleets: readonly SimulatedFleet[]): Promise<void> {
  await Promise.all(
    fleets.map((fleet, index) => {
      const { fairway } = servers[index] ?? {};
      const nodesCount = Math.floor((NODES + index) / REPLICAS);
      const xdsPort = fairway?.xdsPort ?? 0;
      const idPrefix = `edge-${index}-`;
      return fleet.order({ kind: "connect", xdsPort, nodesCount, routeName: ROUTE_NAME, idPrefix });
    }),
  );
}

async function pushEachSecond(client: EtcdClient): Promise<void> {
  const key = instanceKey(0, INSTANCES);
  const startedMs = performance.now();
  for (let second = 0; second < MEASURED_SECONDS; second += 1) {
    const value = Buffer.from(instanceValue(0, INSTANCES));
    await client.transact([], [second % 2 === 0 ? { kind: "put", key, value } : { kind: "delete", key }]);
    await pause(Math.max(startedMs + (second + 1) * 1_000 - performance.now(), 0));
  }
}

async function countWrites(client: EtcdClient, stack: AsyncDisposableStack): Promise<ReadonlyMap<string, Counted>> {
  const counts = new Map<string, Counted>();
  for (const prefix of PREFIXES) {
    const count = { writes: 0, bytes: 0, largest: 0 };
    counts.set(prefix, count);
    const { revision } = await client.list(prefix);
    const watch = client.watch(prefix, revision + 1, {
      changed: (changes) => {
        for (const change of changes) {
          count.writes += 1;
          if (change.kind === "delete") continue;
          const bytes = change.entry.key.length + change.entry.value.byteLength;
          count.bytes += bytes;
          count.largest = Math.max(count.largest, bytes);
        }
      },
      heard: () => undefined,
      ended: (reason) => {
        throw new Error(`the watch that counts ended: ${reason}`);
      },
    });
    stack.defer(() => watch.close());
  }
  return counts;
}
