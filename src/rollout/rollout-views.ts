/**
 * What the admin API asks of rollouts; the controller answers.
 */
import type { Result } from "../support/result.ts";
import type { RolloutAction, RolloutLock, RolloutRecord } from "./rollout-record.ts";

/** A rollout and the revision of its document, which is its ETag. */
export interface StoredRollout {
  readonly record: RolloutRecord;
  readonly revision: number;
}

/** What somebody wants to know of a plan, which is as it was sent, not read yet; without a target of whatever it is. */
export interface AskedPlan {
  readonly plan: unknown;
  readonly target?: string | undefined;
}

/** What somebody wants to start. */
export interface AskedRollout extends AskedPlan {
  readonly target: string;
  readonly actor: string;
  readonly reason?: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

/** One that was started now, or before. */
export interface StartedRollout extends StoredRollout {
  /** False when the same was active already, or was started with this key. */
  readonly isNew: boolean;
  /** It was started with this key. */
  readonly isReplay: boolean;
}

/** Which rollout somebody means: all that is said must be so; whatever there is when nothing is. */
export interface MeantRollout {
  /** What the caller has seen, to the last change. */
  readonly revision?: number | undefined;
  readonly number?: number | undefined;
  readonly target?: string | undefined;
}

/** What somebody does to a rollout, and to which. */
export interface AskedAction extends MeantRollout {
  readonly action: RolloutAction;
  readonly actor: string;
  readonly reason?: string | undefined;
}

/** Why nothing was done. */
export type NotDone =
  /** The plan, or what is asked, is wrong; each line names its place, such as `steps[2].weight`. */
  | { readonly kind: "invalid"; readonly problems: readonly string[] }
  | { readonly kind: "unknown"; readonly names: readonly string[] }
  /** Another rollout of the split is active. */
  | { readonly kind: "active"; readonly current: StoredRollout }
  /** One of another split is active, and counts requests to the same clusters. */
  | { readonly kind: "beside"; readonly current: StoredRollout; readonly clusters: readonly string[] }
  | { readonly kind: "locked"; readonly split: string; readonly lock: RolloutLock }
  /** The weights that it would change are somebody's for a while. */
  | { readonly kind: "leased"; readonly split: string; readonly endsAtMs: number; readonly by: string }
  /** The key was used for something else. */
  | { readonly kind: "key-reused"; readonly current: StoredRollout }
  /** There is another one than `meant`, which are words. */
  | { readonly kind: "another"; readonly meant: string; readonly current: StoredRollout }
  /** It is not what the caller has seen. */
  | { readonly kind: "conflict"; readonly current: StoredRollout | undefined }
  /** It is not in a phase for this. */
  | { readonly kind: "not-now"; readonly message: string; readonly current: StoredRollout }
  | { readonly kind: "unavailable"; readonly message: string };

/** What would happen. */
export interface RolloutPlanned {
  /** The same is on, and a start would attach to it. */
  readonly attachesTo?: StoredRollout | undefined;
  /** The steps in words, one line each. */
  readonly steps: readonly string[];
  /** What the canary is judged by, and what becomes of it, in sentences. */
  readonly terms: readonly string[];
  /** What somebody should know before he starts it. */
  readonly warnings: readonly string[];
}

export interface RolloutViews {
  /** The newest of each split, sorted by split. */
  rollouts(): readonly StoredRollout[];
  /** The newest of the split, or the one of that number. */
  rollout(split: string, number?: number): Promise<StoredRollout | undefined>;
  /** Newest first, at most 20. */
  rolloutHistory(split: string): Promise<readonly RolloutRecord[]>;
  /** What would happen; nothing is changed. */
  planRollout(asked: AskedPlan): Promise<Result<RolloutPlanned, NotDone>>;
  startRollout(asked: AskedRollout): Promise<Result<StartedRollout, NotDone>>;
  actOnRollout(split: string, asked: AskedAction): Promise<Result<StoredRollout, NotDone>>;
  lockOf(split: string): RolloutLock | undefined;
  /** Takes or renews the lock; `ms` of 0 gives it back. */
  lockRollouts(
    split: string,
    asked: { readonly owner: string; readonly reason?: string | undefined; readonly ms: number },
  ): Promise<Result<RolloutLock | undefined, NotDone>>;
}
