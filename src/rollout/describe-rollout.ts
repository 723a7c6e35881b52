/**
 * A plan and a phase in words, for logs, `plan`, and whoever looks at three in the morning.
 */
import { percentText } from "../model/live-weights.ts";
import { unreachable } from "../support/assert.ts";
import type { PlanStep, RolloutPlan } from "./rollout-plan.ts";
import type { RolloutRecord } from "./rollout-record.ts";
import { showCount, showDuration } from "./show-figures.ts";

/** One line for each step, and one for the end. */
export function describePlan(plan: RolloutPlan): readonly string[] {
  const end = plan.promote === false ? "the weights stay" : `all requests to ${plan.canary}`;
  return [...plan.steps.map((step) => describeStep(step, plan)), end];
}

function describeStep(step: PlanStep, { canary }: RolloutPlan): string {
  switch (step.kind) {
    case "approval":
      return "somebody approves";
    case "webhook":
      return `${step.url} agrees within ${showDuration(step.timeoutMs)}`;
    case "weight":
    case "pinned": {
      const who = step.kind === "weight" ? `${percentText(step.share)} to ${canary}` : `pinned requests to ${canary}`;
      const hold = `${showDuration(step.holdMs)} at least, ${showDuration(step.holdMsMax)} at most`;
      return `${who}, for ${hold}, with ${showCount(step.requestsMin)} requests or more`;
    }
    default:
      return unreachable(step);
  }
}

/** What it does now, in a sentence without a full stop. */
export function describePhase({ phase, plan, stepIndex, steps, outcome, verdict }: RolloutRecord): string {
  const share = percentText(steps.at(-1)?.share ?? 0);
  const step = `step ${Math.min(stepIndex + 1, plan.steps.length)} of ${plan.steps.length}`;
  switch (phase.kind) {
    case "preflight":
      return `before the first step it waits for ${phase.waitsFor}`;
    case "converging":
      return `${step}: ${plan.canary} gets ${share}, waiting for ${phase.waitsFor}`;
    case "settling":
      return `${step}: every Envoy has ${plan.canary} at ${share}; requests that were under way end`;
    case "measuring":
      return `${step}: measuring ${plan.canary} at ${share}${verdict === undefined ? "" : `. ${verdict.sentence}`}`;
    case "awaiting-approval":
      return `${step}: somebody has to approve`;
    case "calling-webhook":
      return `${step}: asking ${phase.url}`;
    case "paused":
      return `paused at ${step}, ${plan.canary} stays at ${share}: ${phase.why}`;
    case "promoting":
      return `${plan.canary} gets all requests, waiting for ${phase.waitsFor}`;
    case "rolling-back":
      return `rolling back, waiting for ${phase.waitsFor}: ${phase.outcome.sentence}`;
    case "done":
      return outcome === undefined ? "over" : `${outcome.kind}: ${outcome.sentence}`;
    default:
      return unreachable(phase);
  }
}
