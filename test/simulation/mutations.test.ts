/**
 * Whether the simulation can fail: each mutant of the stream machine breaks one rule, and must be caught.
 */
import { afterAll, expect, test } from "vitest";
import type { Machine } from "./machine.ts";
import { MutantCopies, mutants } from "./mutants.ts";
import { machineAsItIs, simulate } from "./simulate.ts";

/** Seeds in which a mutant must be caught. */
const runsMax = 1_500;

const copies = new MutantCopies();
afterAll(() => copies[Symbol.dispose]());

test.each(mutants)("a machine that forgets “$rule” is caught", async (mutant) => {
  const machine = await copies.load(mutant);
  const caughtBy = catches(machine, mutant.seed) ? mutant.seed : firstCatching(machine);
  expect(caughtBy, `no seed up to ${runsMax} notices`).toBeDefined();
});

test("the machine as it is passes the same runs", async () => {
  const machine = await copies.load({ file: "stream.ts", text: "", becomes: "" });
  for (const { seed } of mutants) expect(simulate(seed, machine).problems).toEqual([]);
});

function firstCatching(machine: Machine): number | undefined {
  for (let seed = 1; seed <= runsMax; seed += 1) if (catches(machine, seed)) return seed;
  return undefined;
}

/** A seed that fails anyway catches nothing. */
function catches(machine: Machine, seed: number): boolean {
  return simulate(seed, machine).problems.length > 0 && simulate(seed, machineAsItIs).problems.length === 0;
}
