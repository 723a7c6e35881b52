/** How many requests a plan says that a proof takes: as many as the verdict then waits for. */
import { describe, expect, test } from "vitest";
import { sharesOf } from "../../../src/model/live-weights.ts";
import { addLook, startEvidence } from "../../../src/rollout/canary-evidence.ts";
import { describeProof, requestsNeeded } from "../../../src/rollout/proof-size.ts";
import { readPlan } from "../../../src/rollout/read-plan.ts";
import type { RolloutPlan } from "../../../src/rollout/rollout-plan.ts";
import { judge } from "../../../src/rollout/verdict.ts";
import { shopSplit } from "../../support/played-rollout.ts";

const shares = sharesOf(shopSplit, undefined);
/** 50 requests a second. */
const even = Array.from({ length: 30 }, () => ({ completed: 250, bad: 0 }));
const objective = { successRate: { objective: 99 } };
const terms = { hold: "8s", minRequests: 50 };
const step = { ...terms, weight: 10 };

function planOf(gates: object, steps: readonly object[] = [step]): RolloutPlan {
  const read = readPlan({ split: "shop", steps, gates }, shopSplit, {
    shares,
    copying: { isPossible: true, mirroredAt: {} },
  });
  if (!read.ok) throw new Error(read.error.join("\n"));
  return read.value;
}

function proof(plan: RolloutPlan, before: Parameters<typeof describeProof>[1]["before"] = { errors: even }) {
  return describeProof(plan, { shares, before });
}

describe("a plan says how many requests its objective takes", () => {
  test("with the time that they take now", () => {
    expect(proof(planOf(objective))).toEqual([
      "To show that canary succeeds for 99 % takes 300 requests at least, and step 1 asks for 50; at the traffic of now that takes about 60 s.",
    ]);
  });

  test("and that the step may not take as long", () => {
    const [sentence] = proof(planOf(objective, [{ ...step, maxHold: "30s" }]));
    expect(sentence).toMatch(/that takes about 60 s, longer than the 30 s that this step may take\.$/);
  });

  test("and why it is more where bad ones come together", () => {
    const accident = even.with(20, { completed: 250, bad: 27 });
    expect(proof(planOf(objective), { errors: accident })).toEqual([
      expect.stringMatching(
        /takes [\d,]+ requests at least, and step 1 asks for 50, as bad ones of stable came \d+ at a time in the minutes before; at/,
      ),
    ]);
    expect(proof(planOf(objective), {})).toEqual([
      "To show that canary succeeds for 99 % takes 900 requests at least, and step 1 asks for 50, as nobody has watched how bad ones of stable come, and they are taken to come 3 at a time.",
    ]);
  });

  test("for each metric, and for copies and requests", () => {
    const gates = { successRate: { objective: 99 }, latency: { threshold: "250ms", objective: 95 } };
    const told = proof(planOf(gates, [{ ...terms, mirror: 50 }, step, { ...step, weight: 50 }]), {
      errors: even,
      slow: even,
    });
    expect(told).toEqual([
      expect.stringMatching(/^To show that canary succeeds .* 300 mirrored requests .* step 1 asks .* about 12 s\.$/),
      expect.stringMatching(/^To show that canary is in time for 95 % takes 60 mirrored requests .* step 1 /),
      expect.stringMatching(/^To show that canary succeeds .* 300 requests .* step 2 asks .* about 60 s\.$/),
      expect.stringMatching(/^To show that canary is in time for 95 % takes 60 requests .* step 2 /),
    ]);
  });

  test("and nothing where it asks for as many, for no objective or for no proof", () => {
    expect(proof(planOf(objective, [{ ...step, minRequests: 300 }]))).toEqual([]);
    expect(proof(planOf({}))).toEqual([]);
    expect(proof(planOf({ ...objective, requireProof: false }))).toEqual([]);
  });

  test("and no time where it is not known how many a step gets", () => {
    expect(proof(planOf(objective, [{ ...terms, pinned: true }]))).toEqual([
      expect.stringMatching(/step 1 asks for 50\.$/),
    ]);
  });
});

test("so many are enough for the verdict, and one fewer is not", () => {
  const { gates } = planOf(objective);
  const needed = requestsNeeded(gates.errors, 1) ?? 0;
  const verdictOf = (completed: number) => {
    const look = { atMs: 1, canary: { completed, errors: 0 }, baseline: { completed, errors: 0 } };
    const evidence = addLook(startEvidence(0, { errors: even }), look, gates);
    const moment = { nowMs: 1, stepEndsAtMs: 1, names: { canary: "v2", baseline: "v1" } };
    return judge(evidence, { ...gates, requestsMin: 0 }, moment).reason;
  };
  expect([verdictOf(needed - 1), verdictOf(needed)]).toEqual(["not-proved", "proved"]);
});
