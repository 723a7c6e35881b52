/**
 * Worker threads and cores: the generated configuration with one worker and with two, with a core of its own and without.
 */
import { freePort } from "../../demo/kit/ports.ts";
import { BenchSite, startFairway, startMeasured } from "./bench-site.ts";
import type { Watch } from "./bench-site.ts";
import { defaults } from "./compare.ts";
import { cores, pin } from "./cores.ts";
import { median, pooled } from "./measure.ts";
import type { Latency } from "./measure.ts";

/** How much is measured. */
export interface ThreadsOptions {
  readonly rounds: number;
  readonly requests: number;
  readonly perSecond: number;
  readonly seconds: number;
}

/** One way to run the same Envoy: medians over all rounds. */
export interface ThreadsRow {
  readonly concurrency: number;
  readonly cores: "all" | "its own";
  readonly rounds: number;
  readonly cpuUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

interface Reading extends Latency {
  readonly cpuUs: number;
}

const ways = [
  { concurrency: 1, cores: "all" },
  { concurrency: 1, cores: "its own" },
  { concurrency: 2, cores: "all" },
  { concurrency: 2, cores: "its own" },
] as const;

/** Measures all ways by turns, each time with a new Envoy. */
export async function measureThreads(options: ThreadsOptions, { say, seen }: Watch<ThreadsRow>): Promise<void> {
  const port = await freePort();
  await using site = await BenchSite.start(["well"]);
  await using server = await startFairway(defaults(port, site.backends.of("well")));
  const readings = ways.map((): Reading[] => []);
  const everywhere = cores()?.all;
  for (let round = 0; round < options.rounds; round += 1) {
    say(`worker threads and cores: round ${round + 1} of ${options.rounds}`);
    for (const [index, way] of ways.entries()) {
      await using envoy = await startMeasured(server, { concurrency: way.concurrency });
      if (way.cores === "all" && everywhere !== undefined) pin(envoy.pid, everywhere);
      await site.load.warm({ port }, options.requests / 4);
      const cpuUs = await site.load.cpuUs({ port }, { pid: envoy.pid, requests: options.requests });
      readings[index]?.push({ cpuUs, ...pooled([await site.load.latency({ port }, options)]) });
    }
    seen(ways.map((way, index) => row(way, readings[index] ?? [])));
  }
}

function row(way: (typeof ways)[number], readings: readonly Reading[]): ThreadsRow {
  const of = (name: "cpuUs" | "p50Ms" | "p99Ms" | "p999Ms" | "maxMs") =>
    median(readings.map((reading) => reading[name]));
  return {
    ...way,
    rounds: readings.length,
    cpuUs: of("cpuUs"),
    p50Ms: of("p50Ms"),
    p99Ms: of("p99Ms"),
    p999Ms: of("p999Ms"),
    maxMs: of("maxMs"),
  };
}
