/**
 * Seeds as tests: a file plays a range, so that vitest spreads the ranges over the cores.
 */
import { expect, test } from "vitest";
import { explainFailure, machineAsItIs, simulate } from "./simulate.ts";

/** Seeds that all files together play in a run of the tests. */
const SEEDS = 30_000;
const FILES = 4;
/** Seeds of one test: a few seconds of a core. */
const TEST_SEEDS = 750;

/** Declares the tests of one file of four. */
export function testSeedsOfFile(file: 1 | 2 | 3 | 4): void {
  const from = 1 + ((file - 1) * SEEDS) / FILES;
  const starts = Array.from({ length: SEEDS / FILES / TEST_SEEDS }, (_, index) => from + index * TEST_SEEDS);
  test.each(starts)(
    "no request is lost, and every node ends with the snapshot, from seed %i on",
    (start) => {
      for (let seed = start; seed < start + TEST_SEEDS; seed += 1) expectSafe(seed);
    },
    300_000,
  );
}

/** Fails with what broke and how to see it again. */
export function expectSafe(seed: number): void {
  if (simulate(seed, machineAsItIs).problems.length > 0) expect.fail(explainFailure(seed, machineAsItIs));
}
