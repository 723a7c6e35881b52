/**
 * What a change of a split's weights costs one real Envoy, by the way it is sent: `npm run bench:weights`.
 *
 * All routes share their requests by one split, whose weights are set again and again by the admin API. `RDS` is one
 * listener with all routes, `RDS per host` a listener and a route configuration for each route, and `RTDS` one listener
 * whose Envoy reads the weights from its runtime layer. `VHDS` has a virtual host for each route, all of which the Envoy
 * has asked for; Fairway's own words cannot say it, so these are raw resources and their weights are changed in the file,
 * whose reading is in the time and not in the other columns.
 */
import { rename } from "node:fs/promises";
import { Envoy } from "../demo/kit/envoy.ts";
import { ask, askJson } from "../demo/kit/get.ts";
import { freePort } from "../demo/kit/ports.ts";
import { waitUntil } from "../demo/kit/wait-until.ts";
import { describeMachine, machine } from "./machine.ts";
import { MeasuredServer } from "./measured-server.ts";
import { spread } from "./percentile.ts";
import { cpuTime } from "./proc-files.ts";
import { onDemandConfig } from "./weights-on-demand.ts";

const FILE = "config.yaml";
const CHANGES = 20;
/** Not counted: code that runs for the first time is slow. */
const WARM_UPS = 3;

type Way = "RDS" | "RDS per host" | "VHDS" | "RTDS";

const cases: readonly { readonly way: Way; readonly routes: number }[] = [
  { way: "RDS", routes: 10 },
  { way: "RDS", routes: 1_000 },
  { way: "RDS per host", routes: 10 },
  { way: "RDS per host", routes: 1_000 },
  { way: "VHDS", routes: 10 },
  { way: "VHDS", routes: 1_000 },
  { way: "RTDS", routes: 10 },
  { way: "RTDS", routes: 1_000 },
];

/** One row of the table; everything is of one change. */
interface WeightsRow {
  readonly resources: number;
  readonly bytes: number;
  readonly envoyCpuMs: number;
  readonly p50Ms: number;
  readonly maxMs: number;
}

await main();

async function main(): Promise<void> {
  process.stdout.write(`${describeMachine(machine())}\none Envoy, delta ADS, ${CHANGES} changes of one split\n\n`);
  process.stdout.write("| sent by | routes | responses | bytes | CPU of Envoy | set to last ACK, median | longest |\n");
  process.stdout.write("|---|---|---|---|---|---|---|\n");
  for (const { way, routes } of cases) {
    const { resources, bytes, envoyCpuMs, p50Ms, maxMs } = await measure(way, routes);
    const times = [envoyCpuMs, p50Ms, maxMs].map((ms) => `${ms.toFixed(1)} ms`);
    process.stdout.write(`| ${[way, routes, resources, bytes.toFixed(0), ...times].join(" | ")} |\n`);
  }
}

async function measure(way: Way, routes: number): Promise<WeightsRow> {
  const port = await freePort();
  const text = way === "VHDS" ? onDemandConfig(routes, port, 0) : config(way, routes, port);
  await using server = await MeasuredServer.start(new Map([[FILE, text]]), undefined);
  const { adminPort, xdsPort } = server.fairway;
  await using envoy = await Envoy.start({ nodeId: "bench", xdsPort, runtime: way === "RTDS" });
  await envoy.ready(120_000);
  if (way === "VHDS") await askForAll(port, routes);
  const change = (count: number): Promise<number> =>
    way === "VHDS" ? saveWeights(server, onDemandConfig(routes, port, count + 1)) : setWeights(adminPort, count);
  for (let count = 0; count < WARM_UPS; count += 1) await change(count);
  const [before, cpuBefore] = [await sent(adminPort), await cpuTime(envoy.pid)];
  const times: number[] = [];
  for (let count = 0; count < CHANGES; count += 1) times.push(await change(WARM_UPS + count));
  const [after, cpuAfter] = [await sent(adminPort), await cpuTime(envoy.pid)];
  return {
    resources: (after.responses - before.responses) / CHANGES,
    bytes: (after.bytes - before.bytes) / CHANGES,
    envoyCpuMs: (cpuAfter.allMs - cpuBefore.allMs) / CHANGES,
    p50Ms: spread(times).p50Ms,
    maxMs: spread(times).maxMs,
  };
}

