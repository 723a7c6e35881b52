/**
 * Made-up traffic of a rollout, from a seed: five minutes of the baseline alone, then 60 looks ten seconds apart while the
 * canary's weight goes from 5 to 50 %.
 */
import type { Counts, Pair } from "../../src/rollout/counts.ts";
import type { Random } from "../support/random.ts";
import { binomial } from "../support/random-counts.ts";

/** A world in which a rollout takes place. */
export interface TrafficScenario {
  readonly requestsPerSecond: number;
  /** Of the baseline, from 0 to 1. */
  readonly badShare: number;
  /** The canary's bad share, as a multiple of the baseline's; 1 when the versions are the same. */
  readonly ratio?: number;
  /** So many bad requests come of one cause, at once and in one version. */
  readonly burst?: number;
  /** From one look up to another, the bad share of both versions is so many times as high. */
  readonly incident?: { readonly fromLook: number; readonly toLook: number; readonly factor: number };
}

/** What was counted. */
export interface Traffic {
  /** The baseline before the rollout. */
  readonly before: readonly Counts[];
  readonly looks: readonly Pair[];
}

export const LOOK_SECONDS = 10;
const LOOKS = 60;
const LOOKS_BEFORE = 30;
/** Each for a quarter of the looks. */
const weights: readonly number[] = [0.05, 0.1, 0.25, 0.5];

/** One rollout, all of its looks. */
export function playTraffic(scenario: TrafficScenario, random: Random): Traffic {
  const { requestsPerSecond, badShare, ratio = 1, burst = 1, incident } = scenario;
  const requests = Math.round(requestsPerSecond * LOOK_SECONDS);
  const countsOf = (completed: number, share: number): Counts => {
    const causes = binomial(random, Math.round(completed / burst), Math.min(share, 1));
    return { completed, bad: Math.min(causes * burst, completed) };
  };
  const before = Array.from({ length: LOOKS_BEFORE }, () => countsOf(requests, badShare));
  const looks = Array.from({ length: LOOKS }, (_, look) => {
    const weight = weights[Math.floor((look * weights.length) / LOOKS)] ?? 0;
    const onCanary = binomial(random, requests, weight);
    const isHit = incident !== undefined && look >= incident.fromLook && look < incident.toLook;
    const share = badShare * (isHit ? incident.factor : 1);
    return { canary: countsOf(onCanary, share * ratio), baseline: countsOf(requests - onCanary, share) };
  });
  return { before, looks };
}
