/**
 * One look at a canary in its step: what was counted since the last one, and the verdict on all of it.
 */
import type { CanaryEvidence, MetricName, Tolerance } from "./canary-evidence.ts";
import { addLook, beginStep, startEvidence } from "./canary-evidence.ts";
import { changeStep, inPhase } from "./change-record.ts";
import { addTraffic, countTraffic, nothingCounted, outcomesOf } from "./count-traffic.ts";
import type { Gates } from "./gates.ts";
import { countsCopies, reportsOfCopies } from "./mirroring.ts";
import type { Observed } from "./observed.ts";
import { missingHosts, named, silentNodes } from "./preflight.ts";
import type { WeightStep } from "./rollout-plan.ts";
import { isMeasured } from "./rollout-plan.ts";
import type { JudgedAt, RolloutRecord } from "./rollout-record.ts";
import { countRoutes, markRoutes } from "./route-counts.ts";
import { judge } from "./verdict.ts";

/** Nearer to each other looks tell nothing and cost a write of the record each. */
const LOOK_EACH_MS = 1_000;

/** An Envoy that starts with nothing so soon after it was given weights did not do so by chance. */
const CRASH_MS_MAX = 60_000;

/** The step begins to be measured now: counters that are told from here on show where each Envoy stands. */
export function resetMeasuring(record: RolloutRecord, seen: Observed): RolloutRecord {
  const { nowMs } = seen;
  const begun = changeStep(record, { measuredFromMs: nowMs, canary: nothingCounted, baseline: nothingCounted });
  // How copies went says nothing of how requests do, and the other way round: what is judged is the one or the other.
  const isOther = countsCopies(record) !== countsCopies(begun);
  const known = isOther ? undefined : record.evidence;
  const evidence = beginStep(known ?? startEvidence(nowMs, watched(record.plan.gates, seen.before)));
  const totals = isOther ? { canary: nothingCounted, baseline: nothingCounted } : record.totals;
  const marked = markRoutes({ ...begun, evidence, totals, marks: {}, lookedAtMs: nowMs }, seen);
  return inPhase(marked, { kind: "measuring", sinceMs: nowMs });
}

function watched(gates: Gates, before: Observed["before"]): Parameters<typeof startEvidence>[1] {
  return { errors: before.errors ?? [], ...(gates.slow === undefined ? {} : { slow: before.slow ?? [] }) };
}

/** With one more look, and the verdict; undefined when it is too early for one. Without a step only a failure counts. */
export function measure(
  record: RolloutRecord,
  step: Pick<WeightStep, "holdMs" | "requestsMin"> | undefined,
  seen: Observed,
): { readonly record: RolloutRecord; readonly verdict: JudgedAt } | undefined {
  const { nowMs } = seen;
  if (nowMs - (record.lookedAtMs ?? 0) < LOOK_EACH_MS) return undefined;
  const fromMs = record.steps.findLast(({ measuredFromMs }) => measuredFromMs !== undefined)?.measuredFromMs ?? nowMs;
  const looked = look(countRoutes({ ...record, lookedAtMs: nowMs }, seen), seen, fromMs);
  const gates = { ...record.plan.gates, ...(step === undefined ? {} : { requestsMin: step.requestsMin }) };
  const names = { canary: record.plan.canary, baseline: record.plan.baseline };
  const moment = { nowMs, stepEndsAtMs: fromMs + (step?.holdMs ?? 0), names, ofCopies: countsCopies(record) };
  const verdict = { ...judge(looked.evidence ?? {}, gates, moment), atMs: nowMs };
  const silent = [...new Set([...silentNodes(seen, gates.staleAfterMs), ...(seen.missing ?? [])])];
  const held = verdict.kind === "fail" || silent.length === 0 ? verdict : withoutReports(verdict, silent);
  const hosts = held.kind === "pass" ? missingHosts(record.plan, seen) : undefined;
  const told = hosts === undefined ? held : withoutHosts(held, hosts);
  const judgedNow = { ...looked, verdict: told };
  return { record: step === undefined ? looked : changeStep(judgedNow, { sentence: told.sentence }), verdict: told };
}

function look(record: RolloutRecord, { traffic, nowMs }: Observed, fromMs: number): RolloutRecord {
  const reports = countsCopies(record) ? reportsOfCopies(traffic) : traffic;
  const counted = countTraffic(reports, record.marks, fromMs);
  const marked = { ...record, marks: counted.marks };
  if (!counted.isNew || record.evidence === undefined) return marked;
  const { gates } = record.plan;
  const thresholdMs = gates.slow?.thresholdMs;
  const evidence: CanaryEvidence = addLook(
    record.evidence,
    {
      atMs: nowMs,
      canary: outcomesOf(counted.canary, thresholdMs),
      baseline: outcomesOf(counted.baseline, thresholdMs),
    },
    tolerances(gates),
  );
  const last = record.steps.at(-1);
  const sums = {
    canary: addTraffic([last?.canary ?? nothingCounted, counted.canary]),
    baseline: addTraffic([last?.baseline ?? nothingCounted, counted.baseline]),
  };
  const totals = {
    canary: addTraffic([record.totals.canary, counted.canary]),
    baseline: addTraffic([record.totals.baseline, counted.baseline]),
  };
  return changeStep({ ...marked, evidence, totals }, sums);
}

function tolerances({ errors, slow }: Gates): Readonly<Partial<Record<MetricName, Tolerance>>> {
  return { errors, ...(slow === undefined ? {} : { slow }) };
}

function withoutReports(verdict: JudgedAt, silent: readonly string[]): JudgedAt {
  const sentence = `Nothing was reported lately by ${named(silent)}, so nothing is decided.`;
  return { ...verdict, kind: "inconclusive", reason: "silent", sentence };
}

/** What was measured was good, and what it was measured of is not there now: more requests would find nobody. */
function withoutHosts(verdict: JudgedAt, hosts: string): JudgedAt {
  const sentence = `${verdict.sentence} It waits for ${hosts}, before more requests go there.`;
  return { ...verdict, kind: "inconclusive", reason: "unhealthy", sentence };
}

/** One that was connected when the weights of this step were written, and came back with nothing since. */
export function crashedNode({ steps, nodesBefore }: RolloutRecord, { nodes }: Observed): string | undefined {
  const pushed = steps.findLast((step) => isMeasured(step) || step.kind === "promotion");
  if (pushed === undefined) return undefined;
  const before = new Set(nodesBefore);
  return nodes.find(({ id, startedEmptyAtMs }) => {
    if (startedEmptyAtMs === undefined || !before.has(id)) return false;
    const afterMs = startedEmptyAtMs - pushed.startedAtMs;
    return afterMs > 0 && afterMs <= CRASH_MS_MAX;
  })?.id;
}
