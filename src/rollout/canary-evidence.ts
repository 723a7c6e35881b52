/**
 * Everything that is known of a canary and its baseline since a rollout began: what a verdict is made from.
 *
 * It is added to look by look, changes only by being replaced, goes through JSON unchanged, and stays small however long
 * a rollout takes. A look may be of any length, and one that covers a gap is as good as the looks that were missed, as
 * long as the weights did not change in it; with new weights begin a new look when all Envoys have them and requests
 * that were under way have ended.
 */
import { BURN_WINDOW_MS } from "./burn-rate.ts";
import type { Sample } from "./burn-rate.ts";
import type { Counts, Pair, Tally } from "./counts.ts";
import { addPair, emptyTally } from "./counts.ts";
import { overdispersionOf } from "./overdispersion.ts";
import type { SequentialTest } from "./sequential-test.ts";
import { observe, startTest } from "./sequential-test.ts";

/** What one version did between two looks, over all Envoys that have the weights of this step. */
export interface Outcomes {
  readonly completed: number;
  /** Of these, with a status of 500 or above. */
  readonly errors: number;
  /** Of these, not answered in time; absent where times are not known. */
  readonly slow?: number;
  /**
   * Where those that are slow were counted among the answered, and not among the completed: Envoy's page for Prometheus
   * shows times that are up to five seconds older than the other counters, so the two must not be compared.
   */
  readonly answered?: number;
}

/** One look at both. */
export interface Look {
  readonly atMs: number;
  readonly canary: Outcomes;
  readonly baseline: Outcomes;
}

/** What can be bad of a request. */
export type MetricName = "errors" | "slow";

/** What is known of one metric. */
export interface MetricEvidence extends Tally {
  readonly test: SequentialTest;
  readonly overdispersion: number;
  /** The moment of the last look that had this metric. */
  readonly lastAtMs: number;
  /** Looks in which the canary had bad requests; those that are hardly apart count as one. */
  readonly badLooks: number;
  readonly badLookAtMs: number;
  /** Sums at moments of the last five minutes, the oldest first. */
  readonly samples: readonly Sample[];
  /** What the canary had completed when the step began. */
  readonly stepFrom: number;
}

/** See the file's comment; made by `startEvidence`. */
export type CanaryEvidence = Readonly<Partial<Record<MetricName, MetricEvidence>>>;

/** What the test of a metric takes for equal and for safe. */
export interface Tolerance {
  readonly toleratedRatio: number;
  readonly safeRatio: number;
}

/**
 * Looks nearer to each other than this are one look where looks are counted or kept: Envoys report every five
 * seconds, and none much faster.
 */
const LOOK_MS_MIN = 3_000;

/** Nothing seen yet; `before` is what the baseline did in the minutes before, by metrics that are to be watched. */
export function startEvidence(
  atMs: number,
  before: Readonly<Partial<Record<MetricName, readonly Counts[]>>>,
): CanaryEvidence {
  const start = (counts: readonly Counts[]): MetricEvidence => ({
    ...emptyTally,
    test: startTest(),
    overdispersion: overdispersionOf(counts),
    lastAtMs: atMs,
    badLooks: 0,
    badLookAtMs: atMs - LOOK_MS_MIN,
    samples: [{ atMs, ...emptyTally }],
    stepFrom: 0,
  });
  return {
    ...(before.errors && { errors: start(before.errors) }),
    ...(before.slow && { slow: start(before.slow) }),
  };
}

/** The same at the beginning of a step, which asks for requests of its own. */
export function beginStep(evidence: CanaryEvidence): CanaryEvidence {
  return eachMetric(evidence, (metric) => ({ ...metric, stepFrom: metric.canary.completed }));
}

/** With one more look. A look without a metric leaves what is known of that metric as it is. */
export function addLook(
  evidence: CanaryEvidence,
  look: Look,
  tolerances: Readonly<Partial<Record<MetricName, Tolerance>>>,
): CanaryEvidence {
  return eachMetric(evidence, (metric, name) => {
    const [canary, baseline] = [countsOf(look.canary, name), countsOf(look.baseline, name)];
    const tolerance = tolerances[name];
    if (canary === undefined || baseline === undefined || tolerance === undefined) return metric;
    return withPair(metric, look.atMs, { pair: { canary, baseline }, tolerance });
  });
}

function withPair(
  metric: MetricEvidence,
  atMs: number,
  { pair, tolerance }: { readonly pair: Pair; readonly tolerance: Tolerance },
): MetricEvidence {
  const tally = addPair(metric, pair);
  const isBadLook = pair.canary.bad > 0 && atMs - metric.badLookAtMs >= LOOK_MS_MIN;
  return {
    ...tally,
    test: observe(metric.test, pair, { ...tolerance, overdispersion: metric.overdispersion }),
    overdispersion: metric.overdispersion,
    lastAtMs: atMs,
    badLooks: metric.badLooks + (isBadLook ? 1 : 0),
    badLookAtMs: isBadLook ? atMs : metric.badLookAtMs,
    samples: withSample(metric.samples, { atMs, ...tally }),
    stepFrom: metric.stepFrom,
  };
}

/** The last sample gives way while it is too near to the one before; of those before the window one stays. */
function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  const [last, previous] = [samples.at(-1), samples.at(-2)];
  const isNear = last !== undefined && previous !== undefined && last.atMs - previous.atMs < LOOK_MS_MIN;
  const kept = isNear ? samples.slice(0, -1) : samples;
  const first = kept.findLastIndex(({ atMs }) => atMs <= sample.atMs - BURN_WINDOW_MS);
  return [...kept.slice(Math.max(first, 0)), sample];
}

function countsOf(outcomes: Outcomes, name: MetricName): Counts | undefined {
  const bad = outcomes[name];
  if (bad === undefined) return undefined;
  return { completed: name === "slow" ? (outcomes.answered ?? outcomes.completed) : outcomes.completed, bad };
}

function eachMetric(
  evidence: CanaryEvidence,
  change: (metric: MetricEvidence, name: MetricName) => MetricEvidence,
): CanaryEvidence {
  const { errors, slow } = evidence;
  return { ...(errors && { errors: change(errors, "errors") }), ...(slow && { slow: change(slow, "slow") }) };
}
