/**
 * The limits of a split as the config has them now: they may be lower than when the plan was read.
 */
import { WHOLE } from "../model/live-weights.ts";
import { inPhase, noted } from "./change-record.ts";
import { sharesAt } from "./follow-weights.ts";
import type { Observed } from "./observed.ts";
import type { PlanStep } from "./rollout-plan.ts";
import type { RolloutRecord } from "./rollout-record.ts";
import { beyondLimit } from "./set-weights.ts";

/**
 * The rollout paused before a step that would give the canary more than the config allows; undefined when it may begin.
 * Without a step it is the promotion. To give it less is always allowed.
 */
export function pausedAtLimit(
  record: RolloutRecord,
  step: PlanStep | undefined,
  { split, nowMs }: Observed,
): RolloutRecord | undefined {
  if (split === undefined || (step !== undefined && step.kind !== "weight")) return undefined;
  const beyond = beyondLimit(split.file, sharesAt(record, step?.share ?? WHOLE), split.shares);
  if (beyond === undefined) return undefined;
  const what = step === undefined ? "The promotion" : `Step ${record.stepIndex + 1}`;
  const sentence = `${what} was not begun: ${beyond}.`;
  const verdict = { kind: "inconclusive" as const, reason: "limits", sentence, metrics: [], atMs: nowMs };
  const paused = { kind: "paused" as const, sinceMs: nowMs, why: sentence, by: "engine" as const };
  return noted(inPhase({ ...record, verdict }, paused), nowMs, "paused", sentence);
}
