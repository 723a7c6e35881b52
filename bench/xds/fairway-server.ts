/**
 * Fairway's side of the comparison, as a program of its own that obeys the orders that the peer obeys.
 *
 *     node --expose-gc bench/xds/fairway-server.ts [--certificate <PEM file> --key <PEM file>]
 *
 * It ends when its orders end, however the benchmark did.
 */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { Snapshot } from "../../src/snapshot/snapshot.ts";
import type { ServerOrder } from "./orders.ts";
import { apply, fill, snapshotOf } from "./prepared-content.ts";
import type { Content } from "./prepared-content.ts";
import { PreparedPlane } from "./prepared-plane.ts";

/** As the server's own monitor: a timer of this period, whose length is taken off again. */
const RESOLUTION_MS = 10;

/** What a collection frees may only show after the next one. */
const COLLECTIONS = 2;

const { certificate, key } = parseArgs({
  options: { certificate: { type: "string" }, key: { type: "string" } },
}).values;
const tls =
  certificate === undefined || key === undefined
    ? undefined
    : { cert: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8") };
const plane = new PreparedPlane(tls);
const loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
loop.enable();
let content: Content = { clusters: undefined, endpoints: undefined, count: 0 };
let next: Snapshot | undefined;

answer({ port: await plane.server.listen("127.0.0.1:0") });
for await (const line of createInterface({ input: process.stdin })) {
  try {
    answer(await obey(JSON.parse(line) as ServerOrder));
  } catch (error) {
    answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}
process.exit(0);

async function obey(order: ServerOrder): Promise<object> {
  switch (order.do) {
    case "start":
      return prepare(() => fill(order.clusters));
    case "change":
      return prepare(() => apply(content, order.change));
    case "publish": {
      const atMs = Number(process.hrtime.bigint()) / 1e6;
      if (next !== undefined) await plane.publish(next);
      return { atMs };
    }
    case "collect":
      for (let time = 0; time < COLLECTIONS; time += 1) collect();
      return { heapBytes: heapBytes() };
    case "loop": {
      const loopMaxMs = Math.max(0, loop.max / 1e6 - RESOLUTION_MS);
      loop.reset();
      return { loopMaxMs };
    }
    case "compare":
      return { error: "the peer compares" };
  }
}

function prepare(make: () => Content): object {
  const before = process.cpuUsage();
  content = make();
  next = snapshotOf(content, Date.now());
  const { user, system } = process.cpuUsage(before);
  return { cpuMs: (user + system) / 1_000 };
}

/** What is in use, with the buffers outside of the JavaScript heap. */
function heapBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function collect(): void {
  const { gc } = globalThis as { readonly gc?: () => void };
  if (gc === undefined) throw new Error("start this program with --expose-gc");
  gc();
}

function answer(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
