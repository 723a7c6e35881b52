/**
 * Rollouts as the admin API writes them: shares become percent, moments become times.
 */
import type { TrafficCounters } from "../evidence/traffic-counters.ts";
import { acknowledgedAfterMs } from "../rollout/change-record.ts";
import { outcomesOf } from "../rollout/count-traffic.ts";
import { describePhase } from "../rollout/describe-rollout.ts";
import type { RolloutLock, RolloutRecord, StepRecord } from "../rollout/rollout-record.ts";
import type { StoredRollout } from "../rollout/rollout-views.ts";
import { isoTime } from "./iso-time.ts";
import type { RolloutCountedJson, RolloutJson, RolloutLockJson } from "./rollout-schema.ts";

export function rolloutJson({ record, revision }: StoredRollout): RolloutJson {
  const { plan, phase, steps, verdict, outcome, reason } = record;
  return {
    id: record.id,
    number: record.number,
    split: plan.split,
    target: record.target,
    canary: plan.canary,
    baseline: plan.baseline,
    revision,
    startedBy: record.startedBy,
    startedByVerified: false,
    ...(reason === undefined ? {} : { reason }),
    startedAt: isoTime(record.startedAtMs),
    phase: phase.kind,
    since: isoTime(phase.sinceMs),
    sentence: describePhase(record),
    step: Math.min(record.stepIndex + 1, plan.steps.length),
    stepsCount: plan.steps.length,
    weight: (steps.at(-1)?.share ?? record.sharesBefore[plan.canary] ?? 0) / 100,
    ...mirrorJson(steps.at(-1)),
    ...("waitsFor" in phase ? { waitsFor: phase.waitsFor } : {}),
    ...(phase.kind === "paused" ? { pausedBy: phase.by } : {}),
    ...(verdict === undefined ? {} : { verdict: verdictJson(verdict) }),
    ...(outcome === undefined ? {} : { outcome: outcomeJson(outcome) }),
    ...(record.versionsBefore === undefined
      ? {}
      : {
          versions: {
            before: { ...record.versionsBefore },
            ...(record.versionsAfter === undefined ? {} : { after: { ...record.versionsAfter } }),
          },
        }),
    plan: { ...plan },
    steps: steps.map((step) => stepJson(step, plan.gates.slow?.thresholdMs)),
    audit: record.audit.map(({ atMs, ...entry }) => ({ at: isoTime(atMs), ...entry })),
  };
}

export function lockJson({ owner, reason, endsAtMs }: RolloutLock): RolloutLockJson {
  return { owner, ...(reason === undefined ? {} : { reason }), ends: isoTime(endsAtMs) };
}

function verdictJson({ kind, reason, sentence, atMs }: NonNullable<RolloutRecord["verdict"]>): RolloutJson["verdict"] {
  return { kind, reason, sentence, at: isoTime(atMs) };
}

function outcomeJson({
  kind,
  sentence,
  by,
  atMs,
  tookMs,
  unconfirmed,
}: NonNullable<RolloutRecord["outcome"]>): RolloutJson["outcome"] {
  return {
    kind,
    sentence,
    ...(by === undefined ? {} : { by }),
    at: isoTime(atMs),
    ...(tookMs === undefined ? {} : { tookMs }),
    ...(unconfirmed === undefined ? {} : { unconfirmed: [...unconfirmed] }),
  };
}

function stepJson(step: StepRecord, thresholdMs: number | undefined): RolloutJson["steps"][number] {
  const { index, kind, share, nodesCount, laggards, canary, baseline, sources = [], result, sentence } = step;
  const ackMs = acknowledgedAfterMs(step);
  return {
    ...(index === undefined ? {} : { index }),
    kind,
    weight: share / 100,
    ...mirrorJson(step),
    startedAt: isoTime(step.startedAtMs),
    ...at("convergedAt", step.convergedAtMs),
    ...(ackMs === undefined ? {} : { acknowledgedAfterMs: ackMs }),
    ...at("measuredFrom", step.measuredFromMs),
    ...at("endedAt", step.endedAtMs),
    nodesCount,
    laggards: laggards.map(({ node, state, reason }) => ({ node, state, ...(reason === undefined ? {} : { reason }) })),
    canary: countedJson(canary, thresholdMs),
    baseline: countedJson(baseline, thresholdMs),
    ...(sources.length === 0 ? {} : { sources: sources.map((each) => ({ ...each, nodes: [...each.nodes] })) }),
    ...(result === undefined ? {} : { result }),
    ...(sentence === undefined ? {} : { sentence }),
  };
}

function countedJson(counted: TrafficCounters, thresholdMs: number | undefined): RolloutCountedJson {
  const { completed, errors, slow } = outcomesOf(counted, thresholdMs);
  return { completed, errors, ...(slow === undefined ? {} : { slow: Math.max(slow, 0) }) };
}

function mirrorJson(step: Pick<StepRecord, "mirrorShare"> | undefined): { readonly mirror?: number } {
  return step?.mirrorShare === undefined ? {} : { mirror: step.mirrorShare / 100 };
}

function at<Key extends string>(key: Key, ms: number | undefined): { readonly [K in Key]?: string } {
  return ms === undefined ? {} : ({ [key]: isoTime(ms) } as { readonly [K in Key]: string });
}
