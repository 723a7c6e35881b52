/**
 * Rollouts as they are recorded, for the tests of reports: the verdicts in them are those of the real judge.
 */
import type { LatencyHistogram } from "../../src/evidence/latency-histogram.ts";
import { latencyEdgesMs } from "../../src/evidence/latency-ladder.ts";
import type { TrafficCounters } from "../../src/evidence/traffic-counters.ts";
import type { CanaryEvidence } from "../../src/rollout/canary-evidence.ts";
import { addLook, startEvidence } from "../../src/rollout/canary-evidence.ts";
import type { Gates } from "../../src/rollout/gates.ts";
import { defaultGates, defaultMetricGate } from "../../src/rollout/gates.ts";
import type { PlanStep, RolloutPlan } from "../../src/rollout/rollout-plan.ts";
import { defaultFleetTerms } from "../../src/rollout/rollout-plan.ts";
import type { JudgedAt, RolloutRecord, StepRecord } from "../../src/rollout/rollout-record.ts";
import type { RouteCounts } from "../../src/rollout/route-counts.ts";
import { judge } from "../../src/rollout/verdict.ts";

/** When the rollouts begin. */
export const START_MS = Date.UTC(2026, 10, 29, 6, 0, 0);

const names = { canary: "v2", baseline: "v1" };

const HOLD_MS = 120_000;
const LOOK_MS = 10_000;

const slowGates: Gates = { ...defaultGates, slow: { ...defaultMetricGate, thresholdMs: 300 } };

const weightStep = (percent: number): PlanStep => ({
  kind: "weight",
  share: percent * 100,
  holdMs: HOLD_MS,
  holdMsMax: 10 * HOLD_MS,
  requestsMin: 500,
});

const plan: RolloutPlan = {
  split: "reviews",
  ...names,
  steps: [weightStep(5), weightStep(25), weightStep(50)],
  gates: slowGates,
  fleet: defaultFleetTerms,
  onFail: "rollback",
  onInconclusive: "pause",
};

/** What a version is like. */
export interface Manner {
  readonly errorShare: number;
  readonly medianMs: number;
}

const good: Manner = { errorShare: 0.001, medianMs: 42 };

/** A rollout that has just begun, with whatever is said of it. */
export function recordOf(of: Partial<RolloutRecord> = {}): RolloutRecord {
  return {
    id: "reviews-7",
    number: 7,
    target: "2.4.0",
    plan,
    planHash: "0123456789abcdef",
    startedBy: "ci@runner-7",
    startedAtMs: START_MS,
    sharesBefore: { v1: 10_000, v2: 0 },
    splitNumber: 12,
    phase: { kind: "measuring", sinceMs: START_MS },
    stepIndex: 0,
    steps: [],
    evidence: undefined,
    marks: {},
    totals: { canary: { completed: 0, errors: 0 }, baseline: { completed: 0, errors: 0 } },
    verdict: undefined,
    audit: [],
    outcome: undefined,
    ...of,
  };
}

/** A step that took so long, with a hundred requests a second to both together. */
export function stepOf(
  of: Partial<StepRecord> & { readonly share: number },
  { canary = good, baseline = good, tookMs = HOLD_MS }: { canary?: Manner; baseline?: Manner; tookMs?: number } = {},
): StepRecord {
  const requests = tookMs / 10;
  const canaryRequests = Math.round((requests * of.share) / 10_000);
  return {
    kind: "weight",
    startedAtMs: START_MS,
    convergedAtMs: (of.startedAtMs ?? START_MS) + 840,
    measuredFromMs: (of.startedAtMs ?? START_MS) + 1_840,
    endedAtMs: (of.startedAtMs ?? START_MS) + tookMs + 1_840,
    nodesCount: 3,
    laggards: [],
    canary: countersOf(canaryRequests, canary),
    baseline: countersOf(requests - canaryRequests, baseline),
    ...of,
  };
}

function countersOf(completed: number, { errorShare, medianMs }: Manner): TrafficCounters {
  return { completed, errors: Math.round(completed * errorShare), latency: histogramOf(completed, medianMs) };
}

/** Promoted in three steps. */
export function promotedRecord(): RolloutRecord {
  const steps = [500, 2_500, 5_000].map((share, index) =>
    stepOf({
      index,
      share,
      startedAtMs: START_MS + index * 125_000,
      result: "passed",
      sentence: `v2 is as good as v1 in step ${index + 1}.`,
    }),
  );
  const promotion = stepOf(
    { kind: "promotion", share: 10_000, startedAtMs: START_MS + 375_000, result: "passed" },
    { tookMs: 2_000 },
  );
  return recordOf({
    phase: { kind: "done", sinceMs: START_MS + 378_000 },
    stepIndex: 3,
    steps: [...steps, promotion],
    ...knownOf(steps, { canary: good, baseline: good }),
    audit: [
      { atMs: START_MS, actor: "ci@runner-7", action: "start", text: "2.4.0" },
      { atMs: START_MS + 378_000, actor: "fairway", action: "promote", text: "all steps are passed" },
    ],
    outcome: { kind: "promoted", sentence: "v2 has passed all steps.", atMs: START_MS + 378_000 },
  });
}

