/**
 * One look at a canary in its step: what was counted since the last one, and the verdict on all of it.
 */
import type { CanaryEvidence, MetricName, Tolerance } from "./canary-evidence.ts";
import { addLook, beginStep, startEvidence } from "./canary-evidence.ts";
import { changeStep, inPhase, noted } from "./change-record.ts";
import { addTraffic, countTraffic, nothingCounted, outcomesOf } from "./count-traffic.ts";
import type { Gates } from "./gates.ts";
import { countsCopies, reportsOfCopies } from "./mirroring.ts";
import type { Observed } from "./observed.ts";
import { missingHosts, named } from "./preflight.ts";
import { whyNoEvidence } from "./prometheus-evidence.ts";
import type { RolloutPlan, WeightStep } from "./rollout-plan.ts";
import { isMeasured } from "./rollout-plan.ts";
import type { JudgedAt, RolloutRecord } from "./rollout-record.ts";
import { countRoutes, markRoutes } from "./route-counts.ts";
import { showDuration } from "./show-figures.ts";
import { chooseSources, nodesElsewhere, reportsOf, silentNodes, withSources } from "./sources.ts";
import { judge } from "./verdict.ts";

/** Nearer to each other looks tell nothing and cost a write of the record each. */
const LOOK_EACH_MS = 1_000;

/** A record has where each Envoy stands, in about a kilobyte, so those of many are looked at less often: half a megabyte a second. */
const ENVOYS_EACH_LOOK = 500;

/** As often as Envoys report, unless they are told otherwise. */
const LOOK_EACH_MS_MAX = 5_000;

/** An Envoy that starts with nothing so soon after it was given weights did not do so by chance. */
const CRASH_MS_MAX = 60_000;

const nothing = { canary: nothingCounted, baseline: nothingCounted };

/** The step begins to be measured now: counters that are told from here on show where each Envoy stands. */
export function resetMeasuring(record: RolloutRecord, seen: Observed): RolloutRecord {
  const { nowMs } = seen;
  const last = record.steps.at(-1);
  const measuredMs = last?.measuredFromMs === undefined ? 0 : nowMs - last.measuredFromMs;
  const before = measuredMs + (last?.measuredBeforeMs ?? 0);
  const fresh = changeStep(record, { measuredFromMs: nowMs, ...(before === 0 ? {} : { measuredBeforeMs: before }) });
  // How copies went says nothing of how requests do, and the other way round: what is judged is the one or the other.
  const isOther = countsCopies(record) !== countsCopies(fresh);
  const begun = isOther ? changeStep(fresh, { ...nothing, measuredBeforeMs: undefined }) : fresh;
  const known = isOther ? undefined : record.evidence;
  const evidence = beginStep(known ?? startEvidence(nowMs, watched(record.plan.gates, seen.before)));
  const totals = isOther ? nothing : record.totals;
  const marked = markRoutes({ ...begun, evidence, totals, marks: {}, lookedAtMs: nowMs }, seen);
  return inPhase(chooseSources(marked, seen), { kind: "measuring", sinceMs: nowMs });
}

/**
 * The step measured anew because an Envoy is heard by another source than the one that it was counted by; undefined when
 * there is none. The longest time of the step goes on from where it began.
 */
export function measuredAnew(record: RolloutRecord, seen: Observed): RolloutRecord | undefined {
  const moved = nodesElsewhere(record, seen);
  if (moved.length === 0) return undefined;
  const reset = changeStep(resetMeasuring(record, seen), { ...nothing, measuredBeforeMs: undefined });
  const anew = inPhase(reset, record.phase);
  const text = `${named(moved)} fell silent and is heard by another source, and two sources cannot be added up`;
  return noted(anew, seen.nowMs, "measures anew", text);
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
  if (nowMs - (record.lookedAtMs ?? 0) < lookEachMs(record)) return undefined;
  const measured = record.steps.findLast(({ measuredFromMs }) => measuredFromMs !== undefined);
  const fromMs = measured?.measuredFromMs ?? nowMs;
  const isAnew = measured?.measuredBeforeMs !== undefined;
  const looked = look(countRoutes(withSources({ ...record, lookedAtMs: nowMs }, seen), seen), seen, fromMs);
  const gates = { ...record.plan.gates, ...(step === undefined ? {} : { requestsMin: step.requestsMin }) };
  const names = { canary: record.plan.canary, baseline: record.plan.baseline };
  const times = { nowMs, stepEndsAtMs: fromMs + (step?.holdMs ?? 0), measuredFromMs: fromMs };
  const moment = { ...times, names, ofCopies: countsCopies(record), isAnew, newsCome: newsCome(record.plan) };
  const verdict = { ...judge(looked.evidence ?? {}, gates, moment), atMs: nowMs };
  const held = heldBack(verdict, looked, seen);
  const judgedNow = { ...looked, verdict: held };
  return { record: step === undefined ? looked : changeStep(judgedNow, { sentence: held.sentence }), verdict: held };
}

/** Five seconds are what Envoys do that were not told otherwise. */
function newsCome({ evidence }: RolloutPlan): string {
  if (evidence !== undefined) return `Prometheus is asked every ${showDuration(evidence.everyMs)}`;
  return "Envoys report every 5 s unless they were told otherwise";
}

function lookEachMs({ marks }: RolloutRecord): number {
  const share = Object.keys(marks).length / ENVOYS_EACH_LOOK;
  return Math.min(LOOK_EACH_MS * Math.max(share, 1), LOOK_EACH_MS_MAX);
}

function look(record: RolloutRecord, seen: Observed, fromMs: number): RolloutRecord {
  const { nowMs } = seen;
  const areSums = record.plan.evidence !== undefined;
  const reports = reportsOf(record, seen);
  // Whoever asks a Prometheus asks it for copies.
  const told = countsCopies(record) && !areSums ? reportsOfCopies(reports) : reports;
  const counted = countTraffic(told, record.marks, { fromMs, areSums });
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

/** Without all evidence a canary does not pass; and what no longer answers takes none back either. */
function heldBack(verdict: JudgedAt, record: RolloutRecord, seen: Observed): JudgedAt {
  const silent = { ...verdict, kind: "inconclusive" as const, reason: "silent" };
  const why = whyNoEvidence(record, seen);
  if (why !== undefined) return { ...silent, sentence: `Nothing is decided without evidence of ${why}.` };
  if (verdict.kind === "fail") return verdict;
  const byPrometheus = record.plan.evidence !== undefined;
  const nodes = [...new Set([...(byPrometheus ? [] : silentNodes(record, seen)), ...(seen.missing ?? [])])];
  if (nodes.length > 0) {
    return { ...silent, sentence: `Nothing was reported lately by ${named(nodes)}, so nothing is decided.` };
  }
  if (verdict.kind !== "pass" || byPrometheus) return verdict;
  const hosts = missingHosts(record.plan, seen, new Map(Object.entries(record.sources ?? {})));
  return hosts === undefined ? verdict : withoutHosts(verdict, hosts);
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
