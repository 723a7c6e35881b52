/**
 * Rollouts that begin: what is asked for held against what there is, in an order that gives each job the same answer
 * wherever the weights are by then.
 *
 * First comes what was started before: the same key, then the same plan and target that are on, which a job that runs again
 * attaches to. Then what is wrong with the plan in itself, then who is in the way, and only then what the weights of this
 * moment forbid: those of a rollout that is on say nothing about the next.
 */
import { sharesOf } from "../model/live-weights.ts";
import { act } from "../rollout/act.ts";
import { liveOf } from "../rollout/change-split.ts";
import { describePlan, describeTerms } from "../rollout/describe-rollout.ts";
import { describeProof } from "../rollout/proof-size.ts";
import { notMeant } from "../rollout/meant-rollout.ts";
import { missingFor } from "../rollout/preflight.ts";
import { planOfWords, planProblemsNow, readPlan, readPlanAlone, splitOfPlan } from "../rollout/read-plan.ts";
import { activeText, besideText, leasedText } from "../rollout/refusal-words.ts";
import type { RolloutPlan } from "../rollout/rollout-plan.ts";
import { changesWeights } from "../rollout/rollout-plan.ts";
import type { RolloutLock, RolloutRecord } from "../rollout/rollout-record.ts";
import { isActive } from "../rollout/rollout-record.ts";
import type {
  AskedAction,
  AskedPlan,
  AskedRollout,
  NotDone,
  RolloutPlanned,
  StartedRollout,
  StoredRollout,
} from "../rollout/rollout-views.ts";
import type { Shares } from "../rollout/split-document.ts";
import type { SplitStanding } from "../rollout/split-standing.ts";
import type { Started } from "../rollout/start-rollout.ts";
import { hashOfAsked, hashOfPlan, startRollout } from "../rollout/start-rollout.ts";
import type { Clock } from "../support/clock.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";
import { rolloutBeside } from "./rollout-beside.ts";
import type { RolloutEngine } from "./rollout-engine.ts";
import type { RolloutPort } from "./rollout-port.ts";
import { splitNamed } from "./rollout-port.ts";
import type { RolloutRecords } from "./rollout-records.ts";

/** Somebody else writes the same record at the same moment. */
const WITHDRAWALS_MAX = 10;

export interface RolloutStartsOptions {
  readonly records: RolloutRecords;
  readonly engine: Pick<RolloutEngine, "observe" | "before" | "owns" | "withVersions">;
  readonly port: RolloutPort;
  readonly clock: Clock;
  /** Other replicas start rollouts too. */
  readonly hasOthers: boolean;
  lockOf(split: string): RolloutLock | undefined;
}

/** The split of a plan, and where its weights are. */
interface Found {
  readonly standing: SplitStanding;
  readonly shares: Shares;
}

type Begun = Pick<Started, "target" | "plan" | "askedHash" | "idempotencyKey" | "actor" | "reason">;

