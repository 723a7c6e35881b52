/**
 * Plays the simulation from as many seeds as wanted, on all cores: `npm run sim -- --runs 1000000 --seed 1`.
 *
 * Progress goes to stderr; stdout gets the summary, the seeds that failed, and for the first of them what broke with
 * the shortest trace that was found. The exit code is 1 when a seed failed.
 */
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import type { SimRange, SimReport } from "./sim-worker.ts";

/** Seeds that a worker plays between two reports: about a second. */
const RANGE_SEEDS = 200;
/** Failures that are explained; the seeds of the others are listed. */
const EXPLAINED_MAX = 3;
/** Failing seeds that are listed, and after which nothing more is to be learnt. */
const FAILURES_MAX = 200;
const PROGRESS_MS = 5_000;

interface Options {
  readonly runs: number;
  readonly firstSeed: number;
  readonly workers: number;
}

/** What all workers have played so far. */
interface Tally {
  runs: number;
  steps: number;
  readonly failedSeeds: number[];
  readonly explanations: string[];
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: { type: "string", default: "30000" },
      seed: { type: "string", default: "1" },
      workers: { type: "string", default: String(availableParallelism()) },
    },
  });
  const wholeNumber = (name: "runs" | "seed" | "workers") => {
    const number = Number(values[name]);
    if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} takes a whole number from 1 on`);
    return number;
  };
  return { runs: wholeNumber("runs"), firstSeed: wholeNumber("seed"), workers: wholeNumber("workers") };
}

async function simulateAll({ runs, firstSeed, workers }: Options): Promise<Tally> {
  const tally: Tally = { runs: 0, steps: 0, failedSeeds: [], explanations: [] };
  const endSeed = firstSeed + runs;
  let nextSeed = firstSeed;
  const takeRange = (): SimRange | undefined => {
    if (nextSeed >= endSeed || tally.failedSeeds.length >= FAILURES_MAX) return undefined;
    const from = nextSeed;
    nextSeed = Math.min(nextSeed + RANGE_SEEDS, endSeed);
    return { from, to: nextSeed, explainedMax: Math.max(EXPLAINED_MAX - tally.explanations.length, 0) };
  };
  const startMs = performance.now();
  const progress = setInterval(() => showProgress(tally, runs, performance.now() - startMs), PROGRESS_MS);
  try {
    const busy = Array.from({ length: Math.min(workers, Math.ceil(runs / RANGE_SEEDS)) }, () => work(takeRange, tally));
    await Promise.all(busy);
  } finally {
    clearInterval(progress);
  }
  return tally;
}

/** One worker, from its first range to its last. */
function work(takeRange: () => SimRange | undefined, tally: Tally): Promise<void> {
  const first = takeRange();
  if (first === undefined) return Promise.resolve();
  const worker = new Worker(new URL("./sim-worker.ts", import.meta.url));
  return new Promise((resolve, reject) => {
    worker.on("error", reject);
    worker.on("exit", () => resolve());
    worker.on("message", (report: SimReport) => {
      tally.runs += report.runs;
      tally.steps += report.steps;
      tally.failedSeeds.push(...report.failedSeeds);
      tally.explanations.push(...report.explanations);
      const range = takeRange();
      if (range === undefined) void worker.terminate();
      else worker.postMessage(range);
    });
    worker.postMessage(first);
  });
}

function showProgress({ runs, failedSeeds }: Tally, runsMax: number, elapsedMs: number): void {
  const leftS = Math.round((((runsMax - runs) / runs) * elapsedMs) / 1_000);
  const left = runs === 0 ? "" : `, about ${leftS} s left`;
  process.stderr.write(`${runs} of ${runsMax} runs, ${failedSeeds.length} failed${left}\n`);
}

const startMs = performance.now();
const { runs, steps, failedSeeds, explanations } = await simulateAll(readOptions(process.argv.slice(2)));
const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
for (const explanation of explanations.slice(0, EXPLAINED_MAX)) process.stdout.write(`${explanation}\n\n`);
process.stdout.write(`${runs} runs of ${steps} steps in ${seconds} s: ${failedSeeds.length} failed\n`);
if (failedSeeds.length > 0) {
  process.stdout.write(`seeds that failed: ${failedSeeds.sort((a, b) => a - b).join(" ")}\n`);
  process.exitCode = 1;
}
