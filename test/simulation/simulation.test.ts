/**
 * The stream machines against a model Envoy, from many seeds: whatever is published, in whatever order
 * messages arrive and streams break, no request is lost and the node ends with the snapshot.
 *
 * `SIM_RUNS=1000000 npx vitest run test/simulation/simulation.test.ts` plays more; `SIM_SEED=n` starts elsewhere.
 */
import { describe, expect, test } from "vitest";
import { createSharedResponses } from "../../src/xds/shared-responses.ts";
import { createStream } from "../../src/xds/stream-state.ts";
import type { Variant } from "../../src/xds/stream-state.ts";
import { step } from "../../src/xds/stream.ts";
import { simulate } from "./simulate.ts";

const machine = { step, createStream, createSharedResponses };

/** About 20 s on two cores. */
const runs = Number(process.env["SIM_RUNS"] ?? 3_000);
const firstSeed = Number(process.env["SIM_SEED"] ?? 1);
const chunk = 250;

/** Lines of the trace that are shown. */
const shownLines = 60;

function expectSafe(seed: number, variant: Variant): void {
  const { problems, trace } = simulate(seed, variant, machine);
  if (problems.length === 0) return;
  expect.fail(`seed ${seed}, ${variant}:\n${problems.join("\n")}\n\n${trace.slice(-shownLines).join("\n")}`);
}

describe("no request is lost, and every node ends with the snapshot", () => {
  const starts = Array.from({ length: Math.ceil(runs / chunk) }, (_, index) => firstSeed + index * chunk);

  test.each(starts)(
    `from seed %i on`,
    (start) => {
      // The same seed in both variants is as good as two seeds: each must end with the snapshot.
      for (let seed = start; seed < Math.min(start + chunk, firstSeed + runs); seed += 1) {
        expectSafe(seed, seed % 2 === 0 ? "delta" : "sotw");
      }
    },
    120_000,
  );
});

describe("what a seed once found stays found", () => {
  const known: readonly (readonly [number, Variant, string])[] = [
    [6, "delta", "a cluster changed while its node was away waited 15 s for endpoints that were asked for after it"],
    [14, "delta", "a cluster that was warming when its stream broke waited 15 s on the next one"],
    [63, "sotw", "routes moved to a cluster that the node had rejected"],
    [281, "sotw", "good resources blamed together with a bad one stayed blamed when that had gone"],
    [428, "delta", "a cluster applied from a rejected response was not known on the next stream"],
    [484, "delta", "a cluster went while a listener replaced two changes earlier still drained to it"],
    [706, "delta", "routes moved before a returning node had asked for the endpoints behind them"],
    [949, "sotw", "all there was had been rejected, and the next full state was empty"],
    [1385, "sotw", "a listener took up an old route again, to a cluster that was about to go"],
    [1949, "sotw", "a response rejected as a whole was held although only what was leaving was bad"],
  ];

  test.each(known)("seed %i, %s: %s", (seed, variant) => expectSafe(seed, variant));
});