/** Rolled back in the second step, where it fails. */
export function rolledBackRecord(): RolloutRecord {
  const bad: Manner = { errorShare: 0.06, medianMs: 120 };
  const first = stepOf({ index: 0, share: 500, result: "passed", sentence: "v2 is as good as v1." }, {});
  const startedAtMs = START_MS + 125_000;
  const { evidence, verdict, totals } = knownOf(
    [first, stepOf({ index: 1, share: 2_500, startedAtMs }, { canary: bad, tookMs: 60_000 })],
    { canary: bad, baseline: good },
  );
  const { sentence } = verdict;
  const failed = stepOf(
    { index: 1, share: 2_500, startedAtMs, result: "failed", sentence },
    { canary: bad, tookMs: 60_000 },
  );
  const backAtMs = startedAtMs + 61_840;
  const back = stepOf(
    { kind: "rollback", share: 0, startedAtMs: backAtMs, result: "passed", convergedAtMs: backAtMs + 640 },
    { tookMs: 0 },
  );
  return recordOf({
    reason: "v2.4 is out",
    phase: { kind: "done", sinceMs: backAtMs + 640 },
    stepIndex: 1,
    steps: [first, failed, { ...back, endedAtMs: backAtMs + 640, measuredFromMs: undefined }],
    evidence,
    verdict,
    totals,
    audit: [
      { atMs: START_MS, actor: "ci@runner-7", action: "start", text: "2.4.0: v2.4 is out" },
      { atMs: backAtMs, actor: "fairway", action: "rollback", text: sentence },
    ],
    outcome: { kind: "rolled-back", sentence, atMs: backAtMs + 640, tookMs: 640 },
  });
}

/** Totals, evidence and verdict after steps, as looks of ten seconds have seen the last. */
function knownOf(
  steps: readonly StepRecord[],
  { canary, baseline }: { readonly canary: Manner; readonly baseline: Manner },
): {
  readonly totals: RolloutRecord["totals"];
  readonly evidence: CanaryEvidence;
  readonly verdict: JudgedAt;
} {
  const last = steps.at(-1);
  const [fromMs, toMs] = [last?.measuredFromMs ?? START_MS, last?.endedAtMs ?? START_MS];
  const before = Array.from({ length: 30 }, (_, index) => ({ completed: 1_000, bad: 1 + (index % 2) }));
  let evidence = startEvidence(fromMs, { errors: before, slow: before });
  const looksCount = Math.max(Math.round((toMs - fromMs) / LOOK_MS), 1);
  const outcomes = (completed: number, { errorShare, medianMs }: Manner) => ({
    completed: completed / looksCount,
    errors: (completed * errorShare) / looksCount,
    slow: (completed * (1 - withinShare(300, medianMs))) / looksCount,
  });
  for (let look = 1; look <= looksCount; look += 1) {
    evidence = addLook(
      evidence,
      {
        atMs: fromMs + look * LOOK_MS,
        canary: outcomes(last?.canary.completed ?? 0, canary),
        baseline: outcomes(last?.baseline.completed ?? 0, baseline),
      },
      { errors: slowGates.errors, ...(slowGates.slow && { slow: slowGates.slow }) },
    );
  }
  const { kind, reason, sentence, metrics } = judge(evidence, slowGates, { nowMs: toMs, stepEndsAtMs: toMs, names });
  const sum = (version: "canary" | "baseline"): TrafficCounters => ({
    completed: steps.reduce((total, step) => total + step[version].completed, 0),
    errors: steps.reduce((total, step) => total + step[version].errors, 0),
    latency: {
      edgesMs: latencyEdgesMs,
      counts: Array.from({ length: latencyEdgesMs.length + 1 }, (_, at) =>
        steps.reduce((total, step) => total + (step[version].latency?.counts[at] ?? 0), 0),
      ),
      sumMs: steps.reduce((total, step) => total + (step[version].latency?.sumMs ?? 0), 0),
    },
  });
  return {
    totals: { canary: sum("canary"), baseline: sum("baseline") },
    evidence,
    verdict: { kind, reason, sentence, metrics, atMs: toMs },
  };
}

/** Times as services have them: their logarithms are spread evenly around that of the median, here logistically. */
function histogramOf(completed: number, medianMs: number): LatencyHistogram {
  const edges = [0, ...latencyEdgesMs, Infinity];
  const counts = edges
    .slice(1)
    .map((edge, index) =>
      Math.round(completed * (withinShare(edge, medianMs) - withinShare(edges[index] ?? 0, medianMs))),
    );
  return { edgesMs: latencyEdgesMs, counts, sumMs: completed * medianMs * 1.2 };
}

function withinShare(ms: number, medianMs: number): number {
  return ms === 0 ? 0 : 1 / (1 + (medianMs / ms) ** 3);
}

/** The same, where Envoys told of two routes in each measured step, and the canary fails so often on one. */
export function withRoutes(record: RolloutRecord, { route = "reviews/pay", errors = 120 } = {}): RolloutRecord {
  const routes: readonly RouteCounts[] = [
    {
      route,
      at: "routes.yaml:12",
      canary: { requests: 500, errors, slow: 4 },
      baseline: { requests: 1_500, errors: 3, slow: 9 },
    },
    {
      route: "reviews/main",
      at: "routes.yaml:20",
      canary: { requests: 500, errors: 1, slow: 3 },
      baseline: { requests: 1_500, errors: 3, slow: 9 },
    },
  ];
  const steps = record.steps.map((step) => (step.measuredFromMs === undefined ? step : { ...step, routes }));
  return { ...record, steps };
}
