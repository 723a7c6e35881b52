/**
 * The facts of a rollout for whoever decides about it or looks back at it: what became of it and why, what both versions
 * did, how each step went, and what is known.
 *
 * Only what was recorded is in it, and nothing is judged again: every sentence about the canary is the verdict's. It is
 * plain JSON, which is one of the forms of the report; the others are drawn from it. Shares are from 0 to 1, weights in
 * percent, and moments ISO 8601. All text is as others wrote it, so whoever draws it escapes it.
 */
import type { LatencyHistogram } from "../evidence/latency-histogram.ts";
import type { Burn } from "./burn-rate.ts";
import type { CanaryEvidence, MetricName } from "./canary-evidence.ts";
import type { Share, VersionReport, VersionTotals } from "./compare-versions.ts";
import { compareVersions } from "./compare-versions.ts";
import type { Counts } from "./counts.ts";
import { shareOf } from "./counts.ts";
import type { RoutesReport } from "./degraded-routes.ts";
import { routesOf } from "./degraded-routes.ts";
import type { MetricGate } from "./gates.ts";
import type { MetricFigures } from "./metric-figures.ts";
import { countsCopies } from "./mirroring.ts";
import { SAFE_MIN } from "./metric-figures.ts";
import { changesCaution } from "./report-change-words.ts";
import type { ReportChanges } from "./report-changes.ts";
import type { ReportConfig } from "./report-config.ts";
import { configOf } from "./report-config.ts";
import type { Headline, Recommendation } from "./report-headline.ts";
import { headlineOf, recommendationOf } from "./report-headline.ts";
import type { ReportStep } from "./report-steps.ts";
import { stepsOf } from "./report-steps.ts";
import type { AuditEntry, JudgedAt, RolloutRecord } from "./rollout-record.ts";
import { showPercent } from "./show-figures.ts";
import { WORSE_MIN } from "./verdict.ts";
import { wilsonInterval } from "./wilson.ts";

/** See the file's comment. */
export interface RolloutReport {
  readonly id: string;
  readonly number: number;
  readonly split: string;
  readonly target: string;
  /** The names of the backends that are compared. */
  readonly canary: string;
  readonly baseline: string;
  readonly startedBy: string;
  readonly reason?: string | undefined;
  readonly startedAt: string;
  readonly endedAt?: string | undefined;
  /** When the report was made. */
  readonly madeAt: string;
  /** Until it ended, or until the report. */
  readonly tookMs: number;
  readonly headline: Headline;
  readonly recommendation: Recommendation;
  /** What somebody should know who takes the figures at their word. */
  readonly cautions: readonly string[];
  /** Absent before the first request. */
  readonly versions?: Versions | undefined;
  /** Which routes got worse; absent before anything was measured. */
  readonly routes?: RoutesReport | undefined;
  readonly steps: readonly ReportStep[];
  /** Absent before the first verdict. */
  readonly evidence?: ReportEvidence | undefined;
  readonly config: ReportConfig;
  /** Of what was served; absent when it is not known which versions there were. */
  readonly changes?: ReportChanges | undefined;
  readonly audit: readonly (Omit<AuditEntry, "atMs"> & { readonly at: string })[];
  /** Present when it went back; from the decision to the last Envoy's acknowledgement, where that is known. */
  readonly rollback?: { readonly timeToSafeMs?: number | undefined } | undefined;
}

/** Both over all steps. */
export interface Versions {
  readonly canary: VersionReported;
  readonly baseline: VersionReported;
  /**
   * What the baseline's bad shares were at the times of the canary's requests. Its plain share is of other times,
   * because it had most of its requests while the canary had few.
   */
  readonly baselineAlike: Readonly<Partial<Record<MetricName, number>>>;
  /** Nothing but copies of requests was measured since: what the canary had are those, and nobody got its answers. */
  readonly areCopies: boolean;
}

export interface VersionReported extends VersionReport {
  readonly histogram?: LatencyHistogram | undefined;
}

/** The last verdict and what it rests on. */
export interface ReportEvidence extends Omit<JudgedAt, "atMs" | "metrics"> {
  readonly judgedAt: string;
  readonly metrics: readonly ReportMetric[];
}

export interface ReportMetric {
  readonly name: MetricName;
  readonly gate: MetricGate;
  readonly canary: Share;
  /** At the times of the canary's requests; absent when it had none then. */
  readonly baselineShare?: number | undefined;
  readonly canaryAtMost: number;
  /** How many times more likely the data are if the canary is worse than tolerated; it fails at `worseLimit`. */
  readonly worse: number;
  readonly worseLimit: number;
  /** The same for a canary that is safe; it is proved at `safeLimit`. */
  readonly safe: number;
  readonly safeLimit: number;
  readonly proof?: MetricFigures["proof"];
  readonly burn?: Burn | undefined;
}

