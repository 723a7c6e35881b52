/**
 * The engine of a rollout: a reducer. `advance` takes the record and what is seen, and returns the next record and what is
 * to be done; whoever runs it saves the record by compare-and-swap before he does anything, and asks again.
 *
 * Push → every connected Envoy acknowledges → settle → measure → decide. It reads no clock and does nothing itself, and all
 * that it needs to go on is in the record, so a controller that is killed at any moment is replaced by another one that
 * neither skips nor repeats a step. Missing data holds a canary. Weights that somebody else has set end the rollout and
 * stay: they are never overwritten.
 */
import { percentText } from "../model/live-weights.ts";
import { unreachable } from "../support/assert.ts";
import { changeStep, endStep, ended, inPhase, noted, withStep } from "./change-record.ts";
import { confirmed, withAcknowledged, withNodes } from "./confirmed.ts";
import { followWeights, sharesAt } from "./follow-weights.ts";
import { pausedAtLimit } from "./limits-now.ts";
import { crashedNode, measure, measuredAnew, resetMeasuring } from "./measure.ts";
import { countsCopies, endOfCopies, wantedNow } from "./mirroring.ts";
import { byClock } from "./moved-clock.ts";
import type { Effect, Observed } from "./observed.ts";
import { ownedSplit } from "./owned-split.ts";
import { preflight } from "./preflight.ts";
import { isMeasured } from "./rollout-plan.ts";
import type { JudgedAt, Outcome, RolloutRecord } from "./rollout-record.ts";
import { countRoutes } from "./route-counts.ts";

/** One move. */
export interface Advanced {
  /** The same object when there is nothing new. */
  readonly record: RolloutRecord;
  readonly effects: readonly Effect[];
}

type Split = NonNullable<Observed["split"]>;

/** See the file's comment. */
export function advance(record: RolloutRecord, seen: Observed): Advanced {
  if (record.phase.kind === "done") return { record, effects: endOfCopies(record, seen.split) };
  const clocked = byClock(record, seen.nowMs);
  if (clocked !== record) return only(clocked);
  const owned = ownedSplit(record, seen, beginRollback);
  if (owned.kind === "not-now") return only(owned.record);
  const moved = move(record, seen, owned.split);
  return { ...moved, effects: [...moved.effects, ...endOfCopies(moved.record, seen.split)] };
}

function move(record: RolloutRecord, seen: Observed, split: Split): Advanced {
  const { phase } = record;
  switch (phase.kind) {
    case "preflight":
      return only(preflight(record, phase, seen, beginStep));
    case "converging":
      return converge(record, phase, { seen, split });
    case "settling":
      if (seen.nowMs < phase.sinceMs + record.plan.fleet.settleMs) return still(record);
      return only(resetMeasuring(record, seen));
    case "measuring":
      return only(judged(record, seen));
    case "awaiting-approval":
      return only(guarded(record, seen));
    case "paused":
      return only(phase.by === "person" ? watched(record, seen) : guarded(record, seen));
    case "calling-webhook":
      return callWebhook(record, phase, seen);
    case "promoting":
      return promote(record, phase, { seen, split });
    case "rolling-back":
      return rollBack(record, phase, { seen, split });
    case "done":
      return still(record);
    default:
      return unreachable(phase);
  }
}

/** The next step of the plan, or the promotion after the last. */
export function beginStep(record: RolloutRecord, seen: Observed): RolloutRecord {
  const { nowMs } = seen;
  const { stepIndex: index, plan } = record;
  const step = plan.steps[index];
  const share = shareNow(record);
  const begin = { startedAtMs: nowMs, index };
  if (step === undefined && plan.promote === false) {
    const sentence = `All steps are passed, and ${plan.canary} stays at ${percentText(share)}.`;
    return ended(record, { kind: "promoted", sentence, atMs: nowMs });
  }
  const paused = pausedAtLimit(record, step, seen);
  if (paused !== undefined) return paused;
  if (step === undefined) {
    const promoted = withStep(record, { kind: "promotion", share: WHOLE_SHARE, startedAtMs: nowMs });
    return inPhase(withNodes(promoted, seen), {
      kind: "promoting",
      sinceMs: nowMs,
      waitsFor: "the weights to be written",
    });
  }
  const converging = (begun: RolloutRecord, waitsFor: string): RolloutRecord =>
    inPhase(withNodes(begun, seen), { kind: "converging", sinceMs: nowMs, waitsFor });
  switch (step.kind) {
    case "weight":
      return converging(withStep(record, { ...begin, kind: "weight", share: step.share }), "the weights to be written");
    case "pinned":
      return converging(withStep(record, { ...begin, kind: "pinned", share }), "Envoys");
    case "mirror": {
      const { mirrorShare } = step;
      return converging(withStep(record, { ...begin, kind: "mirror", share, mirrorShare }), "copies to be asked for");
    }
    case "approval":
      return inPhase(withStep(record, { ...begin, kind: "approval", share }), {
        kind: "awaiting-approval",
        sinceMs: nowMs,
      });
    case "webhook":
      return inPhase(withStep(record, { ...begin, kind: "webhook", share }), {
        kind: "calling-webhook",
        sinceMs: nowMs,
        url: step.url,
      });
    default:
      return unreachable(step);
  }
}

