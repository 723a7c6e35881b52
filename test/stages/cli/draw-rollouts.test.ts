/** Rollouts as a terminal shows them: what they ended as, and what a command would do now. */
import { expect, test } from "vitest";
import { rolloutJson } from "../../../src/admin/rollout-json.ts";
import { drawRollout, drawRollouts } from "../../../src/cli/draw-rollouts.ts";
import type { Phase, RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import { promotedRecord, rolledBackRecord, stepOf } from "../../support/report-records.ts";

const shown = (record: RolloutRecord) => rolloutJson({ record, revision: 1 });

test("a promotion that was undone is told from a gate that failed", () => {
  const record = promotedRecord();
  const outcome = {
    kind: "rolled-back" as const,
    sentence: "It was promoted, and ann has undone it",
    by: "ann",
    atMs: 0,
  };
  const text = drawRollouts([shown({ ...record, outcome }), shown(rolledBackRecord())]);
  expect(text.split("\n").map((line) => /undone|rolled-back/.exec(line)?.[0])).toEqual([
    undefined,
    "undone",
    "rolled-back",
  ]);
});

test("after a pause `resume` asks a webhook once more, and measures any other step", () => {
  const phase: Phase = { kind: "paused", sinceMs: 0, why: "It gave no answer.", by: "engine" };
  const at = (kind: "webhook" | "weight", by: "engine" | "person") => {
    const { outcome: _outcome, ...open } = rolledBackRecord();
    const record = { ...open, outcome: undefined, phase: { ...phase, by } };
    const text = drawRollout(
      shown({ ...record, steps: [{ ...stepOf({ index: 0, share: 500, startedAtMs: 0 }), kind }] }),
      "",
    );
    return /resume .*# (.*)/.exec(text)?.[1];
  };
  expect([at("webhook", "engine"), at("weight", "engine"), at("weight", "person")]).toEqual([
    "ask the webhook once more",
    "measure this step once more",
    "go on",
  ]);
});
