/**
 * What the statistics of many clusters cost a real Envoy: `npm run bench:stats`, with and without `--stats all`.
 *
 * Each Envoy gets a thousand services with a route each over delta ADS and no request. Then its own admin page tells how
 * many statistics there are and how much memory is allocated, and the text that Prometheus would scrape is weighed.
 */
import { Envoy } from "../demo/kit/envoy.ts";
import { ask, askJson } from "../demo/kit/get.ts";
import { freePort } from "../demo/kit/ports.ts";
import { describeMachine, machine } from "./machine.ts";
import { MeasuredServer } from "./measured-server.ts";

const SERVICES = 1_000;
const MIB = 1024 ** 2;

/** One row of the table. */
interface StatsRow {
  readonly stats: "small" | "all";
  readonly count: number;
  readonly allocatedMib: number;
  readonly scrapeMib: number;
}

await main();

async function main(): Promise<void> {
  process.stdout.write(`${describeMachine(machine())}\n${SERVICES} clusters without a request\n\n`);
  process.stdout.write("| `--stats` | statistics | memory allocated | a scrape |\n|---|---|---|---|\n");
  await using server = await MeasuredServer.start(new Map([["config.yaml", config(await freePort())]]), undefined);
  for (const stats of ["small", "all"] as const) {
    const row = await measure(server.fairway.xdsPort, stats);
    const sizes = [row.allocatedMib, row.scrapeMib].map((mib) => `${mib.toFixed(1)} MiB`);
    process.stdout.write(`| ${[`\`${stats}\``, row.count, ...sizes].join(" | ")} |\n`);
  }
}

async function measure(xdsPort: number, stats: StatsRow["stats"]): Promise<StatsRow> {
  await using envoy = await Envoy.start({ nodeId: `bench-${stats}`, xdsPort, stats });
  await envoy.ready();
  const { text } = await ask(envoy.adminPort, "/stats");
  const { allocated } = await askJson<{ readonly allocated: string }>(envoy.adminPort, "/memory");
  const scrape = await ask(envoy.adminPort, "/stats/prometheus");
  return {
    stats,
    count: text.trim().split("\n").length,
    allocatedMib: Number(allocated) / MIB,
    scrapeMib: Buffer.byteLength(scrape.text) / MIB,
  };
}

function config(port: number): string {
  const names = Array.from({ length: SERVICES }, (_, index) => `service-${index}`);
  const services = names.map((name) => `  ${name}: { endpoints: ["127.0.0.1:9"] }\n`);
  const routes = names.map(
    (name) => `  ${name}: { hostnames: [${name}.test], rules: [{ backends: [{ service: ${name} }] }] }\n`,
  );
  return [
    `gateways: { edge: { listeners: [{ name: http, address: 127.0.0.1, port: ${port} }] } }\n`,
    `services:\n${services.join("")}`,
    `routes:\n${routes.join("")}`,
  ].join("");
}