const WHOLE_SHARE = 10_000;

/** The canary's share in the step that is on, or was last. */
function shareNow({ steps, sharesBefore, plan }: RolloutRecord): number {
  return steps.at(-1)?.share ?? sharesBefore[plan.canary] ?? 0;
}

/** Its step is over and was good, or somebody says so. */
export function passStep(
  record: RolloutRecord,
  seen: Observed,
  how: { readonly result: "passed" | "skipped"; readonly sentence: string },
): RolloutRecord {
  const over = endStep(record, { atMs: seen.nowMs, ...how });
  return beginStep({ ...over, stepIndex: record.stepIndex + 1 }, seen);
}

interface Looked {
  readonly seen: Observed;
  readonly split: Split;
}

function converge(
  record: RolloutRecord,
  phase: RolloutRecord["phase"] & { readonly kind: "converging" },
  { seen, split }: Looked,
): Advanced {
  const { nowMs } = seen;
  const crashed = crashedNode(record, seen);
  if (crashed !== undefined) return only(failed(record, seen, crash(crashed, nowMs)));
  const followed = followWeights(record, wantedNow(record), split, seen);
  switch (followed.kind) {
    case "unwritten":
      return { record, effects: [followed.effect] };
    case "rejected":
      return only(
        failed(changeStep(record, { laggards: followed.laggards }), seen, rejection(record, followed.why, nowMs)),
      );
    case "converged": {
      const acknowledged = withAcknowledged(record, followed, nowMs);
      return only(inPhase(acknowledged, { kind: "settling", sinceMs: nowMs }));
    }
    case "missing":
      return only(waiting(record, phase, followed.waitsFor));
    case "alone":
    case "waits": {
      const { waitsFor, laggards } = followed;
      if (nowMs < phase.sinceMs + record.plan.fleet.ackTimeoutMs) return only(waiting(record, phase, waitsFor));
      const sentence = `The weights of step ${record.stepIndex + 1} did not reach every Envoy: it waits for ${waitsFor}.`;
      const late = changeStep(record, { laggards });
      const verdict: JudgedAt = { kind: "fail", reason: "not-converged", sentence, metrics: [], atMs: nowMs };
      return only(
        record.plan.fleet.onLaggard === "pause" ? pausedBy(late, seen, verdict) : failed(late, seen, verdict),
      );
    }
    default:
      return unreachable(followed);
  }
}

function waiting<Kind extends "converging" | "promoting" | "rolling-back">(
  record: RolloutRecord,
  phase: RolloutRecord["phase"] & { readonly kind: Kind },
  waitsFor: string,
): RolloutRecord {
  return "waitsFor" in phase && phase.waitsFor === waitsFor ? record : inPhase(record, { ...phase, waitsFor });
}

function rejection(record: RolloutRecord, why: string, atMs: number): JudgedAt {
  const sentence = `Envoys refused the configuration of ${record.plan.canary}: ${why}`;
  return { kind: "fail", reason: "rejected", sentence, metrics: [], atMs };
}

function crash(node: string, atMs: number): JudgedAt {
  const sentence = `${node} started anew with an empty configuration soon after it was given the weights of this step: it has crashed.`;
  return { kind: "fail", reason: "crashed", sentence, metrics: [], atMs };
}

