/** What is wrong with a written plan: all of it at once, each at its place, with what to write instead. */
import { describe, expect, test } from "vitest";
import { describeTerms } from "../../../src/rollout/describe-rollout.ts";
import { readPlan } from "../../../src/rollout/read-plan.ts";
import { sharesOf } from "../../../src/model/live-weights.ts";
import { shopSplit } from "../../support/played-rollout.ts";

const copying = { isPossible: true, mirroredAt: {} };
const steps = [{ weight: 5, hold: "1m" }];

function read(written: object, { of = shopSplit, shares = sharesOf(shopSplit, undefined) } = {}) {
  return readPlan({ split: "shop", ...written }, of, { shares, copying });
}

function problems(written: object, options?: Parameters<typeof read>[1]): readonly string[] {
  const plan = read(written, options);
  return plan.ok ? [] : plan.error;
}

describe("a plan is refused", () => {
  test("for all that is wrong with it at once", () => {
    const written = {
      canary: "canry",
      onFail: "abort",
      gates: { sucessRate: {} },
      steps: [{ weight: 120 }, { weight: 10, maxhold: "5m", hold: 5 }, { approval: "yes" }],
    };
    expect([...problems(written)].sort()).toEqual([
      "canary: split `shop` has no backend `canry`: did you mean `canary`?",
      "gates.sucessRate: unknown key `sucessRate`: did you mean `successRate`?",
      'onFail: must be `rollback` or `pause`, but is "abort"',
      "steps[0].weight: is more than 100",
      "steps[1].hold: is not a duration; write 30s, 5m or 1h",
      "steps[1].maxhold: unknown key `maxhold`: did you mean `maxHold`?",
      'steps[2].approval: must be `true`, but is "yes"',
    ]);
  });

  test("for a promise that is no percentage", () => {
    expect(problems({ steps, gates: { successRate: { objective: 0.99 } } })).toEqual([
      "gates.successRate.objective: is in percent: write 99.9 for 0.999",
    ]);
  });

  test("for a release that the last one has left no room for, with the ways out", () => {
    expect(problems({ steps, promote: false }, { shares: { stable: 0, canary: 10_000 } })).toEqual([
      expect.stringMatching(
        /^steps\[0\]\.weight: 5 % would be a step backwards from 100 %; .*exchange `canary` and `baseline`, .*reset the split first$/,
      ),
    ]);
  });

  test("for a promotion beyond the limit, with the way out", () => {
    const limited = shopSplit.backends.map((each) => (each.name === "canary" ? { ...each, limit: { max: 50 } } : each));
    expect(problems({ steps }, { of: { ...shopSplit, backends: limited } })).toEqual([
      "steps[0]: the promotion after the last step: canary may have 50 % at most, by the limits of split `shop` (shop.yaml:1); with `promote: false` the weights stay after the last step",
    ]);
  });
});

test("a plan says what the canary is judged by and how long it may take", () => {
  const plan = read({ steps, gates: { successRate: { objective: 99.9 } } });
  expect(plan.ok && describeTerms(plan.value)).toEqual([
    "Errors: canary may have at most 25 % more than stable; it is safe below twice as many, or when it keeps 99.9 %.",
    "Each step: proof that it is safe; without news for 30 s nothing is known.",
    "Envoys: 60 s to acknowledge weights, then rollback; 1 healthy host of canary at least.",
    "When it fails: rollback; when it cannot be judged in time: pause.",
    "The steps take 60 s at least and 10 min at most, without what people, programs and Envoys take.",
  ]);
});
