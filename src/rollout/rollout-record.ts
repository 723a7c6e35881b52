/**
 * A rollout as it stands and as it went: all that another replica needs to go on with it, and all that a report shows.
 *
 * It is one document in the state store, replaced by compare-and-swap only, so that of two that want to act one does.
 * Times are milliseconds since 1970. Lists are bounded.
 */
import type { ReportTimes } from "../evidence/report-order.ts";
import type { TrafficCounters } from "../evidence/traffic-counters.ts";
import type { CanaryEvidence } from "./canary-evidence.ts";
import type { ConfigVersions } from "./config-versions.ts";
import type { MetricFigures } from "./metric-figures.ts";
import type { RolloutPlan } from "./rollout-plan.ts";
import type { RouteCounts } from "./route-counts.ts";
import type { Shares } from "./split-document.ts";

/** See the file's comment. */
export interface RolloutRecord {
  /** `<split>-<number>`. */
  readonly id: string;
  /** Grows by one with each rollout of a split. */
  readonly number: number;
  /** What is rolled out, as whoever started it calls it: a version, a commit. */
  readonly target: string;
  readonly plan: RolloutPlan;
  /** Of the target and the plan: starting the same again attaches to it. */
  readonly planHash: string;
  /** The same of what was asked for, word by word; absent when an older Fairway has started it. */
  readonly askedHash?: string | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly startedBy: string;
  readonly reason?: string | undefined;
  readonly startedAtMs: number;
  /** Of the config that was served when it began; absent when an older Fairway has started it. */
  readonly versionsBefore?: ConfigVersions | undefined;
  /** And when it ended. */
  readonly versionsAfter?: ConfigVersions | undefined;
  /** The weights before, which a rollback goes back to. */
  readonly sharesBefore: Shares;
  /** The number of the change of the split that is the rollout's last; another one is somebody else's. */
  readonly splitNumber: number;
  readonly phase: Phase;
  /** Of `plan.steps`; their count when all are done. */
  readonly stepIndex: number;
  /** What happened in each step so far; the last is the current one, or the promotion, or the rollback. */
  readonly steps: readonly StepRecord[];
  readonly evidence: CanaryEvidence | undefined;
  /** By what each Envoy is counted in this step. */
  readonly sources?: Readonly<Record<string, EvidenceSource>> | undefined;
  /** Where each Envoy's counters stood at the last look of this step. */
  readonly marks: Readonly<Record<string, Mark>>;
  /** Where what each replica was told of routes stood at the last look. */
  readonly routeMarks?: Readonly<Record<string, readonly RouteCounts[]>> | undefined;
  /** When counters were looked at last. */
  readonly lookedAtMs?: number | undefined;
  /** The Envoys that were connected when the weights of this step were written: one that starts anew after that has crashed. */
  readonly nodesBefore?: readonly string[] | undefined;
  /** Those of earlier steps that had gone before this one began. */
  readonly nodesGone?: readonly string[] | undefined;
  /** Of all looks; they begin anew where copies of requests are counted instead of requests, and where that ends. */
  readonly totals: { readonly canary: TrafficCounters; readonly baseline: TrafficCounters };
  /** The last verdict. */
  readonly verdict: JudgedAt | undefined;
  /** What people and the engine did; the oldest first. */
  readonly audit: readonly AuditEntry[];
  readonly outcome: Outcome | undefined;
}

/** What it does now. */
export type Phase =
  /** Each Envoy must see the canary healthy, and report. */
  | { readonly kind: "preflight"; readonly sinceMs: number; readonly waitsFor: string }
  /** New weights are written, and Envoys take them. */
  | ({ readonly kind: "converging"; readonly sinceMs: number; readonly waitsFor: string } & Writes)
  /** All Envoys have them; requests that were under way end. */
  | { readonly kind: "settling"; readonly sinceMs: number }
  | { readonly kind: "measuring"; readonly sinceMs: number }
  | { readonly kind: "awaiting-approval"; readonly sinceMs: number }
  | { readonly kind: "calling-webhook"; readonly sinceMs: number; readonly url: string }
  /** The weights stay until somebody goes on; `then` is what it goes back to. */
  | { readonly kind: "paused"; readonly sinceMs: number; readonly why: string; readonly by: "engine" | "person" }
  /** Back to the weights before; `outcome` is what it ends with when Envoys have them. */
  | ({
      readonly kind: "rolling-back";
      readonly sinceMs: number;
      readonly waitsFor: string;
      readonly outcome: Pick<Outcome, "kind" | "sentence" | "by">;
    } & Writes)
  /** All steps are passed: the canary gets everything. */
  | ({ readonly kind: "promoting"; readonly sinceMs: number; readonly waitsFor: string } & Writes)
  | { readonly kind: "done"; readonly sinceMs: number };