/** Measures, and goes on, back or nowhere. */
function judged(record: RolloutRecord, seen: Observed): RolloutRecord {
  const crashed = crashedNode(record, seen);
  if (crashed !== undefined) return failed(record, seen, crash(crashed, seen.nowMs));
  if (seen.split?.standing.state === "rejected") {
    const [first] = seen.split.standing.laggards;
    const why = first === undefined ? "no reason is known" : `${first.nodeId} (${first.reason ?? "no reason"})`;
    return failed(record, seen, rejection(record, why, seen.nowMs));
  }
  const step = record.plan.steps[record.stepIndex];
  if (step === undefined || !isMeasured(step)) return record;
  const anew = measuredAnew(record, seen);
  if (anew !== undefined) return anew;
  const measured = measure(record, step, seen);
  if (measured === undefined) return record;
  const { record: next, verdict } = measured;
  if (verdict.kind === "pass") return passStep(next, seen, { result: "passed", sentence: verdict.sentence });
  if (verdict.kind === "fail") return failed(next, seen, verdict);
  if (seen.nowMs < record.phase.sinceMs + step.holdMsMax) return next;
  return record.plan.onInconclusive === "pause" ? pausedBy(next, seen, verdict) : failed(next, seen, verdict);
}

/** While somebody is asked, a canary that turns out bad goes all the same. */
function guarded(record: RolloutRecord, seen: Observed): RolloutRecord {
  const crashed = crashedNode(record, seen);
  if (crashed !== undefined) return failed(record, seen, crash(crashed, seen.nowMs));
  if (record.evidence === undefined) return record;
  const measured = measure(record, undefined, seen);
  if (measured === undefined) return record;
  if (measured.verdict.kind !== "fail") return { ...measured.record, verdict: record.verdict };
  // Who paused because of a failure is not rolled back by it later.
  if (record.phase.kind === "paused" && record.verdict?.kind === "fail") return record;
  return failed(measured.record, seen, measured.verdict);
}

/** Whoever has paused it decides, and is told what the engine would have done. */
function watched(record: RolloutRecord, seen: Observed): RolloutRecord {
  const left = guarded(record, seen);
  if (left.phase === record.phase || left.verdict === undefined) return left;
  if (record.verdict?.kind === "fail") return record;
  const { verdict } = left;
  const why = `${"why" in record.phase ? record.phase.why : ""}. Without the pause it would go back: ${verdict.sentence}`;
  const told = { ...record, verdict, phase: { ...record.phase, why } } as RolloutRecord;
  return noted(told, seen.nowMs, "paused", `stays as a person has paused it: ${verdict.sentence}`);
}

function failed(record: RolloutRecord, seen: Observed, verdict: JudgedAt): RolloutRecord {
  const { nowMs: atMs } = seen;
  const result = verdict.kind === "fail" ? ("failed" as const) : ("inconclusive" as const);
  const over = { ...record, verdict };
  if (verdict.kind === "fail" && record.plan.onFail === "pause") return pausedBy(over, seen, verdict);
  // What decided were copies, so that nobody has had an answer of this canary because of the rollout.
  const isUnseen = verdict.metrics.length > 0 && countsCopies(record);
  const sentence = isUnseen ? `${verdict.sentence} ${UNSEEN}` : verdict.sentence;
  const outcome = { kind: "rolled-back" as const, sentence };
  return beginRollback(endStep(over, { atMs, result, sentence: verdict.sentence }), atMs, outcome);
}

const UNSEEN = "These were copies, and their answers went to nobody.";

function pausedBy(record: RolloutRecord, { nowMs }: Observed, verdict: JudgedAt): RolloutRecord {
  const result = verdict.kind === "fail" ? ("failed" as const) : ("inconclusive" as const);
  const over = changeStep({ ...record, verdict }, { result, sentence: verdict.sentence });
  const paused = inPhase(over, { kind: "paused", sinceMs: nowMs, why: verdict.sentence, by: "engine" });
  return noted(paused, nowMs, "paused", verdict.sentence);
}

/** Back to the weights before, routes first: that is all that a rollback changes. */
export function beginRollback(
  record: RolloutRecord,
  atMs: number,
  outcome: Pick<Outcome, "kind" | "sentence" | "by">,
): RolloutRecord {
  const share = record.sharesBefore[record.plan.canary] ?? 0;
  const begun = withStep(record, { kind: "rollback", share, startedAtMs: atMs });
  const waitsFor = "the weights to be written";
  const text = `back to ${record.plan.canary} ${percentText(share)}: ${outcome.sentence}`;
  return noted(inPhase(begun, { kind: "rolling-back", sinceMs: atMs, waitsFor, outcome }), atMs, "rolling back", text);
}

