/**
 * What people do to a rollout that is there: the record after it, or why it cannot be done now.
 */
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { unreachable } from "../support/assert.ts";
import { beginRollback, beginStep, passStep } from "./advance.ts";
import { endStep, inPhase, withAudit } from "./change-record.ts";
import type { Observed } from "./observed.ts";
import type { Phase, RolloutAction, RolloutRecord, StepRecord } from "./rollout-record.ts";
import { isActive } from "./rollout-record.ts";
import type { ChangedBy } from "./split-document.ts";

/** The error is a sentence. */
export function act(
  record: RolloutRecord,
  action: RolloutAction,
  by: ChangedBy,
  seen: Observed,
): Result<RolloutRecord, string> {
  const acted = decide(record, action, by, seen);
  if (!acted.ok) return acted;
  const text = by.reason ?? "";
  return ok(withAudit(acted.value, { atMs: seen.nowMs, actor: by.actor, action: action.kind, text }));
}

function decide(
  record: RolloutRecord,
  action: RolloutAction,
  by: ChangedBy,
  seen: Observed,
): Result<RolloutRecord, string> {
  const { phase } = record;
  if (isOn(action) && isActive(record) && seen.split === undefined && seen.isConfigInForce === false) {
    return err("the config is not in force (see fairway check), and nothing is known of its split; it can be aborted");
  }
  const reason = by.reason === undefined ? "" : `: ${by.reason}`;
  switch (action.kind) {
    case "pause":
      if (!canPause(phase)) return err(`it is ${phase.kind}, and cannot be paused now`);
      return ok(
        inPhase(record, {
          kind: "paused",
          sinceMs: seen.nowMs,
          why: `${by.actor} has paused it${reason}`,
          by: "person",
        }),
      );
    case "resume":
      if (phase.kind !== "paused") return err(`it is ${phase.kind}, not paused`);
      return ok(resumed(record, seen));
    case "approve":
      if (phase.kind !== "awaiting-approval") return err(`it is ${phase.kind}, and waits for no approval`);
      return ok(passStep(record, seen, { result: "passed", sentence: `${by.actor} has approved it${reason}.` }));
    case "promote":
      return promote(record, action.isFull, by, seen);
    case "abort":
      if (!isActive(record)) return err(`it is over: ${record.outcome?.sentence ?? ""}`);
      if (phase.kind === "rolling-back") return err("it is rolled back already");
      return ok(
        beginRollback(endStep(record, { atMs: seen.nowMs, result: "ended" }), seen.nowMs, {
          kind: "aborted",
          sentence: `${by.actor} has aborted it${reason}`,
          by: by.actor,
        }),
      );
    case "undo":
      return undo(record, by, seen);
    case "retry":
      return err("a retry is a rollout of its own");
    default:
      return unreachable(action);
  }
}

/** With these the canary may get more. */
function isOn({ kind }: RolloutAction): boolean {
  return kind === "promote" || kind === "approve" || kind === "resume";
}

function canPause(phase: Phase): boolean {
  return !["paused", "rolling-back", "promoting", "done"].includes(phase.kind);
}

/**
 * To where its step can begin to be measured anew: what was counted before stays in the evidence. After a failure the step
 * is tried anew instead, and what failed it counts no more: whoever goes on has seen it.
 */
function resumed(record: RolloutRecord, seen: Observed): RolloutRecord {
  const { nowMs: sinceMs } = seen;
  const { verdict } = record;
  const last = record.steps.at(-1);
  if (last === undefined) return inPhase(record, { kind: "preflight", sinceMs, waitsFor: "Envoys" });
  if (verdict?.kind === "fail") {
    const over = endStep(record, { atMs: sinceMs, result: "failed" });
    const evidence = verdict.metrics.length > 0 ? undefined : record.evidence;
    return beginStep({ ...over, evidence, verdict: undefined }, seen);
  }
  if (!hasBegun(record)) return beginStep(record, seen);
  // The verdict of a step that goes on is open again.
  const { result: _result, endedAtMs: _endedAtMs, ...open } = last;
  const again = { ...record, steps: [...record.steps.slice(0, -1), withPause(open, record.phase, sinceMs)] };
  const step = record.plan.steps[record.stepIndex];
  switch (step?.kind) {
    case undefined:
      return inPhase(again, { kind: "promoting", sinceMs, waitsFor: "Envoys" });
    case "approval":
      return inPhase(again, { kind: "awaiting-approval", sinceMs });
    case "webhook":
      return inPhase(again, { kind: "calling-webhook", sinceMs, url: step.url });
    case "weight":
    case "pinned":
    case "mirror":
      return inPhase(again, { kind: "converging", sinceMs, waitsFor: "Envoys" });
  }
}

/** A pause before every Envoy had the weights is none of the time that they took. */
function withPause(step: StepRecord, { sinceMs }: Phase, nowMs: number): StepRecord {
  if (step.convergedAtMs !== undefined) return step;
  return { ...step, heldMs: (step.heldMs ?? 0) + nowMs - sinceMs };
}

/** Whether the step that is next was begun: not before the first, nor where the limits did not allow it. */
function hasBegun({ steps, stepIndex, plan }: RolloutRecord): boolean {
  const last = steps.at(-1);
  return last?.index === stepIndex || (last?.kind === "promotion" && stepIndex === plan.steps.length);
}

function promote(record: RolloutRecord, isFull: boolean, by: ChangedBy, seen: Observed): Result<RolloutRecord, string> {
  const { phase } = record;
  if (!isActive(record)) return err(`it is over: ${record.outcome?.sentence ?? ""}`);
  if (phase.kind === "rolling-back") return err("it is rolled back");
  if (phase.kind === "promoting") return err("it is promoted already");
  const sentence = `${by.actor} went on${by.reason === undefined ? "" : `: ${by.reason}`}.`;
  if (isFull && record.plan.promote === false)
    return err("its plan ends before 100 %; set the weights with fairway split set");
  const from = isFull ? { ...record, stepIndex: record.plan.steps.length - 1 } : record;
  // What has not begun is not skipped.
  const before = isFull || hasBegun(record) ? from : { ...record, stepIndex: record.stepIndex - 1 };
  const next = passStep(before, seen, { result: "skipped", sentence });
  return next.phase.kind === "paused" ? err(next.phase.why) : ok(next);
}

/** What was promoted goes back; what is on is aborted. */
function undo(record: RolloutRecord, by: ChangedBy, seen: Observed): Result<RolloutRecord, string> {
  if (isActive(record)) return decide(record, { kind: "abort" }, by, seen);
  if (record.outcome?.kind !== "promoted") return err(`it was not promoted: ${record.outcome?.sentence ?? ""}`);
  if (seen.split === undefined) return err("nothing is known of its split now (see fairway check)");
  if (seen.split.document.number !== record.splitNumber) {
    return err("other weights were set since; see fairway split history");
  }
  const sentence = `It was promoted, and ${by.actor} has undone it${by.reason === undefined ? "" : `: ${by.reason}`}`;
  const { outcome: _outcome, ...open } = record;
  return ok(
    beginRollback({ ...open, outcome: undefined }, seen.nowMs, { kind: "rolled-back", sentence, by: by.actor }),
  );
}
