/**
 * What a report says first: what became of a rollout and why, and what to do about it.
 */
import { unreachable } from "../support/assert.ts";
import { hostOf } from "./report-config.ts";
import type { JudgedAt, Outcome, Phase, RolloutRecord } from "./rollout-record.ts";
import { isUndone } from "./rollout-record.ts";
import { showDuration } from "./show-figures.ts";

export interface Headline {
  readonly state: Outcome["kind"] | "running" | "paused" | "rolling-back";
  /** "reviews: 2.4.0 was rolled back". */
  readonly title: string;
  /** Why, in one sentence. */
  readonly sentence: string;
}

export interface Recommendation {
  readonly kind: "promote" | "hold" | "rollback";
  readonly sentence: string;
}

const words: Readonly<Record<Headline["state"], string>> = {
  promoted: "is promoted",
  "rolled-back": "was rolled back",
  aborted: "was aborted",
  superseded: "was superseded",
  running: "is running",
  paused: "is paused",
  "rolling-back": "is being rolled back",
};

export function headlineOf(record: RolloutRecord): Headline {
  const { outcome, phase, plan, target } = record;
  const state = outcome?.kind ?? stateOf(phase);
  return {
    state,
    title: `${plan.split}: ${target} ${isUndone(record) ? "was promoted, and undone" : words[state]}`,
    sentence: outcome?.sentence ?? phaseSentence(phase, record),
  };
}

/** It says of the version what follows from what is recorded; a rollout acts by itself on most of it. */
export function recommendationOf(record: RolloutRecord, nowMs: number): Recommendation {
  const { outcome, phase, verdict, plan } = record;
  const { canary } = plan;
  if (outcome !== undefined) return afterwards(outcome, record);
  if (phase.kind === "rolling-back") return { kind: "rollback", sentence: phase.outcome.sentence };
  if (phase.kind === "promoting") return { kind: "promote", sentence: `${canary} has passed all steps.` };
  if (verdict === undefined) return { kind: "hold", sentence: `Nothing is known of ${canary} yet.` };
  if (verdict.kind === "fail") return { kind: "rollback", sentence: verdict.sentence };
  if (verdict.kind === "inconclusive") return { kind: "hold", sentence: verdict.sentence };
  const agoMs = nowMs - verdict.atMs;
  if (phase.kind === "measuring" && agoMs > plan.gates.staleAfterMs) {
    return { kind: "hold", sentence: `${canary} passed ${showDuration(agoMs)} ago, and nothing is known since.` };
  }
  return { kind: "promote", sentence: verdict.sentence };
}

function afterwards({ kind, sentence }: Outcome, record: RolloutRecord): Recommendation {
  const { verdict, plan } = record;
  switch (kind) {
    case "promoted":
      return { kind: "promote", sentence: `Nothing is left to do: ${plan.canary} has the requests.` };
    case "rolled-back":
      return isUndone(record)
        ? { kind: "hold", sentence: "Ask why it was undone before it is tried again: no gate had failed." }
        : { kind: "rollback", sentence };
    case "aborted":
    case "superseded":
      return verdict?.kind === "fail"
        ? { kind: "rollback", sentence: verdict.sentence }
        : { kind: "hold", sentence: `It ended before ${plan.canary} was judged at every step.` };
    default:
      return unreachable(kind);
  }
}

function stateOf(phase: Phase): Headline["state"] {
  return phase.kind === "paused" || phase.kind === "rolling-back" ? phase.kind : "running";
}

function phaseSentence(phase: Phase, { verdict, steps, plan }: RolloutRecord): string {
  switch (phase.kind) {
    case "preflight":
    case "converging":
    case "promoting":
      return waits(phase.waitsFor);
    case "settling":
      return steps.at(-1)?.kind === "mirror"
        ? `All Envoys mirror requests to ${plan.canary}.`
        : "All Envoys have the weights, and requests that were under way end.";
    case "measuring":
      return (
        lastVerdict(verdict, steps.at(-1)?.startedAtMs ?? 0) ?? `${plan.canary} is measured; there is no verdict yet.`
      );
    case "awaiting-approval":
      return "Somebody has to approve it.";
    case "calling-webhook":
      return `It waits for the answer of ${hostOf(phase.url)}.`;
    case "paused":
      return phase.why;
    case "rolling-back":
      return phase.outcome.sentence;
    case "done":
      return "It is over.";
    default:
      return unreachable(phase);
  }
}

function lastVerdict(verdict: JudgedAt | undefined, sinceMs: number): string | undefined {
  return verdict !== undefined && verdict.atMs >= sinceMs ? verdict.sentence : undefined;
}

function waits(what: string): string {
  return what === "" ? "It waits for Envoys." : `It waits for ${what.replace(/\.$/, "")}.`;
}
