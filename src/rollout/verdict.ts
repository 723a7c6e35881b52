/**
 * The verdict on a canary: it may go on, it must go, or it is too early to tell.
 *
 * It fails when the data are a hundred times (for each metric that is asked about) more likely if it is worse than if it
 * is as bad as tolerated, when it alone spends the error budget much too fast, when it fails plainly, or when Envoys
 * refused its configuration. It passes when the time of the step is over, there were enough requests, nothing speaks
 * against it, and it is shown to be good: compared with the baseline, or by its objective. All else is inconclusive,
 * and so is everything about which nothing was reported: missing data holds a canary, and never promotes it.
 *
 * Judge as often as there is news. Why this may be done, and how often it errs: `sequential-test.ts`, docs/verdict.md.
 */
import { burnsFast, failsPlainly } from "./burn-rate.ts";
import type { CanaryEvidence, MetricEvidence, MetricName } from "./canary-evidence.ts";
import type { Gates } from "./gates.ts";
import { budgetOf } from "./gates.ts";
import type { MetricFigures } from "./metric-figures.ts";
import { figuresOf } from "./metric-figures.ts";
import type { Ground, Moment } from "./verdict-sentence.ts";
import { sentenceFor } from "./verdict-sentence.ts";

/** What to do with the canary. */
export interface Verdict {
  readonly kind: "pass" | "fail" | "inconclusive";
  /** What decided, for programs. */
  readonly reason: Ground["reason"];
  /** The same for people, in one sentence. */
  readonly sentence: string;
  readonly metrics: readonly MetricFigures[];
}

/** False rollbacks: at most one in a hundred rollouts, shared by the metrics. */
export const WORSE_MIN = 100;
/** Below this nothing speaks against the canary. */
const DOUBT_MIN = 10;
/** One cause can make many bad requests at once; that the canary has them again and again is what tells. */
const LOOKS_MIN = 3;

/** See the file's comment. */
export function judge(evidence: CanaryEvidence, gates: Gates, moment: Moment): Verdict {
  const metrics = metricsOf(evidence, gates);
  const ground = failure(metrics, moment) ?? hold(metrics, gates, moment) ?? success(metrics);
  const figures = metrics.flatMap((metric) => (metric.figures === undefined ? [] : [metric.figures]));
  const sentence = sentenceFor(ground, { metrics: figures, gates, moment });
  return { kind: ground.kind, reason: ground.reason, sentence, metrics: figures };
}

/** A metric that is asked about; without evidence there are no figures. */
interface Judged {
  readonly name: MetricName;
  readonly evidence: MetricEvidence | undefined;
  readonly figures: MetricFigures | undefined;
  readonly spends: "canary" | "both" | undefined;
  readonly worseMin: number;
}

function metricsOf(evidence: CanaryEvidence, gates: Gates): readonly Judged[] {
  const asked = [
    { name: "errors" as const, gate: gates.errors },
    ...(gates.slow === undefined ? [] : [{ name: "slow" as const, gate: gates.slow }]),
  ];
  return asked.map(({ name, gate }) => {
    const known = evidence[name];
    const worseMin = WORSE_MIN * asked.length;
    if (known === undefined) return { name, evidence: known, figures: undefined, spends: undefined, worseMin };
    const budget = budgetOf(gate);
    const spends =
      budget === undefined
        ? undefined
        : burnsFast(known.samples, { ...gate, budget, overdispersion: known.overdispersion });
    return { name, evidence: known, figures: figuresOf(name, known, gate), spends, worseMin };
  });
}

function failure(metrics: readonly Judged[], { rejection }: Moment): Ground | undefined {
  if (rejection !== undefined) return { kind: "fail", reason: "rejected", rejection };
  for (const { name, evidence, figures, spends, worseMin } of metrics) {
    if (evidence === undefined || figures === undefined) continue;
    // How many requests are slow is a matter of the threshold, which may well be the median.
    const looks = name === "errors" ? failsPlainly(evidence.samples, evidence.overdispersion) : undefined;
    if (looks !== undefined) return { kind: "fail", reason: "fails-plainly", figures, looks };
    if (figures.worse >= worseMin && evidence.badLooks >= LOOKS_MIN) return { kind: "fail", reason: "worse", figures };
    if (spends === "canary") return { kind: "fail", reason: "burns-budget", figures };
  }
  return undefined;
}

function hold(metrics: readonly Judged[], gates: Gates, moment: Moment): Ground | undefined {
  const { measuredFromMs = -Infinity } = moment;
  for (const { name, evidence } of metrics) {
    const silentMs = evidence === undefined ? undefined : moment.nowMs - Math.max(evidence.lastAtMs, measuredFromMs);
    if (silentMs !== undefined && silentMs <= gates.staleAfterMs) continue;
    return { kind: "inconclusive", reason: "no-data", metric: name, silentMs };
  }
  for (const { figures, spends, evidence, worseMin } of metrics) {
    if (figures === undefined) continue;
    if (spends === "both") return { kind: "inconclusive", reason: "both-burn", figures };
    if (figures.worse < DOUBT_MIN) continue;
    const looks = figures.worse < worseMin ? undefined : { seen: evidence?.badLooks ?? 0, asked: LOOKS_MIN };
    return { kind: "inconclusive", reason: "doubtful", figures, looks };
  }
  // What earlier steps have shown is no news of this one.
  const unheard = metrics.find(({ evidence }) => (evidence?.lastAtMs ?? Infinity) <= measuredFromMs);
  if (unheard !== undefined) return { kind: "inconclusive", reason: "no-report-yet", metric: unheard.name };
  const leftMs = moment.stepEndsAtMs - moment.nowMs;
  if (leftMs > 0) return { kind: "inconclusive", reason: "step-not-over", leftMs };
  const counted = metrics.map(({ evidence }) => (evidence?.canary.completed ?? 0) - (evidence?.stepFrom ?? 0));
  const requests = Math.min(...counted);
  if (requests < gates.requestsMin) return { kind: "inconclusive", reason: "too-few-requests", requests };
  for (const { figures, evidence } of metrics) {
    if (figures === undefined || figures.proof !== undefined || !gates.requireProof) continue;
    return { kind: "inconclusive", reason: "not-proved", figures, burst: evidence?.overdispersion ?? 1 };
  }
  return undefined;
}

function success(metrics: readonly Judged[]): Ground {
  const isProved = metrics.every(({ figures }) => figures?.proof !== undefined);
  return { kind: "pass", reason: isProved ? "proved" : "nothing-against" };
}