export class RolloutStarts {
  readonly #options: RolloutStartsOptions;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: RolloutStartsOptions) {
    this.#options = options;
  }

  /** What would happen; nothing is changed. */
  plan(asked: AskedPlan): Result<RolloutPlanned, NotDone> {
    const split = splitOfPlan(asked.plan);
    if (split === undefined) return err(withoutSplit);
    const on = this.#active(split);
    const { target } = asked;
    if (on !== undefined && target !== undefined && this.#isSame(on.record, { plan: asked.plan, target })) {
      return ok({ ...inWords(on.record.plan), warnings: [], attachesTo: on });
    }
    const found = this.#found(split);
    if (found === undefined) return err(this.#unknown());
    if (on !== undefined) {
      const plan = readPlanAlone(asked.plan, found.standing.split);
      if (!plan.ok) return err({ kind: "invalid", problems: plan.error });
      return ok({ ...inWords(plan.value), warnings: [`${activeText(on)}; ${untilOver(target)}`] });
    }
    const plan = readNow(asked.plan, found);
    if (!plan.ok) return err({ kind: "invalid", problems: plan.error });
    const warnings = [...this.#warnings(plan.value, found.standing), ...this.#waits(plan.value, found)];
    const { steps, terms } = inWords(plan.value);
    const proof = describeProof(plan.value, { shares: found.shares, before: this.#options.engine.before(plan.value) });
    return ok({ steps, terms: [...terms, ...proof], warnings });
  }

  /** One at a time, so that of two of this replica the second sees the first. Throws when the state cannot be used. */
  start(asked: AskedRollout): Promise<Result<StartedRollout, NotDone>> {
    return this.#oneByOne(async () => {
      const replay = await this.#replayOf(asked);
      if (replay !== undefined) return replay;
      const split = splitOfPlan(asked.plan);
      if (split === undefined) return err(withoutSplit);
      const on = this.#active(split);
      if (on !== undefined && this.#isSame(on.record, asked)) return attached(on);
      const found = this.#found(split);
      if (found === undefined) return err(on === undefined ? this.#unknown() : { kind: "active", current: on });
      const alone = readPlanAlone(asked.plan, found.standing.split);
      if (!alone.ok) return err({ kind: "invalid", problems: alone.error });
      const inTheWay = this.#inTheWay(alone.value, asked.actor);
      if (inTheWay !== undefined) return err(inTheWay);
      const plan = readNow(asked.plan, found);
      if (!plan.ok) return err({ kind: "invalid", problems: plan.error });
      const begun = await this.#begin({ ...asked, plan: plan.value, askedHash: hashOfAsked(asked) }, found);
      if (begun.ok) return ok({ ...begun.value, isNew: true, isReplay: false });
      const winner = begun.error.kind === "active" ? begun.error.current : undefined;
      // The same job at another replica was first.
      if (winner !== undefined && this.#isSame(winner.record, asked)) return attached(winner);
      return begun;
    });
  }

  /** The same plan to the same target once more, when it did not end well and may be begun now. */
  retry(split: string, asked: AskedAction): Promise<Result<StoredRollout, NotDone>> {
    return this.#oneByOne(async () => {
      const current = this.#options.records.newest(split);
      if (current === undefined) return err(this.#unknown());
      const other = notMeant(current, asked);
      if (other !== undefined) return err(other);
      const { record } = current;
      if (isActive(record)) return err({ kind: "not-now", message: "it is not over", current });
      if (record.outcome?.kind === "promoted") return err({ kind: "not-now", message: "it was promoted", current });
      const found = this.#found(split);
      if (found === undefined) return err(this.#unknown());
      const inTheWay = this.#inTheWay(record.plan, asked.actor);
      if (inTheWay !== undefined) return err(inTheWay);
      const { standing, shares } = found;
      const problems = planProblemsNow(record.plan, standing.split, { shares, copying: standing.copying });
      if (problems.length > 0) return err({ kind: "invalid", problems });
      const { plan, target, askedHash } = record;
      return this.#begin({ plan, target, askedHash, actor: asked.actor, reason: asked.reason }, found);
    });
  }

  /** Who keeps others from starting it; the weights are not looked at. */
  #inTheWay(plan: RolloutPlan, actor: string): NotDone | undefined {
    const { records, port, lockOf } = this.#options;
    const { split } = plan;
    const on = this.#active(split);
    if (on !== undefined) return { kind: "active", current: on };
    const lock = lockOf(split);
    if (lock !== undefined && lock.owner !== actor) return { kind: "locked", split, lock };
    return rolloutBeside(plan, port.served(), records.all());
  }

  async #begin(of: Begun, { standing, shares }: Found): Promise<Result<StoredRollout, NotDone>> {
    const { records, port, engine, clock, hasOthers } = this.#options;
    const { split } = of.plan;
    const leased = leaseOf(of.plan, standing);
    if (leased !== undefined) return err(leased);
    const newest = records.newest(split);
    const record = startRollout({
      ...of,
      number: (newest?.record.number ?? 0) + 1,
      nowMs: clock.nowMs(),
      shares,
      splitNumber: standing.document.number,
      versions: port.versions(standing.groups),
    });
    if (newest !== undefined) await records.archive(newest.record);
    const saved = await records.put(record, newest?.revision ?? 0);
    if (saved === undefined) return err(lostTo(records.newest(split)));
    // Another replica may have begun one of another split meanwhile: at least the later of the two sees both.
    const beside = hasOthers ? rolloutBeside(of.plan, port.served(), await records.readAgain()) : undefined;
    if (beside !== undefined) {
      await this.#withdraw(saved, besideText(beside));
      return err(beside);
    }
    engine.owns(saved);
    return ok(saved);
  }

  async #withdraw({ record: { id, plan } }: StoredRollout, reason: string): Promise<void> {
    const { records, engine } = this.#options;
    for (let tries = 0; tries < WITHDRAWALS_MAX; tries += 1) {
      const current = records.newest(plan.split);
      if (current === undefined || current.record.id !== id) return;
      const { record, revision } = current;
      const acted = act(record, { kind: "abort" }, { actor: "fairway", reason }, engine.observe(record));
      if (!acted.ok) return;
      const saved = await records.put(engine.withVersions(record, acted.value), revision);
      if (saved !== undefined) return engine.owns(saved);
    }
  }

  /** What was started with this key before, whatever has become of it, and of whichever split. */
  async #replayOf(asked: AskedRollout): Promise<Result<StartedRollout, NotDone> | undefined> {
    if (asked.idempotencyKey === undefined) return undefined;
    const current = await this.#options.records.withKey(asked.idempotencyKey);
    if (current === undefined) return undefined;
    return this.#isSame(current.record, asked)
      ? ok({ ...current, isNew: false, isReplay: true })
      : err({ kind: "key-reused", current });
  }

  /** By what was written, and else by what it means: limits and weights may be others since. */
  #isSame(record: RolloutRecord, asked: { readonly plan: unknown; readonly target: string }): boolean {
    if (record.askedHash === hashOfAsked(asked)) return true;
    const name = splitOfPlan(asked.plan);
    const split = this.#options.port.served().find((each) => each.name === name);
    const plan = split === undefined ? undefined : planOfWords(asked.plan, split);
    return plan !== undefined && hashOfPlan(asked.target, plan) === record.planHash;
  }

  #warnings(plan: RolloutPlan, standing: SplitStanding): readonly string[] {
    const { records, port, lockOf } = this.#options;
    const warnings: string[] = [];
    const lock = lockOf(plan.split);
    if (lock !== undefined) {
      warnings.push(`it is locked by ${lock.owner} until ${new Date(lock.endsAtMs).toISOString()}`);
    }
    const beside = rolloutBeside(plan, port.served(), records.all());
    if (beside !== undefined) warnings.push(`until it is over a start is refused: ${besideText(beside)}`);
    if (!isConnected(standing)) warnings.push("no Envoy of this split is connected");
    const leased = leaseOf(plan, standing);
    if (leased !== undefined) warnings.push(`a start is refused: ${leasedText(leased)}`);
    else if (standing.document.leaseEndsAtMs !== undefined) {
      warnings.push("the weights have a lease; when it ends during the rollout, the rollout ends with it");
    }
    return warnings;
  }

  /** What a start would wait for now; what a Prometheus says is not known before. */
  #waits(plan: RolloutPlan, { standing, shares }: Found): readonly string[] {
    if (plan.evidence !== undefined || !isConnected(standing)) return [];
    const nowMs = this.#options.clock.nowMs();
    const of = { number: 1, target: "", actor: "", splitNumber: standing.document.number, versions: {} };
    const record = startRollout({ ...of, plan, nowMs, shares });
    const missing = missingFor(record, this.#options.engine.observe(record));
    return missing === undefined ? [] : [`started now, it would wait for ${missing}`];
  }

  #active(split: string): StoredRollout | undefined {
    const newest = this.#options.records.newest(split);
    return newest !== undefined && isActive(newest.record) ? newest : undefined;
  }

  #found(name: string): Found | undefined {
    const found = splitNamed(this.#options.port, name);
    if (found === undefined) return undefined;
    const { split, standing } = found;
    return { standing, shares: sharesOf(split, liveOf(name, standing.document)) };
  }

  #unknown(): NotDone {
    return { kind: "unknown", names: this.#options.port.served().map(({ name }) => name) };
  }

  #oneByOne<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** Why nothing was written: somebody else was first. */
