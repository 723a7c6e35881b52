/**
 * What the engine of a rollout sees of the world, and what it wants done: the port between the two.
 */
import type { ReportTimes } from "../evidence/report-order.ts";
import type { TrafficCounters } from "../evidence/traffic-counters.ts";
import type { Split } from "../model/intent-split.ts";
import type { LiveMirror } from "../model/live-weights.ts";
import type { Counts } from "./counts.ts";
import type { MetricName } from "./canary-evidence.ts";
import type { SeenRoutes } from "./route-counts.ts";
import type { Shares, SplitDocument } from "./split-document.ts";
import type { SplitStanding } from "./split-standing.ts";

/** All of it at one moment. */
export interface Observed {
  readonly nowMs: number;
  /** Whether `split` is of the config as it is now; false while it is refused or held, when a split may be unknown. */
  readonly isConfigInForce?: boolean | undefined;
  /** Undefined when the config has no such split any more, or while nothing is known of it. */
  readonly split:
    | {
        readonly document: SplitDocument;
        /** Surely nobody knows a newer document: one with a lower number than the rollout has written is no late one. */
        readonly isNewest?: boolean | undefined;
        /** As the config has it. */
        readonly file: Pick<Split, "name" | "at" | "backends">;
        /** In force. */
        readonly shares: Shares;
        readonly standing: Pick<
          SplitStanding,
          "state" | "acknowledgedCount" | "pendingCount" | "rejectedCount" | "laggards"
        > &
          Partial<Pick<SplitStanding, "awaited">>;
      }
    | undefined;
  /** Those that are connected and share requests by the split. */
  readonly nodes: readonly ObservedNode[];
  /** Those that were connected when the step began and are not now, though they may well be back in a moment. */
  readonly missing?: readonly string[] | undefined;
  /** Those that have been gone for longer: nobody waits for them, and nobody can say what they have. */
  readonly away?: readonly string[] | undefined;
  /** By node: what it last reported of both versions, by OpenTelemetry. */
  readonly traffic: ReadonlyMap<string, NodeReport>;
  /** The same by load reports, which know nothing of times and of hosts. */
  readonly loads?: ReadonlyMap<string, NodeReport> | undefined;
  /** What a Prometheus says; undefined where none is asked, or none has answered yet. */
  readonly prometheus?: PrometheusSeen | undefined;
  /** What each replica was told of both versions, by route; they may have been told nothing. */
  readonly routes: readonly SeenRoutes[];
  /** What the baseline did in the minutes before, in intervals of the length of a look. */
  readonly before: Readonly<Partial<Record<MetricName, readonly Counts[]>>>;
  /** What the webhook of the current step has answered. */
  readonly webhook?: WebhookAnswer | undefined;
}

export interface ObservedNode {
  readonly id: string;
  /** When it came with nothing, as an Envoy does that has just been started; undefined when it did not. */
  readonly startedEmptyAtMs?: number | undefined;
}

export interface NodeReport extends ReportTimes {
  readonly canary: TrafficCounters | undefined;
  readonly baseline: TrafficCounters | undefined;
  /** Copies of requests to the canary; absent where there never were any. */
  readonly mirrored?: TrafficCounters | undefined;
  readonly canaryHealthyHosts: number | undefined;
}

export type PrometheusSeen =
  /** By series: one for each Envoy, unless the queries are own ones. */
  | { readonly kind: "answered"; readonly series: ReadonlyMap<string, NodeReport>; readonly isByEnvoy: boolean }
  /** `why` are words that go on a sentence. */
  | { readonly kind: "nothing"; readonly why: string };

export interface WebhookAnswer {
  readonly stepIndex: number;
  readonly kind: "agreed" | "refused" | "no-answer";
  readonly text: string;
}

/** What is to be done now. It may be done twice, or by another replica once more. */
export type Effect =
  | {
      readonly kind: "set-weights";
      readonly shares: Shares;
      readonly mirror?: LiveMirror | undefined;
      readonly expected: number;
      readonly reason: string;
    }
  | { readonly kind: "call-webhook"; readonly url: string; readonly timeoutMs: number; readonly stepIndex: number };
