/**
 * What a rollout is to do: the steps of a canary, what it must hold at each, and what becomes of it when it does not.
 */
import type { Gates } from "./gates.ts";

/** A plan with all its defaults. Shares are in hundredths of a percent, as in a split's document. */
export interface RolloutPlan {
  /** The split whose weights are moved. */
  readonly split: string;
  /** The backend that is new, and the one it is compared with; both are of the split. */
  readonly canary: string;
  readonly baseline: string;
  /** In order; the canary's share never falls. */
  readonly steps: readonly PlanStep[];
  /** After the last step the canary gets everything; with false its weights stay as they are then. */
  readonly promote?: boolean | undefined;
  readonly gates: Gates;
  /** Where evidence comes from, when that is not what Envoys report. */
  readonly evidence?: PrometheusPlan | undefined;
  readonly fleet: FleetTerms;
  /** What becomes of a canary that fails. */
  readonly onFail: "rollback" | "pause";
  /** And of one that could not be judged in the longest time of its step. */
  readonly onInconclusive: "pause" | "rollback";
}

/** A Prometheus that is asked about both versions. */
export interface PrometheusPlan {
  /** Without a slash at the end, and without `/api/v1/query`. */
  readonly url: string;
  /** For all queries of a look together. */
  readonly timeoutMs: number;
  readonly everyMs: number;
  /** Own ones; those of Envoy's own names when absent. */
  readonly queries?: PrometheusQueries | undefined;
}

/**
 * Each gives a counter as it stands, not a rate: `answered` how many requests have a time, and `inTime` how many of these
 * are within the threshold, both of one histogram.
 */
export interface PrometheusQueries {
  readonly completed: string;
  readonly errors: string;
  readonly answered?: string;
  readonly inTime?: string;
  readonly healthyHosts?: string;
}

/** What is asked of Envoys before anything is measured. */
export interface FleetTerms {
  /** So long they may take to acknowledge weights; then the rollout is rolled back or pauses. */
  readonly ackTimeoutMs: number;
  readonly onLaggard: "rollback" | "pause";
  /** After the last acknowledgement; workers switch a moment after it, and requests that were under way end. */
  readonly settleMs: number;
  /** So many healthy hosts of the canary each Envoy must see before it gets requests. */
  readonly healthyHostsMin: number;
}

/** One step. */
export type PlanStep =
  | WeightStep
  /** The weights stay; only requests that are pinned to the canary, by routes of the config, reach it. */
  | (Omit<WeightStep, "kind" | "share"> & { readonly kind: "pinned" })
  | MirrorStep
  /** Somebody has to agree. */
  | { readonly kind: "approval" }
  /** Another program has to agree: it is sent what stands, and must answer with a status of 200 to 299. */
  | { readonly kind: "webhook"; readonly url: string; readonly timeoutMs: number };

/** A step in which something is measured. */
export type MeasuredStep = Exclude<PlanStep, { readonly kind: "approval" | "webhook" }>;

/** Whether something is measured in a step of this kind, of a plan or as it went. */
export function isMeasured<Step extends { readonly kind: string }>(
  step: Step,
): step is Step & { readonly kind: MeasuredStep["kind"] } {
  return step.kind === "weight" || step.kind === "pinned" || step.kind === "mirror";
}

/** Whether anything is written to the split; a plan that only measures leaves it as it is. */
export function changesWeights({ steps, promote }: RolloutPlan): boolean {
  return promote !== false || steps.some(({ kind }) => kind === "weight" || kind === "mirror");
}

/** The weights stay; the canary gets copies of requests, whose answers nobody gets, and is judged by those. */
export interface MirrorStep extends Omit<WeightStep, "kind" | "share"> {
  readonly kind: "mirror";
  /** Of the requests, those that are copied. */
  readonly mirrorShare: number;
}

/** The canary gets a share of the requests, and is judged. */
export interface WeightStep {
  readonly kind: "weight";
  readonly share: number;
  /** So long it is measured at least. */
  readonly holdMs: number;
  /** So long at most; without a verdict by then it is inconclusive. */
  readonly holdMsMax: number;
  /** So many requests, or copies of them, the canary must have had in the step. */
  readonly requestsMin: number;
}

export const defaultFleetTerms: FleetTerms = {
  ackTimeoutMs: 60_000,
  onLaggard: "rollback",
  settleMs: 1_000,
  healthyHostsMin: 1,
};

/** A minute is a dozen reports of each Envoy. */
export const HOLD_MS_DEFAULT = 60_000;
/** Nobody waits longer for a verdict that may not come, unless he says so. */
export const HOLD_FACTOR_MAX = 10;
/** A webhook that hangs holds a rollout for so long. */
export const WEBHOOK_MS_DEFAULT = 10_000;