export function lostTo(current: StoredRollout | undefined): NotDone {
  return current === undefined || !isActive(current.record)
    ? { kind: "conflict", current }
    : { kind: "active", current };
}

const withoutSplit: NotDone = { kind: "invalid", problems: ["split: say which split it moves"] };

function attached(on: StoredRollout): Result<StartedRollout, NotDone> {
  return ok({ ...on, isNew: false, isReplay: false });
}

function readNow(written: unknown, { standing, shares }: Found): Result<RolloutPlan, readonly string[]> {
  return readPlan(written, standing.split, { shares, copying: standing.copying });
}

function inWords(plan: RolloutPlan): Pick<RolloutPlanned, "steps" | "terms"> {
  return { steps: describePlan(plan), terms: describeTerms(plan) };
}

function untilOver(target: string | undefined): string {
  return target === undefined
    ? "a start with its plan and its target attaches to it, and any other is refused until it is over"
    : "until it is over a start is refused";
}

/** Weights with a lease are taken back when nobody renews them; whoever sets others would end that promise. */
function leaseOf(
  plan: RolloutPlan,
  { document }: SplitStanding,
): Extract<NotDone, { readonly kind: "leased" }> | undefined {
  const { leaseEndsAtMs: endsAtMs, history } = document;
  if (endsAtMs === undefined || !changesWeights(plan)) return undefined;
  return { kind: "leased", split: plan.split, endsAtMs, by: history[0]?.actor ?? "somebody" };
}

function isConnected({ acknowledgedCount, pendingCount, rejectedCount }: SplitStanding): boolean {
  return acknowledgedCount + pendingCount + rejectedCount > 0;
}
