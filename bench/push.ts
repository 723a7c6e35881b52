/**
 * Save → last acknowledgement, for several kinds of change, fleet sizes and config sizes.
 */
import { setTimeout as pause } from "node:timers/promises";
import { typeUrls } from "../src/snapshot/type-url.ts";
import {
  CHANGING_SERVICE,
  ROUTE_NAME,
  changedFile,
  changingFiles,
  fleetConfig,
  swappedService,
} from "./fleet-config.ts";
import type { Turns } from "./fleet-config.ts";
import type { AwaitedNames, SaveHow } from "./fleet-orders.ts";
import { MeasuredServer } from "./measured-server.ts";
import { cpuTime } from "./proc-files.ts";
import { spread } from "./percentile.ts";
import type { Spread } from "./percentile.ts";
import { SimulatedFleet } from "./simulated-fleet.ts";

/** What is measured; every combination of nodes and services gets a server of its own. */
export interface PushOptions {
  readonly nodes: readonly number[];
  readonly services: readonly number[];
  readonly changes: number;
  readonly profileDir: string | undefined;
}

/** One row of the table. */
export interface PushRow extends Spread {
  readonly case: string;
  readonly nodes: number;
  readonly services: number;
  readonly changes: number;
  /** Building the snapshot, as the server counts it; a part of the time above. */
  readonly buildMs: number;
  /** Processor time of the server for each change; `loopCpuMs` is the event loop's part of it. */
  readonly cpuMs: number;
  readonly loopCpuMs: number;
  /** How long the event loop waited for a core for each change: what a machine with idle cores would not have cost. */
  readonly loopWaitedMs: number;
  /** Processor time of all simulated nodes together, on the same machine. */
  readonly clientCpuMs: number;
  readonly responsesPerChange: number;
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
}

interface Case {
  readonly name: string;
  readonly file: string;
  readonly how: SaveHow;
  readonly turns: keyof Turns;
  awaited(turn: number): AwaitedNames;
}

const awaitEndpoints = () => ({ [typeUrls.endpoints]: [CHANGING_SERVICE] });

/** Swaps come last, because what they replace is taken away 30 s later. */
const cases: readonly Case[] = [
  { name: "endpoint", file: changingFiles.services, how: "rename", turns: "endpoint", awaited: awaitEndpoints },
  {
    name: "circuit breaker",
    file: changingFiles.services,
    how: "rename",
    turns: "breaker",
    awaited: () => ({ [typeUrls.cluster]: [CHANGING_SERVICE], ...awaitEndpoints() }),
  },
  {
    name: "route weight",
    file: changingFiles.weights,
    how: "rename",
    turns: "weight",
    awaited: () => ({ [typeUrls.route]: [ROUTE_NAME] }),
  },
  {
    name: "endpoint, in place",
    file: changingFiles.services,
    how: "write",
    turns: "endpoint",
    awaited: awaitEndpoints,
  },
  {
    name: "cluster swap",
    file: changingFiles.swap,
    how: "rename",
    turns: "swap",
    awaited: (turn) => ({
      [typeUrls.cluster]: [swappedService(turn)],
      [typeUrls.endpoints]: [swappedService(turn)],
      [typeUrls.route]: [ROUTE_NAME],
    }),
  },
];

/** Of each case: the first changes run code that is not compiled yet. */
const WARM_UP_CHANGES = 10;
/** One change a pause, longer than what joins a burst of saves (25 ms), and uneven, so that no timer falls into step. */
const PAUSE_MS = { least: 60, spread: 50 };
/** A change that takes longer is a failure, not a measurement. */
const CHANGE_TIMEOUT_MS = 20_000;

/** Measures all combinations; `say` hears of progress. */
export async function measurePushes(options: PushOptions, say: (text: string) => void): Promise<readonly PushRow[]> {
  const rows: PushRow[] = [];
  for (const services of options.services) {
    for (const nodes of options.nodes) {
      say(`${nodes} nodes, ${services} services`);
      rows.push(...(await measureFleet({ nodes, services }, options, say)));
    }
  }
  // By case, as they are read.
  return cases.flatMap(({ name }) => rows.filter((row) => row.case === name));
}

interface Scene {
  readonly server: MeasuredServer;
  readonly fleet: SimulatedFleet;
  readonly services: number;
  turns: Turns;
}

async function measureFleet(
  size: { readonly nodes: number; readonly services: number },
  options: PushOptions,
  say: (text: string) => void,
): Promise<readonly PushRow[]> {
  const turns: Turns = { endpoint: 0, breaker: 0, weight: 0, swap: 0 };
  await using server = await MeasuredServer.start(fleetConfig(size.services, turns), options.profileDir);
  await using fleet = SimulatedFleet.start();
  const { xdsPort } = server.fairway;
  await fleet.order({ kind: "connect", xdsPort, nodesCount: size.nodes, routeName: ROUTE_NAME });
  const scene: Scene = { server, fleet, services: size.services, turns };
  const rows: PushRow[] = [];
  for (const each of cases) {
    for (let change = 0; change < WARM_UP_CHANGES; change += 1) await makeChange(scene, each);
    const row = { ...size, ...(await measureCase(scene, each, options.changes)) };
    say(`  ${each.name}: p50 ${row.p50Ms.toFixed(1)} ms, p99 ${row.p99Ms.toFixed(1)} ms`);
    rows.push(row);
  }
  return rows;
}

async function measureCase(scene: Scene, each: Case, changes: number): Promise<Omit<PushRow, "nodes" | "services">> {
  const before = await readCost(scene);
  const timesMs: number[] = [];
  for (let change = 0; change < changes; change += 1) timesMs.push(await makeChange(scene, each));
  const after = await readCost(scene);
  return {
    case: each.name,
    changes,
    ...spread(timesMs),
    buildMs: (after.builds.ms - before.builds.ms) / (after.builds.count - before.builds.count),
    cpuMs: (after.cpu.allMs - before.cpu.allMs) / changes,
    loopCpuMs: (after.cpu.loopMs - before.cpu.loopMs) / changes,
    loopWaitedMs: (after.cpu.loopWaitedMs - before.cpu.loopWaitedMs) / changes,
    clientCpuMs: (after.clientCpu.allMs - before.clientCpu.allMs) / changes,
    responsesPerChange: (after.responsesCount - before.responsesCount) / changes,
    loopDelayP99Ms: after.loopDelay.p99Ms,
    loopDelayMaxMs: after.loopDelay.maxMs,
  };
}

/** Makes the case's next change and then pauses, so that what comes late is still counted as its own. */
async function makeChange(scene: Scene, { file, how, turns, awaited }: Case): Promise<number> {
  const turn = scene.turns[turns] + 1;
  scene.turns = { ...scene.turns, [turns]: turn };
  const paths = await scene.server.stage(file, changedFile(file, scene.services, scene.turns));
  const order = { kind: "save", how, ...paths, awaited: awaited(turn), timeoutMs: CHANGE_TIMEOUT_MS } as const;
  const { tookMs } = await scene.fleet.order(order).catch((error: unknown) => scene.server.explain(error));
  await pause(PAUSE_MS.least + Math.random() * PAUSE_MS.spread);
  return tookMs;
}

async function readCost({ server, fleet }: Scene) {
  const builds = await server.builds();
  const { responsesCount } = await fleet.order({ kind: "count" });
  const [cpu, clientCpu] = await Promise.all([cpuTime(server.fairway.pid), cpuTime(fleet.pid)]);
  return { builds, responsesCount, cpu, clientCpu, loopDelay: await server.loopDelay() };
}