/** The report at a moment, which may be while it still runs. */
export function reportOf(record: RolloutRecord, nowMs: number, changes?: ReportChanges): RolloutReport {
  const { id, number, target, plan, startedBy, reason, startedAtMs, outcome, verdict } = record;
  const steps = stepsOf(record, nowMs);
  const endedAtMs = outcome?.atMs;
  return {
    id,
    number,
    split: plan.split,
    target,
    canary: plan.canary,
    baseline: plan.baseline,
    startedBy,
    reason,
    startedAt: isoTime(startedAtMs),
    endedAt: endedAtMs === undefined ? undefined : isoTime(endedAtMs),
    madeAt: isoTime(nowMs),
    tookMs: Math.max((endedAtMs ?? nowMs) - startedAtMs, 0),
    headline: headlineOf(record),
    recommendation: recommendationOf(record, nowMs),
    cautions: [...cautionsOf(steps, plan.canary), ...changesCaution(changes)],
    versions: versionsOf(record),
    routes: routesOf(record),
    steps,
    evidence: verdict === undefined ? undefined : evidenceOf(verdict),
    config: configOf(record),
    changes,
    audit: record.audit.map(({ atMs, ...entry }) => ({ at: isoTime(atMs), ...entry })),
    rollback: hasGoneBack(record) ? { timeToSafeMs: outcome?.tookMs } : undefined,
  };
}

function hasGoneBack({ outcome, steps }: RolloutRecord): boolean {
  return outcome?.kind === "rolled-back" || steps.some(({ kind }) => kind === "rollback");
}

function cautionsOf(steps: readonly ReportStep[], canary: string): readonly string[] {
  return steps.flatMap(({ name, traffic }) => {
    const split = traffic?.split;
    if (split === undefined || split.isAsConfigured) return [];
    return [
      `In step ${name}, ${canary} had ${showPercent(split.observed.share)} of the requests, and should have had ${showPercent(split.configured)} by the weights.`,
    ];
  });
}

function versionsOf({ totals, evidence, steps }: RolloutRecord): Versions | undefined {
  const { canary, baseline } = totals;
  if (canary.completed + baseline.completed === 0) return undefined;
  // The share of the whole time means nothing, because the weights changed in it; that of each step is with the step.
  const both = compareVersions(canary, baseline, 0);
  const alike = (name: MetricName) => {
    const expected = evidence?.[name]?.expected;
    return expected === undefined || expected.completed === 0 ? undefined : shareOf(expected);
  };
  const [errors, slow] = [alike("errors"), alike("slow")];
  return {
    canary: { ...both.canary, slow: slowOf(evidence, "canary"), histogram: histogramOf(canary) },
    baseline: { ...both.baseline, slow: slowOf(evidence, "baseline"), histogram: histogramOf(baseline) },
    areCopies: countsCopies({ steps }),
    baselineAlike: { ...(errors !== undefined && { errors }), ...(slow !== undefined && { slow }) },
  };
}

/** As the verdict counts it: of the looks that had times. */
function slowOf(evidence: CanaryEvidence | undefined, version: "canary" | "baseline"): Share | undefined {
  const counts = evidence?.slow?.[version];
  return counts === undefined || counts.completed === 0 ? undefined : asShare(counts);
}

function histogramOf({ latency }: VersionTotals): LatencyHistogram | undefined {
  return latency?.counts.some((count) => count > 0) === true ? latency : undefined;
}

function evidenceOf({ atMs, metrics, ...verdict }: JudgedAt): ReportEvidence {
  return {
    ...verdict,
    judgedAt: isoTime(atMs),
    metrics: metrics.map(({ name, gate, canary, expected, canaryShare, canaryAtMost, worse, safe, proof, burn }) => ({
      name,
      gate,
      canary: { share: shareOf(canary), ...canaryShare },
      baselineShare: expected.completed > 0 ? shareOf(expected) : undefined,
      canaryAtMost,
      worse,
      worseLimit: WORSE_MIN * metrics.length,
      safe,
      safeLimit: SAFE_MIN,
      proof,
      burn,
    })),
  };
}

function asShare(counts: Counts): Share {
  return { share: shareOf(counts), ...wilsonInterval(counts) };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
