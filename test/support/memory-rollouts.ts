/**
 * Rollouts that are kept in memory and driven by a test: the port that the admin API asks, without an engine.
 */
import { defaultGates } from "../../src/rollout/gates.ts";
import type { RolloutPlan } from "../../src/rollout/rollout-plan.ts";
import { defaultFleetTerms } from "../../src/rollout/rollout-plan.ts";
import type { Outcome, Phase, RolloutLock, RolloutRecord } from "../../src/rollout/rollout-record.ts";
import { isActive } from "../../src/rollout/rollout-record.ts";
import type { AskedPlan, AskedRollout, NotDone, RolloutViews, StoredRollout } from "../../src/rollout/rollout-views.ts";
import { notMeant } from "../../src/rollout/meant-rollout.ts";
import { hashOfPlan, startRollout } from "../../src/rollout/start-rollout.ts";
import type { Result } from "../../src/support/result.ts";
import { err, ok } from "../../src/support/result.ts";

/** There is one split, `shop`; a plan with `wrong` in it has a problem in its second step. */
export class MemoryRollouts implements RolloutViews {
  /** A test may stop here, or do something first. */
  beforeStart: () => Promise<void> = async () => {};
  beforeAct: () => Promise<void> = async () => {};
  readonly #all: StoredRollout[] = [];
  #lock: RolloutLock | undefined;
  #revision = 0;

  /** The newest goes on; another revision. */
  change(part: Partial<Pick<RolloutRecord, "verdict" | "stepIndex">> & { readonly phase: Phase }): StoredRollout {
    const { record } = this.#newest() as StoredRollout;
    return this.#put({ ...record, ...part });
  }

  end(kind: Outcome["kind"], part: Partial<Pick<RolloutRecord, "verdict">> & { readonly by?: string } = {}) {
    const { by, ...rest } = part;
    const { record } = this.#newest() as StoredRollout;
    const outcome: Outcome = { kind, sentence: `${kind}, says the test`, by, atMs: 9_000, tookMs: 40 };
    return this.#put({ ...record, ...rest, outcome, phase: { kind: "done", sinceMs: 9_000 } });
  }

  rollouts(): readonly StoredRollout[] {
    const newest = this.#newest();
    return newest === undefined ? [] : [newest];
  }

  async rollout(split: string, number?: number): Promise<StoredRollout | undefined> {
    if (split !== "shop") return undefined;
    return number === undefined ? this.#newest() : this.#all.find(({ record }) => record.number === number);
  }

  async rolloutHistory(split: string): Promise<readonly RolloutRecord[]> {
    return split === "shop" ? this.#all.map(({ record }) => record).toReversed() : [];
  }

  async planRollout({ plan }: AskedPlan) {
    const wrong = wrongOf(plan);
    return wrong === undefined
      ? ok({ steps: ["canary 5 % for 60 s"], terms: ["When it fails: rollback."], warnings: ["nobody reports"] })
      : err(wrong);
  }

  async startRollout(asked: AskedRollout) {
    await this.beforeStart();
    const wrong = wrongOf(asked.plan);
    if (wrong !== undefined) return err(wrong);
    const keyed = this.#all.find(
      ({ record }) => record.idempotencyKey !== undefined && record.idempotencyKey === asked.idempotencyKey,
    );
    if (keyed !== undefined) {
      return keyed.record.target === asked.target
        ? ok({ ...keyed, isNew: false, isReplay: true })
        : err({ kind: "key-reused" as const, current: keyed });
    }
    if (this.#lock !== undefined && this.#lock.owner !== asked.actor) {
      return err({ kind: "locked" as const, split: "shop", lock: this.#lock });
    }
    const newest = this.#newest();
    if (newest !== undefined && isActive(newest.record)) {
      return newest.record.planHash === hashOfPlan(asked.target, plan)
        ? ok({ ...newest, isNew: false, isReplay: false })
        : err({ kind: "active" as const, current: newest });
    }
    const number = this.#all.length + 1;
    const shares = { stable: 10_000, canary: 0 };
    const stored = this.#put(startRollout({ ...asked, number, plan, nowMs: 1_000, shares, splitNumber: 0 }));
    return ok({ ...stored, isNew: true, isReplay: false });
  }

  async actOnRollout(
    _split: string,
    { action, actor, ...meant }: Parameters<RolloutViews["actOnRollout"]>[1],
  ): Promise<Result<StoredRollout, NotDone>> {
    await this.beforeAct();
    const current = this.#newest();
    if (current === undefined) return err({ kind: "unknown", names: ["shop"] });
    const other = notMeant(current, meant);
    if (other !== undefined) return err(other);
    if (!isActive(current.record)) return err({ kind: "not-now", message: "it is over", current });
    if (action.kind === "abort") return ok(this.end("aborted", { by: actor }));
    return ok(this.change({ phase: { kind: "paused", sinceMs: 2_000, why: "asked", by: "person" } }));
  }

  lockOf(): RolloutLock | undefined {
    return this.#lock;
  }

  async lockRollouts(_split: string, { owner, reason, ms }: Parameters<RolloutViews["lockRollouts"]>[1]) {
    if (this.#lock !== undefined && this.#lock.owner !== owner)
      return err({ kind: "locked" as const, split: "shop", lock: this.#lock });
    this.#lock = ms === 0 ? undefined : { owner, reason, endsAtMs: ms };
    return ok(this.#lock);
  }

  #newest(): StoredRollout | undefined {
    return this.#all.at(-1);
  }

  #put(record: RolloutRecord): StoredRollout {
    this.#revision += 1;
    const stored = { record, revision: this.#revision };
    this.#all[record.number - 1] = stored;
    return stored;
  }
}

/** Methods of a class are no fields of its object. */
export function portOf(rollouts: MemoryRollouts): RolloutViews {
  return {
    rollouts: () => rollouts.rollouts(),
    rollout: rollouts.rollout.bind(rollouts),
    rolloutHistory: rollouts.rolloutHistory.bind(rollouts),
    planRollout: rollouts.planRollout.bind(rollouts),
    startRollout: rollouts.startRollout.bind(rollouts),
    actOnRollout: rollouts.actOnRollout.bind(rollouts),
    lockOf: () => rollouts.lockOf(),
    lockRollouts: rollouts.lockRollouts.bind(rollouts),
  };
}

const plan: RolloutPlan = {
  split: "shop",
  canary: "canary",
  baseline: "stable",
  steps: [{ kind: "weight", share: 500, holdMs: 60_000, holdMsMax: 600_000, requestsMin: 500 }],
  gates: defaultGates,
  fleet: defaultFleetTerms,
  onFail: "rollback",
  onInconclusive: "pause",
};

function wrongOf(written: unknown): NotDone | undefined {
  const { split, steps } = written as { readonly split?: string; readonly steps?: unknown };
  if (split !== "shop") return { kind: "unknown", names: ["shop"] };
  if (!JSON.stringify(steps ?? "").includes("wrong")) return undefined;
  return { kind: "invalid", problems: ["steps[1].weight: is not a number"] };
}
