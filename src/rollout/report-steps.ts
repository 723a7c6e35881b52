/**
 * How each step of a rollout went, and those that it has not come to.
 */
import { WHOLE } from "../model/live-weights.ts";
import { acknowledgedAfterMs } from "./change-record.ts";
import type { Comparison, VersionReport } from "./compare-versions.ts";
import { compareVersions } from "./compare-versions.ts";
import type { PlanStep } from "./rollout-plan.ts";
import { isMeasured } from "./rollout-plan.ts";
import type { RolloutRecord, StepRecord } from "./rollout-record.ts";
import { isActive } from "./rollout-record.ts";
import { showPromise } from "./show-figures.ts";

export interface ReportStep {
  /** "2 (25 %)", "1 (10 % mirrored)", "approval", "rollback": one name for one step, unless it was tried again. */
  readonly name: string;
  readonly kind: StepRecord["kind"];
  /** The canary's share by the weights, from 0 to 1. */
  readonly share: number;
  /** Of the requests, those that were copied to the canary, from 0 to 1; absent but in steps that mirror. */
  readonly mirrorShare?: number | undefined;
  readonly result: NonNullable<StepRecord["result"]> | "running" | "not-reached";
  readonly sentence?: string | undefined;
  /** Absent when it was not reached. */
  readonly startedAt?: string | undefined;
  readonly tookMs?: number | undefined;
  /** Until the last connected Envoy had acknowledged the weights. */
  readonly ackMs?: number | undefined;
  readonly measuredMs?: number | undefined;
  readonly nodesCount: number;
  readonly laggards: StepRecord["laggards"];
  /** By what its Envoys were counted; absent where nothing was measured. */
  readonly sources?: StepRecord["sources"];
  /** Absent without requests. */
  readonly traffic?: StepTraffic | undefined;
}

/**
 * What was counted in a step; the weights did not change in it, so both may be compared. Of the canary these are copies
 * of requests where the step mirrors.
 */
export interface StepTraffic {
  readonly canary: VersionReport;
  readonly baseline: VersionReport;
  /** How the requests were split between both; absent where that is not a matter of the weights. */
  readonly split?: Comparison["split"] | undefined;
}

/** Those of the record in their order, and then those of the plan that are not among them. */
export function stepsOf(record: RolloutRecord, nowMs: number): readonly ReportStep[] {
  const reached = record.steps.map((step, at) => {
    const isCurrent = at === record.steps.length - 1 && step.endedAtMs === undefined && isActive(record);
    return reachedStep(step, record, isCurrent ? nowMs : undefined);
  });
  const rest = record.plan.steps.flatMap((step, index) =>
    record.steps.some((each) => each.index === index) ? [] : [laterStep(step, index, record)],
  );
  return [...reached, ...rest];
}

function reachedStep(step: StepRecord, record: RolloutRecord, nowMs: number | undefined): ReportStep {
  const { kind, startedAtMs, measuredFromMs, measuredBeforeMs = 0, nodesCount, laggards, sources, sentence } = step;
  const untilMs = step.endedAtMs ?? nowMs;
  const hasMeasured = measuredFromMs !== undefined && isMeasured(step);
  return {
    name: nameOf(step),
    kind,
    share: step.share / WHOLE,
    ...mirrored(step),
    result: step.result ?? (nowMs === undefined ? "ended" : "running"),
    sentence,
    startedAt: new Date(startedAtMs).toISOString(),
    tookMs: untilMs === undefined ? undefined : untilMs - startedAtMs,
    ackMs: acknowledgedAfterMs(step),
    measuredMs: !hasMeasured || untilMs === undefined ? undefined : untilMs - measuredFromMs + measuredBeforeMs,
    nodesCount,
    laggards,
    ...(sources === undefined || sources.length === 0 ? {} : { sources }),
    traffic: trafficOf(step, record),
  };
}

function laterStep(step: PlanStep, index: number, { steps, sharesBefore, plan }: RolloutRecord): ReportStep {
  const now = steps.at(-1)?.share ?? sharesBefore[plan.canary] ?? 0;
  const share = step.kind === "weight" ? step.share : now;
  const { kind } = step;
  return {
    name: nameOf({ kind, index, share, ...(step.kind === "mirror" && { mirrorShare: step.mirrorShare }) }),
    kind,
    share: share / WHOLE,
    ...(step.kind === "mirror" ? mirrored(step) : {}),
    result: "not-reached",
    nodesCount: 0,
    laggards: [],
  };
}

function mirrored({ mirrorShare }: Pick<StepRecord, "mirrorShare">): Pick<ReportStep, "mirrorShare"> {
  return mirrorShare === undefined ? {} : { mirrorShare: mirrorShare / WHOLE };
}

function nameOf({
  kind,
  index,
  share,
  mirrorShare = 0,
}: Pick<StepRecord, "kind" | "index" | "share" | "mirrorShare">): string {
  const words: Partial<Readonly<Record<StepRecord["kind"], string>>> = {
    weight: showPromise(share / WHOLE),
    pinned: "pinned requests",
    mirror: `${showPromise(mirrorShare / WHOLE)} mirrored`,
  };
  const what = words[kind] ?? kind;
  return index === undefined ? what : `${index + 1} (${what})`;
}

function trafficOf(step: StepRecord, record: RolloutRecord): StepTraffic | undefined {
  const { canary, baseline, kind } = step;
  if (canary.completed + baseline.completed === 0) return undefined;
  const both = compareVersions(canary, baseline, shareOfBoth(step.share, record));
  return { canary: both.canary, baseline: both.baseline, split: kind === "weight" ? both.split : undefined };
}

/** Of the requests to both, those that the canary should have: other backends of the split keep what they had. */
export function shareOfBoth(share: number, { sharesBefore, plan }: RolloutRecord): number {
  const others = Object.entries(sharesBefore)
    .filter(([name]) => name !== plan.canary && name !== plan.baseline)
    .reduce((sum, [, other]) => sum + other, 0);
  return others >= WHOLE ? 0 : Math.min(share / (WHOLE - others), 1);
}
