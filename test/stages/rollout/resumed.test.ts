/** What is told of a step that somebody has paused and resumed: all that was counted in it, and no time of the pause. */
import { expect, test } from "vitest";
import { rolloutJson } from "../../../src/admin/rollout-json.ts";
import { act } from "../../../src/rollout/act.ts";
import { movesBetween } from "../../../src/rollout/rollout-moves.ts";
import { stepsOf } from "../../../src/rollout/report-steps.ts";
import type { Observed } from "../../../src/rollout/observed.ts";
import { played, report } from "../../support/played-rollout.ts";

const plan = {
  steps: [{ weight: 20, hold: "10s", maxHold: "10m", minRequests: 200 }],
  gates: { successRate: { objective: 99 } },
};

/** Ten requests of the canary each second. */
function world() {
  const rollout = played(plan, ["edge-1"]);
  let seconds = 0;
  const traffic = () => rollout.traffic("edge-1", { ...report((seconds += 1) * 10, 0), canaryHealthyHosts: 1 });
  const tick = (times: number) => {
    for (let time = 0; time < times; time += 1) rollout.tick(traffic);
  };
  const decide = (kind: "pause" | "resume") => {
    const seen = { nowMs: rollout.nowMs } as Observed;
    const acted = act(rollout.record, { kind }, { actor: "ann" }, seen);
    if (!acted.ok) throw new Error(acted.error);
    rollout.record = acted.value;
  };
  return { rollout, tick, decide, until: (phase: "measuring") => rollout.until(phase, traffic) };
}

test("a resumed step keeps what it has counted, and says that it asks for its requests once more", () => {
  const { rollout, tick, decide, until } = world();
  until("measuring");
  tick(6);
  expect(rollout.counted()).toEqual([50, 0]);
  decide("pause");
  tick(30);
  decide("resume");
  until("measuring");
  tick(15);
  const { verdict, evidence } = rollout.record;
  const [completed] = rollout.counted();
  expect(completed).toBe(evidence?.errors?.canary.completed);
  expect(completed).toBeGreaterThan(350);
  expect(verdict?.sentence).toBe(
    "canary has had 140 of the 200 requests that this step asks for, since it is measured anew.",
  );
  const [step] = stepsOf(rollout.record, rollout.nowMs);
  expect(step?.measuredMs).toBeGreaterThan(45_000);
});

test("how long Envoys took has no pause in it, whenever it was", () => {
  const after = world();
  after.until("measuring");
  const before = rolloutJson({ record: after.rollout.record, revision: 1 }).steps[0];
  after.decide("pause");
  after.tick(40);
  after.decide("resume");
  after.until("measuring");
  const [step] = rolloutJson({ record: after.rollout.record, revision: 2 }).steps;
  expect(step).toMatchObject({ convergedAt: before?.convergedAt, acknowledgedAfterMs: before?.acknowledgedAfterMs });

  const within = world();
  within.until("measuring");
  const { record } = within.rollout;
  const [begun] = record.steps;
  if (begun === undefined) throw new Error("there is no step");
  // As it was before the Envoy had the weights.
  within.rollout.record = {
    ...record,
    phase: { kind: "converging", sinceMs: within.rollout.nowMs, waitsFor: "Envoys" },
    steps: [{ ...begun, convergedAtMs: undefined, measuredFromMs: undefined }],
  };
  within.decide("pause");
  within.tick(40);
  within.decide("resume");
  const converging = within.rollout.record;
  within.until("measuring");
  expect(stepsOf(within.rollout.record, within.rollout.nowMs)[0]?.ackMs).toBeLessThanOrEqual(5_000);
  const moves = movesBetween(converging, within.rollout.record);
  expect(moves).toContainEqual({ kind: "acknowledged", by: "step", tookMs: expect.any(Number) });
  for (const move of moves) if (move.kind === "acknowledged") expect(move.tookMs).toBeLessThanOrEqual(5_000);
});
