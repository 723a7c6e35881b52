/**
 * What streams share saves work and changes nothing: a node is sent the same with others beside it as alone.
 */
import { expect, test } from "vitest";
import { machineAsItIs, sentTo } from "./simulate.ts";

/** Seeds from here on, apart from those of the other files. */
const FIRST_SEED = 1_000_001;
const SEEDS = 1_000;

test("a node is sent the same, nonces apart, whether its stream shares with others or not", () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const shared = sentTo(seed, machineAsItIs, { alone: false });
    expect(shared, `seed ${seed}`).toEqual(sentTo(seed, machineAsItIs, { alone: true }));
  }
}, 300_000);
