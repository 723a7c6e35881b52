/**
 * A plan and a phase in words, for logs, `plan`, and whoever looks at three in the morning.
 */
import { percentText } from "../model/live-weights.ts";
import { unreachable } from "../support/assert.ts";
import { planOf } from "./report-config.ts";
import { termTexts } from "./report-words.ts";
import type { MeasuredStep, PlanStep, RolloutPlan } from "./rollout-plan.ts";
import type { RolloutRecord } from "./rollout-record.ts";
import { isUndone } from "./rollout-record.ts";
import { isMeasured } from "./rollout-plan.ts";
import { showCount, showDuration } from "./show-figures.ts";

/** One line for each step, and one for the end. */
export function describePlan(plan: RolloutPlan): readonly string[] {
  const end = plan.promote === false ? "the weights stay" : `all requests to ${plan.canary}`;
  return [...plan.steps.map((step) => describeStep(step, plan)), end];
}

/** What canaries are judged by, what becomes of them, and how long it may take. */
export function describeTerms(plan: RolloutPlan): readonly string[] {
  const measured = plan.steps.filter(isMeasured);
  const sum = (of: (step: MeasuredStep) => number) => showDuration(measured.reduce((all, step) => all + of(step), 0));
  const took = `The steps take ${sum(({ holdMs }) => holdMs)} at least and ${sum(({ holdMsMax }) => holdMsMax)} at most, without what people, programs and Envoys take.`;
  return [...termTexts(planOf(plan), plan), ...(measured.length === 0 ? [] : [took])];
}

function describeStep(step: PlanStep, { canary }: RolloutPlan): string {
  switch (step.kind) {
    case "approval":
      return "somebody approves";
    case "webhook":
      return `${step.url} agrees within ${showDuration(step.timeoutMs)}`;
    case "weight":
      return `${percentText(step.share)} to ${canary}, ${termsOf(step, "requests")}`;
    case "pinned":
      return `pinned requests to ${canary}, ${termsOf(step, "requests")}`;
    case "mirror":
      return `${percentText(step.mirrorShare)} mirrored to ${canary}, ${termsOf(step, "mirrored requests")}`;
    default:
      return unreachable(step);
  }
}

function termsOf({ holdMs, holdMsMax, requestsMin }: MeasuredStep, what: string): string {
  const hold = `${showDuration(holdMs)} at least, ${showDuration(holdMsMax)} at most`;
  return `for ${hold}, with ${showCount(requestsMin)} ${what} or more`;
}

/** What it does now, in a sentence without a full stop. */
export function describePhase({ phase, plan, stepIndex, steps, outcome, verdict }: RolloutRecord): string {
  const last = steps.at(-1);
  const share = percentText(last?.share ?? 0);
  const copies = last?.mirrorShare === undefined ? undefined : percentText(last.mirrorShare);
  const step = `step ${Math.min(stepIndex + 1, plan.steps.length)} of ${plan.steps.length}`;
  switch (phase.kind) {
    case "preflight":
      return `before the first step it waits for ${phase.waitsFor}`;
    case "converging":
      return `${step}: ${plan.canary} gets ${copies === undefined ? share : `copies of ${copies} of the requests`}, waiting for ${phase.waitsFor}`;
    case "settling":
      return copies === undefined
        ? `${step}: every Envoy has ${plan.canary} at ${share}; requests that were under way end`
        : `${step}: every Envoy mirrors ${copies} of the requests to ${plan.canary}`;
    case "measuring": {
      const what = copies === undefined ? `at ${share}` : `by ${copies} of the requests, mirrored to it`;
      return `${step}: measuring ${plan.canary} ${what}${verdict === undefined ? "" : `. ${verdict.sentence}`}`;
    }
    case "awaiting-approval":
      return `${step}: somebody has to approve`;
    case "calling-webhook":
      return `${step}: asking ${phase.url}`;
    case "paused":
      return `paused at ${step}, ${plan.canary} stays at ${share}${copies === undefined ? "" : " and nothing is mirrored"}: ${phase.why}`;
    case "promoting":
      return `${plan.canary} gets all requests, waiting for ${phase.waitsFor}`;
    case "rolling-back":
      return `rolling back, waiting for ${phase.waitsFor}: ${phase.outcome.sentence}`;
    case "done":
      if (outcome === undefined) return "over";
      return `${isUndone({ outcome }) ? "undone" : outcome.kind}: ${outcome.sentence}`;
    default:
      return unreachable(phase);
  }
}
