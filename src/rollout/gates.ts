/**
 * What a canary must hold to go on: the numbers that a plan may set, and what they are when it does not.
 */

/** What is asked of one metric. */
export interface MetricGate {
  /** The share of good requests that is promised, such as 0.999; without one, the canary is only compared. */
  readonly objective?: number;
  /** A canary counts as worse only beyond so many times the baseline's bad share. */
  readonly toleratedRatio: number;
  /** It has proved itself when it is surely below so many times the baseline's. */
  readonly safeRatio: number;
}

/** What is asked of slow requests. */
export interface SlowGate extends MetricGate {
  /** Slow is what is not answered within this time, which is an edge of the latency ladder. */
  readonly thresholdMs: number;
}

/** What is asked of a canary. */
export interface Gates {
  readonly errors: MetricGate;
  readonly slow?: SlowGate;
  /** So many requests the canary must have had in a step. */
  readonly requestsMin: number;
  /** Without a sign that the canary is worse, it must also be shown to be good. */
  readonly requireProof: boolean;
  /** When nothing was reported for so long, nothing is known. */
  readonly staleAfterMs: number;
}

/** A canary may have a quarter more bad requests, which nobody notices, and must not have twice as many. */
export const defaultMetricGate: MetricGate = { toleratedRatio: 1.25, safeRatio: 2 };

/** For errors alone; six reports of an Envoy make half a minute. */
export const defaultGates: Gates = {
  errors: defaultMetricGate,
  requestsMin: 500,
  requireProof: true,
  staleAfterMs: 30_000,
};

/** The share of bad requests that is allowed; undefined without an objective. */
export function budgetOf({ objective }: MetricGate): number | undefined {
  return objective === undefined ? undefined : 1 - objective;
}
