/**
 * A thread of `npm run sim`: plays ranges of seeds, one after the other, and reports on each.
 */
import { parentPort } from "node:worker_threads";
import { explainFailure, machineAsItIs, simulate } from "../test/simulation/simulate.ts";

/** Seeds from `from` up to, but not including, `to`. */
export interface SimRange {
  readonly from: number;
  readonly to: number;
  /** Failures that are told with a trace, which takes a second or two. */
  readonly explainedMax: number;
}

/** What came of a range. */
export interface SimReport {
  readonly runs: number;
  readonly steps: number;
  readonly failedSeeds: readonly number[];
  readonly explanations: readonly string[];
}

function playRange({ from, to, explainedMax }: SimRange): SimReport {
  const failedSeeds: number[] = [];
  const explanations: string[] = [];
  let steps = 0;
  for (let seed = from; seed < to; seed += 1) {
    const result = simulate(seed, machineAsItIs);
    steps += result.steps;
    if (result.problems.length === 0) continue;
    failedSeeds.push(seed);
    if (explanations.length < explainedMax) explanations.push(explainFailure(seed, machineAsItIs));
  }
  return { runs: to - from, steps, failedSeeds, explanations };
}

parentPort?.on("message", (range: SimRange) => parentPort?.postMessage(playRange(range)));
