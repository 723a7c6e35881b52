/**
 * Figures of a report as people read them, in words that all its forms share.
 */
import type { Quantile } from "../evidence/latency-histogram.ts";
import type { MetricName } from "./canary-evidence.ts";
import type { Share } from "./compare-versions.ts";
import type { MetricGate } from "./gates.ts";
import type { RolloutReport, VersionReported, Versions } from "./report.ts";
import type { ReportPlan } from "./report-config.ts";
import type { ReportStep } from "./report-steps.ts";
import { showCount, showDuration, showPercent, showPromise, showTimes } from "./show-figures.ts";
import type { Shares } from "./split-document.ts";

/** One line of the comparison; empty where nothing is known. */
export interface ComparedRow {
  readonly name: string;
  readonly baseline: string;
  readonly canary: string;
}

/** What both did, line by line; what is known of neither is left out. */
export function comparedRows(
  { canary, baseline, baselineAlike, areCopies }: Versions,
  { config, ...names }: RolloutReport,
): readonly ComparedRow[] {
  const { slow } = config.plan.gates;
  const row = (name: string, show: (version: VersionReported) => string | undefined): ComparedRow => ({
    name,
    baseline: show(baseline) ?? "",
    canary: show(canary) ?? "",
  });
  const alike = (what: string, share: number | undefined): readonly ComparedRow[] =>
    share === undefined
      ? []
      : [{ name: `${what} at times of ${names.canary}`, baseline: showPercent(share), canary: "" }];
  const counted = (version: VersionReported, share: Share | undefined) =>
    version.completed > 0 && share !== undefined ? shareText(share) : undefined;
  const rows = [
    {
      name: "requests",
      baseline: showCount(baseline.completed),
      canary: requestsOfCanary(canary.completed, areCopies),
    },
    row("success", (version) => counted(version, version.success)),
    row("errors", (version) => counted(version, version.errors)),
    ...alike("errors", baselineAlike.errors),
    row(`slower than ${showDuration(slow?.thresholdMs ?? 0)}`, (version) => counted(version, version.slow)),
    ...alike("slow", baselineAlike.slow),
    row("mean", ({ latency }) => (latency === undefined ? undefined : showDuration(latency.meanMs))),
    row("p50", ({ latency }) => quantileText(latency?.p50)),
    row("p95", ({ latency }) => quantileText(latency?.p95)),
    row("p99", ({ latency }) => quantileText(latency?.p99)),
  ];
  return rows.filter((each) => each.baseline !== "" || each.canary !== "");
}

function requestsOfCanary(completed: number, areCopies: boolean): string {
  return `${showCount(completed)}${areCopies ? " mirrored" : ""}`;
}

/** How the figures of `comparedRows` are to be read. */
export function comparisonNote({ canary, versions, steps }: RolloutReport): string {
  const isWeighed = Object.keys(versions?.baselineAlike ?? {}).length > 0;
  const weighed = isWeighed
    ? ` "At times of ${canary}" weighs each moment by the requests that ${canary} had in it.`
    : "";
  const copies =
    versions?.areCopies === true
      ? ` Of ${canary}, copies of requests were counted, whose answers went to nobody.`
      : steps.some(({ kind, startedAt }) => kind === "mirror" && startedAt !== undefined)
        ? " Copies of requests are not in it."
        : "";
  return `All steps together; shares with their 95 % intervals.${weighed}${copies}`;
}

/** "4.9 % (3.8 to 6.3 %)". */
export function shareText({ share, lower, upper }: Share): string {
  return `${showPercent(share)} (${showPercent(lower).replace(" %", "")} to ${showPercent(upper)})`;
}

/** "316 ms", "over 60 s". */
export function quantileText(quantile: Quantile | undefined): string | undefined {
  if (quantile === undefined) return undefined;
  return `${quantile.isAbove ? "over " : ""}${showDuration(quantile.ms)}`;
}

