/**
 * Rollouts as the admin API has them: started, acted on, shown.
 */
import { describePlan, describeTerms } from "../rollout/describe-rollout.ts";
import { act } from "../rollout/act.ts";
import { readPlan, splitOfPlan } from "../rollout/read-plan.ts";
import { movesBetween } from "../rollout/rollout-moves.ts";
import type { RolloutPlan } from "../rollout/rollout-plan.ts";
import type { RolloutAction, RolloutLock, RolloutRecord } from "../rollout/rollout-record.ts";
import { isActive } from "../rollout/rollout-record.ts";
import type { AskedRollout, NotDone, RolloutPlanned, RolloutViews, StoredRollout } from "../rollout/rollout-views.ts";
import { describeProof } from "../rollout/proof-size.ts";
import { missingFor } from "../rollout/preflight.ts";
import { hashOfPlan, startRollout } from "../rollout/start-rollout.ts";
import type { RolloutStanding } from "../rollout/rollout-standing.ts";
import { rolloutStanding } from "../rollout/rollout-standing.ts";
import type { SplitStanding } from "../rollout/split-standing.ts";
import { liveOf } from "../rollout/change-split.ts";
import { sharesOf } from "../model/live-weights.ts";
import type { Shares } from "../rollout/split-document.ts";
import type { StateStore } from "../store/state-store.ts";
import type { Clock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import { RolloutEngine, rolloutEvent } from "./rollout-engine.ts";
import type { RolloutPort } from "./rollout-port.ts";
import { splitNamed } from "./rollout-port.ts";
import { RolloutRecords } from "./rollout-records.ts";
import { TrafficBoard } from "./traffic-board.ts";

/** Somebody else writes at the same moment; after so many times he writes all the time. */
const TRIES_MAX = 10;

const RETRY_MS = 1_000;

export interface RolloutsOptions {
  readonly store: StateStore;
  readonly port: RolloutPort;
  readonly clock: Clock;
  /** The name of this replica, where there are others. */
  readonly replica: string | undefined;
  readonly onWarning: (text: string) => void;
  record(event: FairwayEvent): void;
}

/** `start` reads and begins to act; `close` ends it. */
export class Rollouts implements RolloutViews {
  readonly #options: RolloutsOptions;
  readonly #records: RolloutRecords;
  readonly #engine: RolloutEngine;
  readonly #board: TrafficBoard | undefined;
  readonly #told = new Map<string, RolloutRecord>();
  #failure: string | undefined = "it has not been read yet";
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: RolloutsOptions) {
    const { store, clock, port, replica, onWarning } = options;
    this.#options = options;
    this.#records = new RolloutRecords({
      store,
      nowMs: () => clock.monotonicMs(),
      onWarning,
      onChange: (record) => this.#tell(record),
      onWritten: (before, record) => this.#count(before, record),
    });
    this.#board =
      replica === undefined ? undefined : new TrafficBoard({ store, clock, replica, local: port, routes: port.routes });
    const { record } = options;
    const hasOthers = replica !== undefined;
    const shared = { records: this.#records, port, clock, onWarning };
    this.#engine = new RolloutEngine({ ...shared, board: this.#board, hasOthers, record });
  }

  /** When the state cannot be read it goes on trying. */
  async start(): Promise<void> {
    try {
      await this.#records.start();
      if (this.#isClosed) return this.#records.close();
      this.#failure = undefined;
      this.#board?.start();
      this.#engine.start();
    } catch (cause) {
      this.#failure = messageOf(cause);
      if (!this.#isClosed) this.#retry = setTimeout(() => void this.start(), RETRY_MS);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#records.close();
    await this.#engine.close();
    await this.#board?.close();
  }

  rollouts(): readonly StoredRollout[] {
    return this.#records.all();
  }

  /** Of those that are on. */
  standings(): readonly RolloutStanding[] {
    return this.#records
      .all()
      .filter(({ record }) => isActive(record))
      .map(({ record }) => rolloutStanding(record, this.#engine.observe(record)));
  }

  async rollout(split: string, number?: number): Promise<StoredRollout | undefined> {
    const newest = this.#records.newest(split);
    if (number === undefined || newest?.record.number === number) return newest;
    const past = (await this.#records.past(split)).find((each) => each.number === number);
    return past === undefined ? undefined : { record: past, revision: 0 };
  }

  async rolloutHistory(split: string): Promise<readonly RolloutRecord[]> {
    const newest = this.#records.newest(split);
    return [...(newest === undefined ? [] : [newest.record]), ...(await this.#records.past(split))];
  }

  lockOf(split: string): RolloutLock | undefined {
    const lock = this.#records.lock(split)?.lock;
    return lock !== undefined && lock.endsAtMs > this.#options.clock.nowMs() ? lock : undefined;
  }

  async planRollout(asked: AskedRollout): Promise<Result<RolloutPlanned, NotDone>> {
    const read = this.#readAsked(asked);
    if (!read.ok) return read;
    const { plan, standing, shares } = read.value;
    const warnings = [...this.#warnings(plan, standing), ...this.#waits(plan, standing, shares)];
    const proof = describeProof(plan, { shares, before: this.#engine.before(plan) });
    return ok({ steps: describePlan(plan), terms: [...describeTerms(plan), ...proof], warnings });
  }

  async startRollout(
    asked: AskedRollout,
  ): Promise<Result<StoredRollout & { readonly isNew: boolean; readonly isReplay: boolean }, NotDone>> {
    if (this.#failure !== undefined) return err({ kind: "unavailable", message: this.#failure });
    const replay = await this.#replayOf(asked);
    if (replay !== undefined) return replay;
    const read = this.#readAsked(asked);
    if (!read.ok) return read;
    const { plan, standing, shares } = read.value;
    const lock = this.lockOf(plan.split);
    if (lock !== undefined && lock.owner !== asked.actor) return err({ kind: "locked", split: plan.split, lock });
    const newest = this.#records.newest(plan.split);
    if (newest !== undefined && isActive(newest.record)) {
      return newest.record.planHash === hashOfPlan(asked.target, plan)
        ? ok({ ...newest, isNew: false, isReplay: false })
        : err({ kind: "active", current: newest });
    }
    const record = startRollout({
      ...asked,
      number: (newest?.record.number ?? 0) + 1,
      plan,
      nowMs: this.#options.clock.nowMs(),
      shares,
      splitNumber: standing.document.number,
      versions: this.#options.port.versions(standing.groups),
    });
    return this.#saving(async () => {
      if (newest !== undefined) await this.#records.archive(newest.record);
      const saved = await this.#records.put(record, newest?.revision ?? 0);
      if (saved === undefined) return this.#lost(plan.split);
      this.#engine.owns(saved);
      return ok({ ...saved, isNew: true, isReplay: false });
    });
  }

  async actOnRollout(
    split: string,
    asked: {
      readonly action: RolloutAction;
      readonly actor: string;
      readonly reason?: string | undefined;
      readonly revision?: number | undefined;
    },
  ): Promise<Result<StoredRollout, NotDone>> {
    if (this.#failure !== undefined) return err({ kind: "unavailable", message: this.#failure });
    if (asked.action.kind === "retry") return this.#retryRollout(split, asked);
    return this.#saving(async () => {
      for (let tries = 0; tries < TRIES_MAX; tries += 1) {
        const current = this.#records.newest(split);
        if (current === undefined) return err({ kind: "unknown", names: this.#splitNames() });
        if (asked.revision !== undefined && asked.revision !== current.revision) {
          return err({ kind: "conflict", current });
        }
        const acted = act(current.record, asked.action, asked, this.#engine.observe(current.record));
        if (!acted.ok) return err({ kind: "not-now", message: acted.error, current });
        const saved = await this.#records.put(this.#engine.withVersions(current.record, acted.value), current.revision);
        if (saved === undefined) continue;
        this.#engine.owns(saved);
        this.#engine.look();
        return ok(saved);
      }
      return this.#lost(split);
    });
  }

  async lockRollouts(
    split: string,
    asked: { readonly owner: string; readonly reason?: string | undefined; readonly ms: number },
  ): Promise<Result<RolloutLock | undefined, NotDone>> {
    if (this.#failure !== undefined) return err({ kind: "unavailable", message: this.#failure });
    if (splitNamed(this.#options.port, split) === undefined) return err({ kind: "unknown", names: this.#splitNames() });
    return this.#saving(async () => {
      const { owner, reason, ms } = asked;
      const current = this.lockOf(split);
      if (current !== undefined && current.owner !== owner) return err({ kind: "locked", split, lock: current });
      if (ms === 0 && this.#records.lock(split) === undefined) return ok(undefined);
      const lock = ms === 0 ? undefined : { owner, reason, endsAtMs: this.#options.clock.nowMs() + ms };
      if (await this.#records.putLock(split, lock)) return ok(lock);
      const winner = this.lockOf(split);
      return winner === undefined
        ? err({ kind: "unavailable", message: "somebody else changes the lock at the same moment; try again" })
        : err({ kind: "locked", split, lock: winner });
    });
  }

  /** The same plan to the same target once more, when it did not end well. */
  async #retryRollout(
    split: string,
    asked: { readonly actor: string; readonly reason?: string | undefined; readonly revision?: number | undefined },
  ): Promise<Result<StoredRollout, NotDone>> {
    const current = this.#records.newest(split);
    if (current === undefined) return err({ kind: "unknown", names: this.#splitNames() });
    if (asked.revision !== undefined && asked.revision !== current.revision) return err({ kind: "conflict", current });
    if (isActive(current.record)) return err({ kind: "not-now", message: "it is not over", current });
    if (current.record.outcome?.kind === "promoted")
      return err({ kind: "not-now", message: "it was promoted", current });
    const found = splitNamed(this.#options.port, split);
    if (found === undefined) return err({ kind: "unknown", names: this.#splitNames() });
    const lock = this.lockOf(split);
    if (lock !== undefined && lock.owner !== asked.actor) return err({ kind: "locked", split, lock });
    const { plan, target, number } = current.record;
    const { document } = found.standing;
    const shares = sharesOf(found.split, liveOf(split, document));
    const { actor, reason } = asked;
    const nowMs = this.#options.clock.nowMs();
    const record = startRollout({
      number: number + 1,
      target,
      plan,
      actor,
      reason,
      nowMs,
      shares,
      splitNumber: document.number,
      versions: this.#options.port.versions(found.standing.groups),
    });
    return this.#saving(async () => {
      await this.#records.archive(current.record);
      const saved = await this.#records.put(record, current.revision);
      if (saved === undefined) return this.#lost(split);
      this.#engine.owns(saved);
      return ok(saved);
    });
  }

  #readAsked({
    plan: written,
  }: AskedRollout): Result<
    { readonly plan: RolloutPlan; readonly standing: SplitStanding; readonly shares: Shares },
    NotDone
  > {
    const name = splitOfPlan(written);
    if (name === undefined) return err({ kind: "invalid", problems: ["split: say which split it moves"] });
    const found = splitNamed(this.#options.port, name);
    if (found === undefined) return err({ kind: "unknown", names: this.#splitNames() });
    const shares = sharesOf(found.split, liveOf(name, found.standing.document));
    const plan = readPlan(written, found.split, { shares, copying: found.standing.copying });
    return plan.ok
      ? ok({ plan: plan.value, standing: found.standing, shares })
      : err({ kind: "invalid", problems: plan.error });
  }

  /** What was started with this key before, whatever has become of it. */
  async #replayOf(
    asked: AskedRollout,
  ): Promise<Result<StoredRollout & { readonly isNew: boolean; readonly isReplay: boolean }, NotDone> | undefined> {
    const { idempotencyKey: key } = asked;
    const split = splitOfPlan(asked.plan);
    if (key === undefined || split === undefined) return undefined;
    const newest = this.#records.newest(split);
    const records = newest === undefined ? [] : [newest.record, ...(await this.#records.past(split))];
    const record = records.find((each) => each.idempotencyKey === key);
    if (record === undefined) return undefined;
    const current = { record, revision: record === newest?.record ? newest.revision : 0 };
    const found = splitNamed(this.#options.port, split);
    // Read as it was then: weights have moved since.
    const shares = record.sharesBefore;
    const copying = { isPossible: true, mirroredAt: {} };
    const plan = found === undefined ? undefined : readPlan(asked.plan, found.split, { shares, copying });
    const isSame = plan?.ok === true && hashOfPlan(asked.target, plan.value) === record.planHash;
    return isSame ? ok({ ...current, isNew: false, isReplay: true }) : err({ kind: "key-reused", current });
  }

  #warnings(plan: RolloutPlan, standing: SplitStanding): readonly string[] {
    const warnings: string[] = [];
    const newest = this.#records.newest(plan.split);
    if (newest !== undefined && isActive(newest.record)) warnings.push(`the rollout ${newest.record.id} is on already`);
    const lock = this.lockOf(plan.split);
    if (lock !== undefined)
      warnings.push(`it is locked by ${lock.owner} until ${new Date(lock.endsAtMs).toISOString()}`);
    if (standing.acknowledgedCount + standing.pendingCount + standing.rejectedCount === 0) {
      warnings.push("no Envoy of this split is connected");
    }
    if (standing.document.leaseEndsAtMs !== undefined) {
      warnings.push("the weights have a lease; when it ends during the rollout, the rollout ends with it");
    }
    return warnings;
  }

  /** What a start would wait for now; what a Prometheus says is not known before. */
  #waits(plan: RolloutPlan, standing: SplitStanding, shares: Shares): readonly string[] {
    const isConnected = standing.acknowledgedCount + standing.pendingCount + standing.rejectedCount > 0;
    if (plan.evidence !== undefined || !isConnected) return [];
    const nowMs = this.#options.clock.nowMs();
    const of = { number: 1, target: "", actor: "", splitNumber: standing.document.number, versions: {} };
    const record = startRollout({ ...of, plan, nowMs, shares });
    const missing = missingFor(record, this.#engine.observe(record));
    return missing === undefined ? [] : [`started now, it would wait for ${missing}`];
  }

  async #saving<T>(work: () => Promise<Result<T, NotDone>>): Promise<Result<T, NotDone>> {
    try {
      return await work();
    } catch (cause) {
      return err({ kind: "unavailable", message: messageOf(cause) });
    }
  }

  /** Somebody else was first. */
  #lost(split: string): { readonly ok: false; readonly error: NotDone } {
    const current = this.#records.newest(split);
    return err(
      current === undefined || !isActive(current.record)
        ? { kind: "conflict" as const, current }
        : { kind: "active" as const, current },
    );
  }

  #tell(record: RolloutRecord): void {
    const { clock } = this.#options;
    const event = rolloutEvent(this.#told.get(record.plan.split), record, clock.monotonicMs());
    this.#told.set(record.plan.split, record);
    if (event !== undefined && this.#failure === undefined) this.#options.record(event);
  }

  #count(before: RolloutRecord | undefined, record: RolloutRecord): void {
    const moves = movesBetween(before, record);
    if (moves.length === 0) return;
    const { id: rollout, plan } = record;
    const atMs = this.#options.clock.monotonicMs();
    this.#options.record({ kind: "rollout-moved", atMs, rollout, split: plan.split, moves });
  }

  #splitNames(): readonly string[] {
    return this.#options.port.served().map(({ name }) => name);
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
