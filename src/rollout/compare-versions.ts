/**
 * Two versions side by side, for a report: what their users got, how soon, and whether the traffic was split as wanted.
 *
 * It says nothing of whether a difference means anything; that is the verdict's.
 */
import type { LatencyHistogram, Quantile } from "../evidence/latency-histogram.ts";
import { answeredCount, meanMs, quantile } from "../evidence/latency-histogram.ts";
import { shareOf } from "./counts.ts";
import type { ShareInterval } from "./wilson.ts";
import { wilsonInterval } from "./wilson.ts";

/** What a version did in some time. */
export interface VersionTotals {
  readonly completed: number;
  readonly errors: number;
  readonly slow?: number;
  readonly latency?: LatencyHistogram;
}

/** A share from 0 to 1, and between what it is with 95 % confidence. */
export interface Share extends ShareInterval {
  readonly share: number;
}

/** One version. */
export interface VersionReport {
  readonly completed: number;
  readonly success: Share;
  readonly errors: Share;
  /** Undefined where times are not known. */
  readonly slow: Share | undefined;
  readonly latency: LatencyReport | undefined;
}

/** Of requests that were answered; the others have no time. */
export interface LatencyReport {
  readonly answered: number;
  readonly meanMs: number;
  readonly p50: Quantile;
  readonly p95: Quantile;
  readonly p99: Quantile;
}

/** Both, and how the requests were split. */
export interface Comparison {
  readonly canary: VersionReport;
  readonly baseline: VersionReport;
  /** Of all requests, how many the canary had, and should have had by its weight. */
  readonly split: { readonly observed: Share; readonly configured: number; readonly isAsConfigured: boolean };
}

/** Sticky users and retries move the split a little; beyond a tenth of what was configured something else is at work. */
const SPLIT_TOLERANCE = 0.1;

/** The totals must be of a time in which the weights did not change; `configuredShare` is the canary's, from 0 to 1. */
export function compareVersions(canary: VersionTotals, baseline: VersionTotals, configuredShare: number): Comparison {
  const observed = asShare(canary.completed + baseline.completed, canary.completed);
  const isNear = Math.abs(observed.share - configuredShare) <= SPLIT_TOLERANCE * configuredShare;
  const isPossible = observed.lower <= configuredShare && configuredShare <= observed.upper;
  return {
    canary: reportOn(canary),
    baseline: reportOn(baseline),
    split: { observed, configured: configuredShare, isAsConfigured: isNear || isPossible },
  };
}

function reportOn({ completed, errors, slow, latency }: VersionTotals): VersionReport {
  const failed = asShare(completed, errors);
  return {
    completed,
    success: { share: completed > 0 ? 1 - failed.share : 0, lower: 1 - failed.upper, upper: 1 - failed.lower },
    errors: failed,
    slow: slow === undefined ? undefined : asShare(completed, slow),
    latency: latency === undefined ? undefined : latencyOf(latency),
  };
}

function latencyOf(latency: LatencyHistogram): LatencyReport | undefined {
  const mean = meanMs(latency);
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => quantile(latency, share));
  if (mean === undefined || p50 === undefined || p95 === undefined || p99 === undefined) return undefined;
  return { answered: answeredCount(latency), meanMs: mean, p50, p95, p99 };
}

function asShare(completed: number, bad: number): Share {
  return { share: shareOf({ completed, bad }), ...wilsonInterval({ completed, bad }) };
}
