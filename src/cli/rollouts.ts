/**
 * Rollouts as the admin API has them: started, acted on, shown.
 */
import { act } from "../rollout/act.ts";
import { notMeant } from "../rollout/meant-rollout.ts";
import { movesBetween } from "../rollout/rollout-moves.ts";
import type { RolloutLock, RolloutRecord } from "../rollout/rollout-record.ts";
import { isActive } from "../rollout/rollout-record.ts";
import type {
  AskedAction,
  AskedPlan,
  AskedRollout,
  NotDone,
  RolloutPlanned,
  RolloutViews,
  StartedRollout,
  StoredRollout,
} from "../rollout/rollout-views.ts";
import type { RolloutStanding } from "../rollout/rollout-standing.ts";
import { rolloutStanding } from "../rollout/rollout-standing.ts";
import type { StateStore } from "../store/state-store.ts";
import type { Clock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import { RolloutEngine, rolloutEvent } from "./rollout-engine.ts";
import type { RolloutPort } from "./rollout-port.ts";
import { splitNamed } from "./rollout-port.ts";
import { RolloutRecords } from "./rollout-records.ts";
import { RolloutStarts, lostTo } from "./rollout-starts.ts";
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
  readonly #starts: RolloutStarts;
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
    const lockOf = (split: string) => this.lockOf(split);
    this.#starts = new RolloutStarts({ records: this.#records, engine: this.#engine, port, clock, hasOthers, lockOf });
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

  async planRollout(asked: AskedPlan): Promise<Result<RolloutPlanned, NotDone>> {
    return this.#starts.plan(asked);
  }

  async startRollout(asked: AskedRollout): Promise<Result<StartedRollout, NotDone>> {
    if (this.#failure !== undefined) return err({ kind: "unavailable", message: this.#failure });
    return this.#saving(() => this.#starts.start(asked));
  }

  async actOnRollout(split: string, asked: AskedAction): Promise<Result<StoredRollout, NotDone>> {
    if (this.#failure !== undefined) return err({ kind: "unavailable", message: this.#failure });
    if (asked.action.kind === "retry") return this.#saving(() => this.#starts.retry(split, asked));
    return this.#saving(async () => {
      for (let tries = 0; tries < TRIES_MAX; tries += 1) {
        const current = this.#records.newest(split);
        if (current === undefined) return err({ kind: "unknown", names: this.#splitNames() });
        const other = notMeant(current, asked);
        if (other !== undefined) return err(other);
        const acted = act(current.record, asked.action, asked, this.#engine.observe(current.record));
        if (!acted.ok) return err({ kind: "not-now", message: acted.error, current });
        const saved = await this.#records.put(this.#engine.withVersions(current.record, acted.value), current.revision);
        if (saved === undefined) continue;
        this.#engine.owns(saved);
        this.#engine.look();
        return ok(saved);
      }
      return err(lostTo(this.#records.newest(split)));
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

  async #saving<T>(work: () => Promise<Result<T, NotDone>>): Promise<Result<T, NotDone>> {
    try {
      return await work();
    } catch (cause) {
      return err({ kind: "unavailable", message: messageOf(cause) });
    }
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
