/**
 * What a report says of the configuration: the weights before the rollout and as it has left them, and its plan.
 */
import { WHOLE } from "../model/live-weights.ts";
import type { PlanStep, RolloutPlan } from "./rollout-plan.ts";
import type { RolloutRecord } from "./rollout-record.ts";
import type { Shares } from "./split-document.ts";

/** Weights are in percent, by backend. */
export interface ReportConfig {
  readonly weightsBefore: Shares;
  /** As the rollout wants them now, or has left them; absent when somebody else has set others since. */
  readonly weightsAfter?: Shares | undefined;
  readonly plan: ReportPlan;
}

/** The plan, with shares from 0 to 1. */
export interface ReportPlan extends Omit<RolloutPlan, "split" | "canary" | "baseline" | "steps" | "evidence"> {
  readonly steps: readonly ReportPlanStep[];
  /** The host of the Prometheus that was asked; absent where Envoys reported. */
  readonly prometheus?: string | undefined;
}

/** Of a webhook only its host: what else is in a URL may be what lets a caller in. */
export type ReportPlanStep =
  | Exclude<PlanStep, { readonly kind: "webhook" }>
  | { readonly kind: "webhook"; readonly host: string; readonly timeoutMs: number };

/** Of a rollout. */
export function configOf(record: RolloutRecord): ReportConfig {
  const after = sharesAfter(record);
  return {
    weightsBefore: percents(record.sharesBefore),
    weightsAfter: after === undefined ? undefined : percents(after),
    plan: planOf(record.plan),
  };
}

/** The plan as it is shown. */
export function planOf({ gates, evidence, fleet, onFail, onInconclusive, steps }: RolloutPlan): ReportPlan {
  return {
    steps: steps.map(planStep),
    gates,
    ...(evidence === undefined ? {} : { prometheus: hostOf(evidence.url) }),
    fleet,
    onFail,
    onInconclusive,
  };
}

/** The host that a URL names, for people. */
export function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : "another program";
}

function planStep(step: PlanStep): ReportPlanStep {
  if (step.kind === "webhook") return { kind: "webhook", host: hostOf(step.url), timeoutMs: step.timeoutMs };
  if (step.kind === "mirror") return { ...step, mirrorShare: step.mirrorShare / WHOLE };
  return step.kind === "weight" ? { ...step, share: step.share / WHOLE } : step;
}

/** The last step's share is the canary's; the baseline has what it and the others leave. */
function sharesAfter({ outcome, plan, sharesBefore, steps }: RolloutRecord): Shares | undefined {
  if (outcome?.kind === "superseded") return undefined;
  const last = steps.at(-1);
  if (last === undefined || last.kind === "rollback") return sharesBefore;
  if (outcome !== undefined && outcome.kind !== "promoted") return sharesBefore;
  const others = Object.entries(sharesBefore).filter(([name]) => name !== plan.canary && name !== plan.baseline);
  const left = WHOLE - last.share - others.reduce((sum, [, share]) => sum + share, 0);
  // Who has everything leaves nothing to the others.
  const after = last.share >= WHOLE ? others.map(([name]) => [name, 0] as const) : others;
  return Object.fromEntries([...after, [plan.baseline, Math.max(left, 0)], [plan.canary, last.share]]);
}

function percents(shares: Shares): Shares {
  return Object.fromEntries(Object.entries(shares).map(([name, share]) => [name, share / 100]));
}
