/**
 * A rollout after a clock was set: all its times moved by as much, so that what took ten seconds took ten seconds still.
 *
 * Times of a record are compared with the clock of whichever replica acts. Were it behind them, no look would ever be due,
 * and a canary that fails would go on unseen until that clock has come up.
 */
import type { CanaryEvidence, MetricEvidence } from "./canary-evidence.ts";
import { noted } from "./change-record.ts";
import { showDuration } from "./show-figures.ts";
import type { Mark, RolloutRecord, StepRecord } from "./rollout-record.ts";

/** Clocks of replicas differ by so much without harm: a look that is due comes so much later. */
export const CLOCKS_DIFFER_MS = 2_000;

/** The record by the clock that says `nowMs`; the same object unless something in it is later than that. */
export function byClock(record: RolloutRecord, nowMs: number): RolloutRecord {
  const { phase, lookedAtMs = 0, audit } = record;
  const newestMs = Math.max(phase.sinceMs, lookedAtMs, audit.at(-1)?.atMs ?? 0);
  return newestMs <= nowMs + CLOCKS_DIFFER_MS ? record : movedBy(record, nowMs - newestMs, nowMs);
}

/** With all its times moved; `nowMs` is by the clock as it is now. */
export function movedBy(record: RolloutRecord, byMs: number, nowMs: number): RolloutRecord {
  const { lookedAtMs, evidence, verdict, outcome } = record;
  const moved: RolloutRecord = {
    ...record,
    startedAtMs: record.startedAtMs + byMs,
    phase: { ...record.phase, sinceMs: record.phase.sinceMs + byMs },
    steps: record.steps.map((step) => movedStep(step, byMs)),
    marks: Object.fromEntries(Object.entries(record.marks).map(([node, mark]) => [node, movedMark(mark, byMs)])),
    evidence: evidence === undefined ? undefined : movedEvidence(evidence, byMs),
    ...(lookedAtMs === undefined ? {} : { lookedAtMs: lookedAtMs + byMs }),
    verdict: verdict === undefined ? undefined : { ...verdict, atMs: verdict.atMs + byMs },
    audit: record.audit.map((entry) => ({ ...entry, atMs: entry.atMs + byMs })),
    outcome: outcome === undefined ? undefined : { ...outcome, atMs: outcome.atMs + byMs },
  };
  const how = `a clock was set ${byMs < 0 ? "back" : "forward"} by ${showDuration(Math.abs(byMs))}`;
  return noted(moved, nowMs, "clock set", `${how}: times of this rollout before now are moved by as much`);
}

function movedStep(step: StepRecord, byMs: number): StepRecord {
  const { convergedAtMs, measuredFromMs, endedAtMs } = step;
  return {
    ...step,
    startedAtMs: step.startedAtMs + byMs,
    ...(convergedAtMs === undefined ? {} : { convergedAtMs: convergedAtMs + byMs }),
    ...(measuredFromMs === undefined ? {} : { measuredFromMs: measuredFromMs + byMs }),
    ...(endedAtMs === undefined ? {} : { endedAtMs: endedAtMs + byMs }),
  };
}

/** The Envoy's own times are by another clock. */
function movedMark(mark: Mark, byMs: number): Mark {
  return { ...mark, reportedAtMs: mark.reportedAtMs + byMs };
}

function movedEvidence({ errors, slow }: CanaryEvidence, byMs: number): CanaryEvidence {
  const moved = (metric: MetricEvidence): MetricEvidence => ({
    ...metric,
    lastAtMs: metric.lastAtMs + byMs,
    badLookAtMs: metric.badLookAtMs + byMs,
    samples: metric.samples.map((sample) => ({ ...sample, atMs: sample.atMs + byMs })),
  });
  return { ...(errors && { errors: moved(errors) }), ...(slow && { slow: moved(slow) }) };
}
