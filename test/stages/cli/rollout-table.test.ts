/** The table of a rollout for a terminal: what is counted of both versions, and each sentence once. */
import { describe, expect, test } from "vitest";
import { rolloutJson } from "../../../src/admin/rollout-json.ts";
import { rolloutSchema } from "../../../src/admin/rollout-schema.ts";
import { drawRollout } from "../../../src/cli/draw-rollouts.ts";
import type { RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import { played } from "../../support/played-rollout.ts";

const sentence = "canary takes longer than 250 ms for 8.0 % of its requests, stable 2.0 % (200 and 1,800 requests).";
const server = "http://127.0.0.1:18001";

/** Rolled back, or inconclusive and paused, by what one step has counted. */
function recordOf(gates: object, result: "failed" | "inconclusive"): RolloutRecord {
  const { record } = played({ steps: [{ weight: 10 }], gates }, ["edge-1"]);
  const step = {
    ...{
      index: 0,
      kind: "weight" as const,
      share: 1_000,
      startedAtMs: 0,
      nodesCount: 1,
      laggards: [],
      sentence,
      result,
    },
    canary: { completed: 200, errors: 0, timed: { answered: 200, inTime: 184 } },
    baseline: { completed: 1_800, errors: 1, timed: { answered: 1_800, inTime: 1_764 } },
  };
  const done = {
    phase: { kind: "done" as const, sinceMs: 9_000 },
    outcome: { kind: "rolled-back" as const, sentence, atMs: 9_000 },
  };
  const paused = {
    phase: { kind: "paused" as const, sinceMs: 9_000, why: "Somebody has paused it", by: "person" as const },
  };
  return { ...record, steps: [step], ...(result === "failed" ? done : paused) };
}

const drawn = (record: RolloutRecord) => drawRollout(rolloutJson({ record, revision: 1 }), server);
const latency = { latency: { threshold: "250ms" } };

describe("the table of a rollout", () => {
  test("has slow requests where the plan has a latency gate", () => {
    const record = recordOf(latency, "failed");
    expect(drawn(record)).toMatch(/STEP +WEIGHT +ENVOYS +REQUESTS +ERRORS +SLOW +RESULT/);
    expect(drawn(record)).toMatch(/weight +10 % +- +200 \/ 1800 +0 \/ 1 +16 \/ 36 +failed/);
    expect(rolloutSchema.parse(rolloutJson({ record, revision: 1 })).steps[0]).toMatchObject({
      canary: { completed: 200, errors: 0, slow: 16 },
      baseline: { completed: 1_800, errors: 1, slow: 36 },
    });
  });

  test("and no such column elsewhere", () => {
    expect(drawn(recordOf({}, "failed"))).not.toContain("SLOW");
    expect(drawn(recordOf({}, "failed"))).toMatch(/0 \/ 1 +failed/);
  });

  test("has no sentence that is told above it", () => {
    expect(drawn(recordOf(latency, "failed")).split(sentence)).toHaveLength(2);
  });

  test("has the sentence of a step that is told nowhere else", () => {
    expect(drawn(recordOf(latency, "inconclusive"))).toMatch(/inconclusive +canary takes longer than 250 ms/);
  });
});