/** However long it takes: what it waits for is told, and nobody is better off when it gives up. */
function rollBack(
  record: RolloutRecord,
  phase: RolloutRecord["phase"] & { readonly kind: "rolling-back" },
  { seen, split }: Looked,
): Advanced {
  const { nowMs } = seen;
  const followed = followWeights(record, { shares: record.sharesBefore }, split, seen);
  switch (followed.kind) {
    case "unwritten":
      return { record, effects: [followed.effect] };
    case "alone":
    case "converged": {
      // Envoys tell of requests a moment after they have ended.
      const told = countRoutes(record, seen);
      const outcome = confirmed(phase.outcome, { followed, sinceMs: phase.sinceMs, seen });
      return only(ended(endStep(withAcknowledged(told, followed, nowMs), { atMs: nowMs, result: "ended" }), outcome));
    }
    case "rejected":
    case "missing":
    case "waits": {
      const waitsFor = followed.kind !== "rejected" ? followed.waitsFor : `Envoys that refuse it: ${followed.why}`;
      if (followed.kind === "rejected" && nowMs >= phase.sinceMs + record.plan.fleet.ackTimeoutMs) {
        // They refuse something, and it need not be the weights: that they are back cannot be proven before it is mended.
        const unproven = changeStep(record, { laggards: followed.laggards });
        const sentence = `${phase.outcome.sentence} Not confirmed by ${followed.why}.`;
        const step = endStep(unproven, { atMs: nowMs, result: "ended", sentence: waitsFor });
        return only(ended(step, { ...phase.outcome, sentence, atMs: nowMs }));
      }
      if (phase.waitsFor === waitsFor) return still(record);
      return only(waiting(changeStep(record, { laggards: followed.laggards }), phase, waitsFor));
    }
    default:
      return unreachable(followed);
  }
}

function promote(
  record: RolloutRecord,
  phase: RolloutRecord["phase"] & { readonly kind: "promoting" },
  { seen, split }: Looked,
): Advanced {
  const { nowMs } = seen;
  const crashed = crashedNode(record, seen);
  if (crashed !== undefined) return only(failed(record, seen, crash(crashed, nowMs)));
  const followed = followWeights(record, { shares: sharesAt(record, WHOLE_SHARE) }, split, seen);
  switch (followed.kind) {
    case "unwritten":
      return { record, effects: [followed.effect] };
    case "converged": {
      const sentence = `${record.plan.canary} has all requests, and every connected Envoy has acknowledged it.`;
      const outcome = confirmed({ kind: "promoted", sentence }, { followed, sinceMs: phase.sinceMs, seen });
      const over = withAcknowledged(record, followed, nowMs);
      return only(ended(endStep(over, { atMs: nowMs, result: "passed", sentence: outcome.sentence }), outcome));
    }
    case "rejected":
      return only(
        failed(changeStep(record, { laggards: followed.laggards }), seen, rejection(record, followed.why, nowMs)),
      );
    case "alone":
    case "missing":
    case "waits":
      return only(waiting(changeStep(record, { laggards: followed.laggards }), phase, followed.waitsFor));
    default:
      return unreachable(followed);
  }
}

function callWebhook(
  record: RolloutRecord,
  phase: RolloutRecord["phase"] & { readonly kind: "calling-webhook" },
  seen: Observed,
): Advanced {
  const kept = guarded(record, seen);
  if (kept.phase !== record.phase) return only(kept);
  const { stepIndex, plan } = record;
  const step = plan.steps[stepIndex];
  const timeoutMs = step?.kind === "webhook" ? step.timeoutMs : 0;
  if (seen.webhook?.stepIndex !== stepIndex) {
    return { record: kept, effects: [{ kind: "call-webhook", url: phase.url, timeoutMs, stepIndex }] };
  }
  const { kind, text } = seen.webhook;
  const atMs = seen.nowMs;
  if (kind === "agreed") return only(passStep(kept, seen, { result: "passed", sentence: `${phase.url} agreed.` }));
  const sentence = `${phase.url} ${kind === "refused" ? "did not agree" : "gave no answer"}: ${text}`;
  const verdict: JudgedAt = {
    kind: kind === "refused" ? "fail" : "inconclusive",
    reason: "webhook",
    sentence,
    metrics: [],
    atMs,
  };
  return only(kind === "refused" ? failed(kept, seen, verdict) : pausedBy(kept, seen, verdict));
}

function still(record: RolloutRecord): Advanced {
  return { record, effects: [] };
}

function only(record: RolloutRecord): Advanced {
  return { record, effects: [] };
}
