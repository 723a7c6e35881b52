/**
 * Our generated configuration beside the minimal one that somebody wrote by hand, before the same backend.
 *
 * Both Envoys are started anew for each pair, so that nine pairs are nine layouts of memory, and the one
 * that is measured first is the other one each time, so that a machine that gets slower favours neither.
 */
import { freePort } from "../../demo/kit/ports.ts";
import { BenchSite, pinMeasured, startFairway, startMeasured } from "./bench-site.ts";
import type { Watch } from "./bench-site.ts";
import { median, pooled } from "./measure.ts";
import type { Latency } from "./measure.ts";
import type { LoadAnswer } from "./load-orders.ts";
import { StaticEnvoy } from "./static-envoy.ts";

/** How much is measured. */
export interface CompareOptions {
  readonly pairs: number;
  readonly requests: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** One configuration: medians over all pairs. */
export interface CompareRow {
  readonly config: "minimal" | "generated";
  readonly pairs: number;
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly lateP99Ms: number;
  /** The median of the pairs' quotients, not the quotient of the medians: what the machine does between two pairs is in neither. */
  readonly timesMinimal: number;
  readonly timesMinimalLeast: number;
  readonly timesMinimalMost: number;
}

/** The requests of a pair are cut into so many, by turns, because a shared machine changes its speed within seconds. */
const PARTS = 5;

interface Reading {
  readonly cpuUs: number;
  readonly latency: Latency;
}

/** Everything that a gateway needs, and every default of ours. */
export function defaults(listenerPort: number, endpoints: readonly string[]): object {
  return {
    gateways: { edge: { listeners: [{ name: "http", address: "127.0.0.1", port: listenerPort }] } },
    services: { backend: { endpoints } },
    routes: { all: { rules: [{ name: "all", backends: [{ service: "backend" }] }] } },
  };
}

/** Measures in alternating pairs. */
export async function compareConfigs(options: CompareOptions, { say, seen }: Watch<CompareRow>): Promise<void> {
  await using site = await BenchSite.start(["well"]);
  const generatedPort = await freePort();
  await using server = await startFairway(defaults(generatedPort, site.backends.of("well")));
  const readings = { minimal: [] as Reading[], generated: [] as Reading[] };
  for (let pair = 0; pair < options.pairs; pair += 1) {
    say(`minimal and generated: pair ${pair + 1} of ${options.pairs}`);
    await using generated = await startMeasured(server);
    const minimalPort = await freePort();
    await using minimal = await StaticEnvoy.startMinimal({
      listener: minimalPort,
      backend: site.backends.portsOf("well")[0] ?? 0,
    });
    pinMeasured(minimal.pid);
    const minimalFirst = [
      { name: "minimal", port: minimalPort, pid: minimal.pid },
      { name: "generated", port: generatedPort, pid: generated.pid },
    ] as const;
    const sides = pair % 2 === 0 ? minimalFirst : minimalFirst.toReversed();
    for (const { port } of sides) await site.load.warm({ port }, Math.ceil(options.requests / 4));
    const cpuUs = { minimal: 0, generated: 0 };
    const answers = { minimal: [] as LoadAnswer[], generated: [] as LoadAnswer[] };
    const part = { requests: options.requests / PARTS, perSecond: options.perSecond, seconds: options.seconds / PARTS };
    for (let turn = 0; turn < PARTS; turn += 1) {
      const order = turn % 2 === 0 ? sides : sides.toReversed();
      for (const { name, port, pid } of order) {
        cpuUs[name] += (await site.load.cpuUs({ port }, { pid, requests: part.requests })) / PARTS;
      }
      for (const { name, port } of order) answers[name].push(await site.load.latency({ port }, part));
    }
    for (const { name } of sides) readings[name].push({ cpuUs: cpuUs[name], latency: pooled(answers[name]) });
    seen(rows(readings));
  }
}

function rows(readings: Readonly<Record<CompareRow["config"], readonly Reading[]>>): readonly CompareRow[] {
  const quotients = readings.generated.map(({ cpuUs }, pair) => cpuUs / (readings.minimal[pair]?.cpuUs ?? Number.NaN));
  return [row("minimal", readings.minimal, [1]), row("generated", readings.generated, quotients)];
}

function row(config: CompareRow["config"], readings: readonly Reading[], quotients: readonly number[]): CompareRow {
  const of = (name: "p50Ms" | "p99Ms" | "p999Ms" | "lateP99Ms") => median(readings.map(({ latency }) => latency[name]));
  return {
    config,
    pairs: readings.length,
    cpuUs: median(readings.map(({ cpuUs }) => cpuUs)),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    p999Ms: of("p999Ms"),
    lateP99Ms: of("lateP99Ms"),
    timesMinimal: median(quotients),
    timesMinimalLeast: Math.min(...quotients),
    timesMinimalMost: Math.max(...quotients),
  };
}
