/**
 * The checks of `npm run sim:kills` can fail: each thing that must not happen is told when it does.
 */
import { expect, test } from "vitest";
import type { LoadReport } from "../../demo/kit/load-report.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import type { Fate, Played } from "../envoy/killed-rollout.ts";
import { wrongWith } from "../envoy/killed-rollout-checks.ts";

const bad: Fate = { version: "errors", badFrom: 50, kills: [] };
const good: Fate = { version: "good", badFrom: 20, kills: [] };

const loadOf = (part: Partial<LoadReport>) =>
  ({ sent: 100, failed: 0, failures: [], byLabel: {}, ...part }) as LoadReport;

/** As it should be, with the canary at these shares; a bad one ends at 0. */
function playedWith(shares: readonly number[], part: Partial<Played> = {}): Played {
  const isGood = shares.at(-1) === 100;
  const steps = shares.map((weight, index) => {
    if (weight === 100) return { kind: "promotion", weight, result: "passed", nodesCount: 2 };
    if (weight === 0) return { kind: "rollback", weight, result: "ended", nodesCount: 2 };
    return { kind: "weight", weight, result: shares[index + 1] === 0 ? "failed" : "passed", nodesCount: 2 };
  });
  const kind = isGood ? "promoted" : "rolled-back";
  const audit = ["start", ...(isGood ? [] : ["rolling back"]), kind].map((action) => ({ action }));
  return {
    rollout: { phase: "done", outcome: { kind }, steps, audit } as unknown as RolloutJson,
    exitCode: isGood ? 0 : 3,
    changes: shares.map(
      (canary, index) => ({ number: 7 + index, after: { canary } }) as unknown as Played["changes"][number],
    ),
    held: [
      [0, ...shares],
      [0, ...shares],
    ],
    killedIn: [],
    loads: [loadOf(isGood ? {} : { failed: 3, failures: ["status 500 at 1.000 s"] }), loadOf({})],
    injected: isGood ? 0 : 3,
    after: [loadOf({ byLabel: { [isGood ? "v2" : "v1"]: 100 } }), loadOf({ byLabel: { [isGood ? "v2" : "v1"]: 100 } })],
    ...part,
  };
}

test.each([
  ["a good version that was promoted", good, playedWith([20, 50, 100])],
  ["a bad one that went back in its second step", bad, playedWith([20, 50, 0])],
  ["a bad one that went back at once", { ...bad, badFrom: 20 as const }, playedWith([20, 0])],
])("nothing is wrong with %s", (_what, fate, played) => {
  expect(wrongWith(fate, played)).toEqual([]);
});

const right = playedWith([20, 50, 0]);
const noNodes = right.rollout.steps.map((step) => ({ ...step, nodesCount: 1 }));

test.each([
  ["a bad version that was promoted", playedWith([20, 50, 100]), /the outcome: "promoted" instead of "rolled-back"/],
  ["a step that was skipped", playedWith([50, 0]), /the steps: .*the weights that Envoy 1 had/s],
  [
    "a step that was set twice",
    playedWith([20, 50, 0], { changes: playedWith([20, 20, 50, 0]).changes }),
    /the weights that were set/,
  ],
  [
    "an Envoy that had a step twice",
    playedWith([20, 50, 0], {
      held: [
        [0, 20, 50, 0],
        [0, 20, 0, 20, 50, 0],
      ],
    }),
    /that Envoy 2 had/,
  ],
  ["a job that says it is well", playedWith([20, 50, 0], { exitCode: 0 }), /the exit code of the job: 0 instead of 3/],
  [
    "steps that not every Envoy had",
    { ...right, rollout: { ...right.rollout, steps: noNodes } },
    /the Envoys of weight 20 %: 1 instead of 2/,
  ],
  ["a request that was lost", playedWith([20, 50, 0], { injected: 2 }), /failed requests: 3 instead of 2/],
  [
    "a failure of another kind",
    playedWith([20, 50, 0], { loads: [loadOf({ failed: 3, failures: ["status 503 at 1.000 s"] })] }),
    /status 503/,
  ],
  [
    "an Envoy that still goes to it",
    playedWith([20, 50, 0], { after: [loadOf({ byLabel: { v1: 60, v2: 40 } })] }),
    /who answers at Envoy 1 afterwards/,
  ],
])("it is told of %s", (_what, played, text) => {
  expect(wrongWith(bad, played).join("\n")).toMatch(text);
});
