/**
 * How many requests a canary needs before its objective can be shown to be kept: for the verdict that waits for them, and
 * for a plan, which says so before anybody waits.
 */
import { WHOLE } from "../model/live-weights.ts";
import type { MetricName } from "./canary-evidence.ts";
import type { Counts } from "./counts.ts";
import type { MetricGate } from "./gates.ts";
import type { Observed } from "./observed.ts";
import { OVERDISPERSION_UNKNOWN, overdispersionOf } from "./overdispersion.ts";
import type { MeasuredStep, RolloutPlan } from "./rollout-plan.ts";
import { isMeasured } from "./rollout-plan.ts";
import { showCount, showDuration, showPromise } from "./show-figures.ts";
import type { Shares } from "./split-document.ts";
import { requestsToProve } from "./wilson.ts";

/** How long each interval of `Observed.before` is. */
export const BEFORE_EACH_MS = 5_000;

/** Of half a minute a rate can be told. */
const INTERVALS_MIN = 6;

/** What is known when somebody looks at a plan. */
export interface KnownBefore {
  readonly shares: Shares;
  readonly before: Observed["before"];
}

/**
 * So many requests, none of them bad; undefined without an objective. Bad requests that come in bursts tell less each, so
 * it takes so many times as many.
 */
export function requestsNeeded({ objective }: MetricGate, burst: number): number | undefined {
  return objective === undefined ? undefined : Math.ceil(requestsToProve(1 - objective) * burst);
}

/** Why it takes more of them than the rule of three says, as the end of a sentence; empty when it does not. */
export function burstClause(burst: number, baseline: string): string {
  if (burst === OVERDISPERSION_UNKNOWN) {
    return `, as nobody has watched how bad ones of ${baseline} come, and they are taken to come ${burst} at a time`;
  }
  return burst < 1.5 ? "" : `, as bad ones of ${baseline} came ${Math.round(burst)} at a time in the minutes before`;
}

/** A sentence for each objective that takes more requests than the first step asks for. */
export function describeProof(plan: RolloutPlan, known: KnownBefore): readonly string[] {
  const { gates, steps } = plan;
  if (!gates.requireProof) return [];
  const measured = steps.filter(isMeasured);
  // What is shown in a step counts in those after it, and copies count for copies.
  const first = [measured.find(({ kind }) => kind === "mirror"), measured.find(({ kind }) => kind !== "mirror")].filter(
    (step) => step !== undefined,
  );
  const metrics = [
    { name: "errors" as const, gate: gates.errors },
    ...(gates.slow === undefined ? [] : [{ name: "slow" as const, gate: gates.slow }]),
  ];
  return first.flatMap((step) => metrics.flatMap(({ name, gate }) => proofOf({ step, name, gate }, plan, known)));
}

function proofOf(
  { step, name, gate }: { readonly step: MeasuredStep; readonly name: MetricName; readonly gate: MetricGate },
  { steps, canary, baseline }: RolloutPlan,
  { shares, before }: KnownBefore,
): readonly string[] {
  const burst = overdispersionOf(before[name] ?? []);
  const needed = requestsNeeded(gate, burst);
  if (needed === undefined || needed <= step.requestsMin) return [];
  const kept = `${canary} ${name === "errors" ? "succeeds" : "is in time"} for ${showPromise(gate.objective ?? 1)}`;
  const asked = `step ${steps.indexOf(step) + 1} asks for ${showCount(step.requestsMin)}`;
  const rate = rateOf(step, { requests: requestsPerSecond(before.errors ?? []), baselineShare: shares[baseline] ?? 0 });
  const clause = burstClause(burst, baseline);
  return [
    `To show that ${kept} takes ${showCount(needed)} ${step.kind === "mirror" ? "mirrored requests" : "requests"} at least, and ${asked}${clause}${inTime(step, needed, rate)}.`,
  ];
}

function inTime({ holdMsMax }: MeasuredStep, needed: number, rate: number | undefined): string {
  if (rate === undefined) return "";
  const ms = (needed / rate) * 1_000;
  const late = ms > holdMsMax ? `, longer than the ${showDuration(holdMsMax)} that this step may take` : "";
  return `; at the traffic of now that takes about ${showDuration(ms)}${late}`;
}

/** Of a step, its requests in a second; undefined when that is not known. */
function rateOf(
  step: MeasuredStep,
  { requests, baselineShare }: { readonly requests: number | undefined; readonly baselineShare: number },
): number | undefined {
  if (requests === undefined || requests <= 0 || baselineShare <= 0 || step.kind === "pinned") return undefined;
  const all = (requests * WHOLE) / baselineShare;
  return (all * (step.kind === "mirror" ? step.mirrorShare : step.share)) / WHOLE;
}

function requestsPerSecond(before: readonly Counts[]): number | undefined {
  if (before.length < INTERVALS_MIN) return undefined;
  const sum = before.reduce((all, { completed }) => all + completed, 0);
  return sum / ((before.length * BEFORE_EACH_MS) / 1_000);
}