/** What a result is called. */
export const resultWords: Readonly<Record<ReportStep["result"], string>> = {
  passed: "passed",
  failed: "failed",
  inconclusive: "inconclusive",
  skipped: "skipped",
  ended: "ended",
  running: "running",
  "not-reached": "not reached",
};

/** "140 times", "under 0.01 times". */
export function likelierText(times: number): string {
  return times < 0.01 ? "under 0.01 times" : showTimes(times);
}

/** What a metric speaks of. */
export const metricWords: Readonly<Record<MetricName, string>> = { errors: "errors", slow: "slow requests" };

/** "2026-11-29 06:17:58 UTC". */
export function momentText(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}

/** The time of day, with the day where it is another one. */
export function clockText(iso: string, startedAt: string): string {
  return iso.slice(0, 10) === startedAt.slice(0, 10) ? iso.slice(11, 19) : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
}

/** "20 %", and what it should be where it is not. */
export function observedText({ traffic }: ReportStep): string | undefined {
  const split = traffic?.split;
  if (split === undefined) return undefined;
  const observed = showPercent(split.observed.share);
  return split.isAsConfigured ? observed : `${observed} instead of ${showPercent(split.configured)}`;
}

/** "stable 90 %, canary 10 %". */
export function weightsText(weights: Shares): string {
  return Object.entries(weights)
    .map(([name, percent]) => `${name} ${percent} %`)
    .join(", ");
}

/** "envoy-3: pending; envoy-7: rejected, no such cluster". */
export function laggardsText({ laggards }: ReportStep): string {
  return laggards
    .map(({ node, state, reason }) => `${node}: ${state}${reason === undefined ? "" : `, ${reason}`}`)
    .join("; ");
}

/** What the plan asks, one sentence each. */
export function planTexts({ config: { plan }, canary, baseline }: RolloutReport): readonly string[] {
  const steps = plan.steps.map((step) => {
    if (step.kind === "weight") return `${showPromise(step.share)} for ${showDuration(step.holdMs)}`;
    if (step.kind === "mirror") return `${showPromise(step.mirrorShare)} mirrored for ${showDuration(step.holdMs)}`;
    if (step.kind === "pinned") return `pinned requests for ${showDuration(step.holdMs)}`;
    return step.kind === "webhook" ? `the answer of ${step.host}` : "approval";
  });
  return [`Steps: ${[...steps, "all requests"].join(", ")}.`, ...termTexts(plan, { canary, baseline })];
}

/** What it asks beside its steps. */
export function termTexts(
  plan: ReportPlan,
  { canary, baseline }: { readonly canary: string; readonly baseline: string },
): readonly string[] {
  const { gates, fleet } = plan;
  const of = ({ toleratedRatio, safeRatio, objective }: MetricGate, what: string) => {
    const more = toleratedRatio === 1 ? "no more" : `at most ${showPromise(toleratedRatio - 1)} more`;
    const kept = objective === undefined ? "" : `, or when it keeps ${showPromise(objective)}`;
    return `${what}: ${canary} may have ${more} than ${baseline}; it is safe below ${showTimes(safeRatio)} as many${kept}.`;
  };
  return [
    of(gates.errors, "Errors"),
    ...(gates.slow === undefined
      ? []
      : [of(gates.slow, `Requests slower than ${showDuration(gates.slow.thresholdMs)}`)]),
    ...(plan.prometheus === undefined ? [] : [`Counted by Prometheus at ${plan.prometheus}.`]),
    `Each step: ${gates.requireProof ? "proof that it is safe" : "no proof is asked for"}; without news for ${showDuration(gates.staleAfterMs)} nothing is known.`,
    `Envoys: ${showDuration(fleet.ackTimeoutMs)} to acknowledge weights, then ${fleet.onLaggard}; ${showCount(fleet.healthyHostsMin)} healthy ${fleet.healthyHostsMin === 1 ? "host" : "hosts"} of ${canary} at least.`,
    `When it fails: ${plan.onFail}; when it cannot be judged in time: ${plan.onInconclusive}.`,
  ];
}
