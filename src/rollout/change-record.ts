/**
 * Small changes of a rollout's record that several moves are made of.
 */
import { nothingCounted } from "./count-traffic.ts";
import type { AuditEntry, Outcome, Phase, RolloutRecord, StepRecord, StepResult } from "./rollout-record.ts";

/** Beyond that the oldest go; the first, which says who has started it, stays. */
const AUDIT_MAX = 200;
const STEPS_MAX = 200;

export function withAudit(record: RolloutRecord, entry: AuditEntry): RolloutRecord {
  const [first, ...rest] = [...record.audit, entry];
  return { ...record, audit: first === undefined ? [] : [first, ...rest.slice(1 - AUDIT_MAX)] };
}

/** What the engine did. */
export function noted(record: RolloutRecord, atMs: number, action: string, text: string): RolloutRecord {
  return withAudit(record, { atMs, actor: "fairway", action, text });
}

export function inPhase(record: RolloutRecord, phase: Phase): RolloutRecord {
  return { ...record, phase };
}

/** With a step that begins now. */
export function withStep(
  record: RolloutRecord,
  step: Pick<StepRecord, "kind" | "share" | "mirrorShare" | "startedAtMs"> & { readonly index?: number },
): RolloutRecord {
  const begun: StepRecord = {
    ...step,
    nodesCount: 0,
    laggards: [],
    canary: nothingCounted,
    baseline: nothingCounted,
  };
  return { ...record, steps: [...record.steps, begun].slice(-STEPS_MAX) };
}

/** The last step, changed. */
export function changeStep(record: RolloutRecord, change: Partial<StepRecord>): RolloutRecord {
  const last = record.steps.at(-1);
  return last === undefined ? record : { ...record, steps: [...record.steps.slice(0, -1), { ...last, ...change }] };
}

/** The last step is over, unless it was already. */
export function endStep(
  record: RolloutRecord,
  { atMs, result, sentence }: { readonly atMs: number; readonly result: StepResult; readonly sentence?: string },
): RolloutRecord {
  if (record.steps.at(-1)?.endedAtMs !== undefined) return record;
  return changeStep(record, { endedAtMs: atMs, result, ...(sentence === undefined ? {} : { sentence }) });
}

/** It is over. Where counters stood is of no use any more. */
export function ended(record: RolloutRecord, outcome: Outcome): RolloutRecord {
  const { atMs, kind, sentence } = outcome;
  const nothing = { marks: {}, routeMarks: {}, sources: undefined };
  const done = { ...record, phase: { kind: "done" as const, sinceMs: atMs }, ...nothing, outcome };
  return noted(done, atMs, kind, sentence);
}

/** From the start of a step until every connected Envoy had its weights, without pauses; undefined before that. */
export function acknowledgedAfterMs({ startedAtMs, convergedAtMs, heldMs = 0 }: StepRecord): number | undefined {
  return convergedAtMs === undefined ? undefined : convergedAtMs - startedAtMs - heldMs;
}