/** One request for each host: only then does the Envoy have its virtual host. Nobody is behind them, so it is a 503. */
async function askForAll(port: number, routes: number): Promise<void> {
  for (let index = 0; index < routes; index += 1) {
    const { status } = await ask(port, "/", { headers: { host: `h${index}.test` } });
    if (status !== 503) throw new Error(`h${index}.test was answered with ${status}`);
  }
}

/** How long it took until the Envoy had acknowledged all of it, the reading of the file included. */
async function saveWeights(server: MeasuredServer, text: string): Promise<number> {
  const { adminPort } = server.fairway;
  const { responses } = await sent(adminPort);
  const { from, to } = await server.stage(FILE, text);
  const beganMs = performance.now();
  await rename(from, to);
  const isApplied = async () => {
    const { nodes } = await askJson<{ readonly nodes: readonly { readonly status: string }[] }>(adminPort, "/v1/nodes");
    return nodes[0]?.status === "synced" && (await sent(adminPort)).responses > responses;
  };
  await waitUntil(isApplied, { what: "the Envoy to have the weights", everyMs: 1, timeoutMs: 60_000 });
  return performance.now() - beganMs;
}

/** How long it took until the Envoy had acknowledged all of it. */
async function setWeights(adminPort: number, change: number): Promise<number> {
  const beganMs = performance.now();
  const url = `http://127.0.0.1:${adminPort}/v1/splits/shop`;
  const answer = await fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json", "if-match": `"${change}"` },
    body: JSON.stringify({ weights: { canary: 1 + (change % 50) }, actor: "bench" }),
  });
  if (!answer.ok) throw new Error(`the weights were not set: ${await answer.text()}`);
  const isApplied = async () =>
    (await askJson<{ readonly state: string }>(adminPort, "/v1/splits/shop")).state === "applied";
  await waitUntil(isApplied, { what: "the Envoy to have the weights", everyMs: 1, timeoutMs: 60_000 });
  return performance.now() - beganMs;
}

async function sent(adminPort: number): Promise<{ readonly responses: number; readonly bytes: number }> {
  const { text } = await ask(adminPort, "/metrics");
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\d+)$`, "gm"))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return { responses: sum("fairway_responses_total"), bytes: sum("fairway_response_bytes_total") };
}

function config(way: Way, count: number, port: number): string {
  const indexes = Array.from({ length: count }, (_, index) => index);
  const listener = (index: number, address: string) => `{ name: l${index}, address: ${address}, port: ${port} }`;
  const listeners =
    way === "RDS per host"
      ? indexes.map((index) => listener(index, `127.0.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`))
      : [listener(0, "127.0.0.1")];
  const routes = indexes.map((index) => {
    const gateways = way === "RDS per host" ? `gateways: [edge/l${index}], ` : "";
    return `  r${index}: { ${gateways}hostnames: [h${index}.test], rules: [{ split: shop }] }\n`;
  });
  return `
nodes: { default: { ${way === "RTDS" ? "runtime: {}" : ""} } }
gateways: { edge: { listeners: [${listeners.join(", ")}] } }
services:
  shop:
    endpoints: [{ address: "127.0.0.1:9", labels: { v: "1" } }, { address: "127.0.0.1:10", labels: { v: "2" } }]
    subsets: { stable: { labels: { v: "1" } }, canary: { labels: { v: "2" } } }
splits:
  shop:
    backends: { stable: { service: shop, subset: stable }, canary: { service: shop, subset: canary } }
    default: { stable: 100, canary: 0 }
routes:
${routes.join("")}`;
}