/** How often it has set the weights in this phase; absent before the first time. */
interface Writes {
  readonly writes?: number;
}

/** One step as it went. */
export interface StepRecord {
  /** Of the plan; absent for the promotion and the rollback. */
  readonly index?: number | undefined;
  readonly kind: "weight" | "pinned" | "mirror" | "approval" | "webhook" | "promotion" | "rollback";
  /** The canary's share of requests in it, in hundredths of a percent. */
  readonly share: number;
  /** Of the requests, those that are copied to the canary in it; absent but for steps that mirror. */
  readonly mirrorShare?: number | undefined;
  readonly startedAtMs: number;
  /** When the last connected Envoy had acknowledged the weights. */
  readonly convergedAtMs?: number | undefined;
  /** For how long it was paused before that. */
  readonly heldMs?: number | undefined;
  readonly measuredFromMs?: number | undefined;
  /** For how long it was measured before that, when it is measured anew; what was counted then is in its counts. */
  readonly measuredBeforeMs?: number | undefined;
  readonly endedAtMs?: number | undefined;
  /** Envoys that have it. */
  readonly nodesCount: number;
  /** Envoys that were waited for longest, or refused it. */
  readonly laggards: readonly { readonly node: string; readonly state: string; readonly reason?: string | undefined }[];
  /** What was counted in this step; of the canary in one that mirrors, the copies. */
  readonly canary: TrafficCounters;
  readonly baseline: TrafficCounters;
  /** By what its Envoys were counted; absent where nothing was measured. */
  readonly sources?: readonly SourceCount[] | undefined;
  /** The same by route, of as many as are kept; absent before anything was measured. */
  readonly routes?: readonly RouteCounts[] | undefined;
  readonly result?: StepResult | undefined;
  readonly sentence?: string | undefined;
}

export type StepResult = "passed" | "failed" | "inconclusive" | "skipped" | "ended";

/** Where what is known of requests comes from. */
export type EvidenceSource = "opentelemetry" | "load-reports" | "prometheus";

/** How many Envoys were counted by one source; `nodes` names the first of them. */
export interface SourceCount {
  readonly source: EvidenceSource;
  readonly nodesCount: number;
  readonly nodes: readonly string[];
}

/** Where the counters of one Envoy stood. */
export interface Mark extends ReportTimes {
  readonly canary: TrafficCounters;
  readonly baseline: TrafficCounters;
}

export interface JudgedAt {
  readonly kind: "pass" | "fail" | "inconclusive";
  readonly reason: string;
  readonly sentence: string;
  readonly metrics: readonly MetricFigures[];
  readonly atMs: number;
}

export interface AuditEntry {
  readonly atMs: number;
  /** As it calls itself; `fairway` for the engine. */
  readonly actor: string;
  readonly action: string;
  readonly text: string;
}

/** How it ended. */
export interface Outcome {
  readonly kind: "promoted" | "rolled-back" | "aborted" | "superseded";
  readonly sentence: string;
  /** Who has ended it, when it was a person. */
  readonly by?: string | undefined;
  readonly atMs: number;
  /** From the decision to the last Envoy's acknowledgement; absent when there is one that has not confirmed it. */
  readonly tookMs?: number | undefined;
  /** Envoys of the rollout that were not connected, so that nobody knows what they have; as many as a person reads. */
  readonly unconfirmed?: readonly string[] | undefined;
}

/** What people can do to one. */
export type RolloutAction =
  | { readonly kind: "pause" | "resume" | "approve" | "abort" | "undo" | "retry" }
  /** Ends the current step as passed; all of them with `isFull`. */
  | { readonly kind: "promote"; readonly isFull: boolean };

/** Who holds a split so that nobody else starts a rollout of it. */
export interface RolloutLock {
  readonly owner: string;
  readonly reason?: string | undefined;
  readonly endsAtMs: number;
}

/** Whether somebody has taken back what was promoted: no gate has failed. */
export function isUndone({ outcome }: { readonly outcome?: Pick<Outcome, "kind" | "by"> | undefined }): boolean {
  return outcome?.kind === "rolled-back" && outcome.by !== undefined;
}

export function isActive({ phase }: Pick<RolloutRecord, "phase">): boolean {
  return phase.kind !== "done";
}
