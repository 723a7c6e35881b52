/**
 * A config of ten thousand services, saved at once into a running server with connected nodes.
 *
 * What it is about is the event loop: while one file is parsed, checked, encoded and pushed, every other
 * node must be answered as ever.
 */
import { typeUrls } from "../src/snapshot/type-url.ts";
import { ROUTE_NAME, bigFile, fleetConfig } from "./fleet-config.ts";
import { MeasuredServer } from "./measured-server.ts";
import { cpuTime } from "./proc-files.ts";
import { SimulatedFleet } from "./simulated-fleet.ts";

/** How big, and for how many. */
export interface BigOptions {
  readonly nodes: readonly number[];
  readonly services: number;
  readonly profileDir: string | undefined;
}

/** One row of the table. */
export interface BigRow {
  readonly nodes: number;
  readonly services: number;
  readonly fileMib: number;
  /** Save → last acknowledgement of the last resource. */
  readonly savedToAckedMs: number;
  readonly buildMs: number;
  readonly responses: number;
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  readonly cpuMs: number;
  readonly loopCpuMs: number;
  /** Resident memory when all is acknowledged, and the most on the way. */
  readonly rssMib: number;
  readonly rssPeakMib: number;
}

/** What the running server has before. */
const SERVICES_BEFORE = 10;
/** A build is ended by the server itself after two minutes. */
const TIMEOUT_MS = 180_000;

/** Measures each fleet size with a server of its own. */
export async function measureBig(options: BigOptions, say: (text: string) => void): Promise<readonly BigRow[]> {
  const rows: BigRow[] = [];
  for (const nodes of options.nodes) {
    say(`${nodes} nodes, ${options.services} services at once`);
    rows.push(await measureOne(nodes, options));
  }
  return rows;
}

async function measureOne(nodes: number, options: BigOptions): Promise<BigRow> {
  const before = fleetConfig(SERVICES_BEFORE, { endpoint: 0, breaker: 0, weight: 0, swap: 0 });
  await using server = await MeasuredServer.start(before, options.profileDir);
  await using fleet = SimulatedFleet.start();
  const { pid, xdsPort } = server.fairway;
  const connected = await fleet.order({ kind: "connect", xdsPort, nodesCount: nodes, routeName: ROUTE_NAME });
  const { text, names } = bigFile(options.services);
  const paths = await server.stage("big.yaml", text);
  const [builds, cpu] = [await server.builds(), await cpuTime(pid)];
  await server.loopDelay();
  const awaited = { [typeUrls.cluster]: names, [typeUrls.endpoints]: names, [typeUrls.route]: [ROUTE_NAME] };
  const order = { kind: "save", how: "rename", ...paths, awaited, timeoutMs: TIMEOUT_MS } as const;
  const saved = await fleet.order(order).catch((error: unknown) => server.explain(error));
  const loopDelay = await server.loopDelay();
  const [cpuAfter, memory, buildsAfter] = [await cpuTime(pid), await server.memory(), await server.builds()];
  return {
    nodes,
    services: options.services,
    fileMib: Buffer.byteLength(text) / 1024 ** 2,
    savedToAckedMs: saved.tookMs,
    buildMs: buildsAfter.ms - builds.ms,
    responses: saved.responsesCount - connected.responsesCount,
    loopDelayP99Ms: loopDelay.p99Ms,
    loopDelayMaxMs: loopDelay.maxMs,
    cpuMs: cpuAfter.allMs - cpu.allMs,
    loopCpuMs: cpuAfter.loopMs - cpu.loopMs,
    rssMib: memory.nowMib,
    rssPeakMib: memory.peakMib,
  };
}
