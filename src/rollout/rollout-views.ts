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

/** What somebody wants to start; `plan` is as it was sent, not read yet. */
export interface AskedRollout {
  readonly plan: unknown;
  readonly target: string;
  readonly actor: string;
  readonly reason?: string | undefined;
  readonly idempotencyKey?: string | undefined;
}

/** Why nothing was done. */
export type NotDone =
  /** The plan, or what is asked, is wrong; each line names its place, such as `steps[2].weight`. */
  | { readonly kind: "invalid"; readonly problems: readonly string[] }
  | { readonly kind: "unknown"; readonly names: readonly string[] }
  /** Another rollout of the split is active. */
  | { readonly kind: "active"; readonly current: StoredRollout }
  | { readonly kind: "locked"; readonly split: string; readonly lock: RolloutLock }
  /** The key was used for something else. */
  | { readonly kind: "key-reused"; readonly current: StoredRollout }
  /** It is not what the caller has seen. */
  | { readonly kind: "conflict"; readonly current: StoredRollout | undefined }
  /** It is not in a phase for this. */
  | { readonly kind: "not-now"; readonly message: string; readonly current: StoredRollout }
  | { readonly kind: "unavailable"; readonly message: string };

/** One entry per rollout that ended. */
export interface RolloutPlanned {
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
  planRollout(asked: AskedRollout): Promise<Result<RolloutPlanned, NotDone>>;
  /** `isNew` is false when the same was active already, or was started with this key. */
  startRollout(
    asked: AskedRollout,
  ): Promise<Result<StoredRollout & { readonly isNew: boolean; readonly isReplay: boolean }, NotDone>>;
  /** `revision` is what the caller has seen; undefined for whatever there is. */
  actOnRollout(
    split: string,
    asked: {
      readonly action: RolloutAction;
      readonly actor: string;
      readonly reason?: string | undefined;
      readonly revision?: number | undefined;
    },
  ): Promise<Result<StoredRollout, NotDone>>;
  lockOf(split: string): RolloutLock | undefined;
  /** Takes or renews the lock; `ms` of 0 gives it back. */
  lockRollouts(
    split: string,
    asked: { readonly owner: string; readonly reason?: string | undefined; readonly ms: number },
  ): Promise<Result<RolloutLock | undefined, NotDone>>;
}
