/**
 * Moves rollouts on: looks, asks `advance`, saves what it says by compare-and-swap, and then does it.
 *
 * Every replica has one, and any may act. The one that has written a record last goes on with it; another one takes over
 * when nothing was written for a while although something is due. Whoever is too late loses the swap and does nothing.
 */
import type { NotChanged } from "../rollout/change-split.ts";
import { liveOf } from "../rollout/change-split.ts";
import { sharesOf } from "../model/live-weights.ts";
import { advance } from "../rollout/advance.ts";
import type { Advanced } from "../rollout/advance.ts";
import { withVersionsAtEnd } from "../rollout/config-versions.ts";
import { describePhase } from "../rollout/describe-rollout.ts";
import { actorOf } from "../rollout/follow-weights.ts";
import type { Effect, Observed, WebhookAnswer } from "../rollout/observed.ts";
import type { RolloutPlan } from "../rollout/rollout-plan.ts";
import type { RolloutRecord } from "../rollout/rollout-record.ts";
import { isActive } from "../rollout/rollout-record.ts";
import type { SeenRoutes } from "../rollout/route-counts.ts";
import type { Clock } from "../support/clock.ts";
import type { FairwayEvent } from "../telemetry/event.ts";
import { countsCopies } from "../rollout/mirroring.ts";
import { LateSplits } from "./late-splits.ts";
import { RECONNECT_MS_MAX } from "./remembered-nodes.ts";
import type { HeardRollout, RolloutRecords } from "./rollout-records.ts";
import type { RolloutPort } from "./rollout-port.ts";
import { splitNamed } from "./rollout-port.ts";
import type { PrometheusAccess } from "./prometheus-access.ts";
import { PrometheusClient } from "./prometheus-client.ts";
import type { VersionClusters } from "./rollout-traffic.ts";
import { TrafficBefore, asCopies, asLoads, clustersOf, inStatistics, namesOf, reportsOf } from "./rollout-traffic.ts";
import { RolloutClocks } from "./rollout-clocks.ts";
import { callWebhook } from "./rollout-webhook.ts";
import type { TrafficBoard } from "./traffic-board.ts";
import { seenRoutes, watchedClusters, watchedSplits } from "./watched-routes.ts";

/** A rollback is decided and written within this, and served at once then. */
const LOOK_EACH_MS = 200;

/** A replica that has written nothing for so long may be gone. */
const TAKEOVER_MS = 5_000;

/** Moves that follow each other without anything to wait for; more of them would be a mistake of ours. */
const MOVES_MAX = 8;

/** A tenth of what it counts in. */
const LOOK_BEFORE_EACH_MS = 500;

/** After a failed write. */
const RETRY_MS = 1_000;

export interface RolloutEngineOptions {
  readonly records: RolloutRecords;
  readonly port: RolloutPort;
  readonly clock: Clock;
  /** Absent where no other replica has to be told. */
  readonly board?: TrafficBoard | undefined;
  /** Without others there is nobody to take over from. */
  readonly hasOthers: boolean;
  /** Credentials for a Prometheus. */
  readonly prometheus?: PrometheusAccess | undefined;
  readonly onWarning: (text: string) => void;
  record(event: FairwayEvent): void;
}

/** `start` begins to look; `close` ends it and waits for what it does. */
export class RolloutEngine {
  readonly #options: RolloutEngineOptions;
  readonly #before = new TrafficBefore();
  readonly #prometheus: PrometheusClient;
  readonly #clocks: RolloutClocks;
  /** The revisions that this replica has written last. */
  readonly #own = new Map<string, number>();
  readonly #late: LateSplits;
  readonly #webhooks = new Map<string, { readonly key: string; answer: WebhookAnswer | undefined }>();
  readonly #waitsUntilMs = new Map<string, number>();
  /** By split and node: since when it is missing. */
  readonly #missingSinceMs = new Map<string, ReadonlyMap<string, number>>();
  #lookedBeforeAtMs = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> | undefined;

  constructor(options: RolloutEngineOptions) {
    this.#options = options;
    this.#prometheus = new PrometheusClient(options.clock, options.prometheus);
    this.#late = new LateSplits({ clock: options.clock, lookAgain: () => options.port.lookAgain() });
    this.#clocks = new RolloutClocks(options.clock);
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), LOOK_EACH_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#prometheus.close();
    await this.#work;
  }

  /** Looks now, unless it does already. */
  look(): void {
    this.#work ??= this.#lookAtAll().finally(() => {
      this.#work = undefined;
    });
  }

  /** A person has acted here, so this replica goes on. */
  owns({ record, revision }: Pick<HeardRollout, "record" | "revision">): void {
    this.#own.set(record.plan.split, revision);
    this.#clocks.wrote(record);
  }

  /** What becomes of a record; when it has ended, with the versions that are served. */
  withVersions(before: RolloutRecord, record: RolloutRecord): RolloutRecord {
    return withVersionsAtEnd(before, record, (groups) => this.#options.port.versions(groups));
  }

  /** What is seen of the split of a rollout. */
  observe(record: RolloutRecord): Observed {
    const { port, clock, board = port } = this.#options;
    const { plan } = record;
    const found = splitNamed(port, plan.split);
    const nowMs = clock.nowMs();
    const asked = this.#webhooks.get(record.id);
    const webhook = asked?.key === webhookKey(record) ? asked.answer : undefined;
    const isConfigInForce = port.isConfigInForce();
    if (found === undefined) {
      return { nowMs, isConfigInForce, split: undefined, nodes: [], traffic: new Map(), routes: [], before: {} };
    }
    const { split, standing } = found;
    const clusters = { canary: clustersOf(split, plan.canary), baseline: clustersOf(split, plan.baseline) };
    const names = namesOf(clusters);
    const { document } = standing;
    const nodes = port.nodes(standing.groups);
    return {
      nowMs,
      isConfigInForce,
      split: { document, file: split, shares: sharesOf(split, liveOf(split.name, document)), standing },
      nodes,
      ...this.#missing(record, nodes),
      traffic: reportsOf(board.traffic.read(names), clusters),
      loads: reportsOf(board.loads.read(names), {
        canary: asLoads(clusters.canary),
        baseline: asLoads(clusters.baseline),
      }),
      prometheus: this.#prometheus.seen(record, namesInStatistics(record, clusters)),
      routes: this.#routesOf(plan, clusters),
      before: this.before(plan),
      webhook,
    };
  }

  /** What the baseline of a plan did lately. */
  before({ split, baseline, gates }: RolloutPlan): Observed["before"] {
    return this.#before.of(split, baseline, gates.slow?.thresholdMs);
  }

  /** Whoever is missing for longer may be gone for good, and is not waited for. */
  #missing(
    { plan: { split }, nodesBefore = [], nodesGone = [] }: RolloutRecord,
    nodes: Observed["nodes"],
  ): Required<Pick<Observed, "missing" | "away">> {
    const nowMs = this.#options.clock.monotonicMs();
    const here = new Set(nodes.map(({ id }) => id));
    const before = this.#missingSinceMs.get(split);
    const since = new Map(nodesBefore.filter((id) => !here.has(id)).map((id) => [id, before?.get(id) ?? nowMs]));
    this.#missingSinceMs.set(split, since);
    const isAway = (id: string) => nowMs - (since.get(id) ?? nowMs) >= RECONNECT_MS_MAX;
    const lost = [...since.keys()];
    const away = new Set([...lost.filter(isAway), ...nodesGone.filter((id) => !here.has(id) && !since.has(id))]);
    return { missing: lost.filter((id) => !isAway(id)), away: [...away] };
  }

  async #lookAtAll(): Promise<void> {
    const { records, port, clock, onWarning, record } = this.#options;
    if (!port.isServing()) return;
    this.#lookBefore();
    const active = records.all().filter((heard) => isActive(heard.record));
    this.#watch(active);
    this.#tellOthers(active);
    const over = records.all().filter((heard) => !isActive(heard.record));
    for (const heard of [...active, ...over]) {
      const { split } = heard.record.plan;
      if (clock.monotonicMs() < (this.#waitsUntilMs.get(split) ?? 0)) continue;
      try {
        await (isActive(heard.record) ? this.#move(heard) : this.#clearAfter(heard));
      } catch (cause) {
        this.#waitsUntilMs.set(split, clock.monotonicMs() + RETRY_MS);
        const why = cause instanceof Error ? cause.message : String(cause);
        onWarning(`the rollout ${heard.record.id} cannot go on: ${why}`);
        record({ kind: "rollout-failed", atMs: clock.monotonicMs(), rollout: heard.record.id });
      }
    }
  }

  /** What versions do while nothing is rolled out, which tells how their errors come. */
  #lookBefore(): void {
    const { port, clock, board = port } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#lookedBeforeAtMs < LOOK_BEFORE_EACH_MS) return;
    this.#lookedBeforeAtMs = nowMs;
    this.#before.look(port.served(), board, nowMs);
  }

  #routesOf(
    { split }: RolloutRecord["plan"],
    { canary, baseline }: Readonly<Record<"canary" | "baseline", VersionClusters>>,
  ): readonly SeenRoutes[] {
    const { port, board } = this.#options;
    const rules = port.served().find(({ name }) => name === split)?.rules ?? [];
    const sources = (board ?? port.routes).readRoutes([...canary.counted, ...baseline.counted]);
    return seenRoutes(sources, { canary: canary.counted, baseline: baseline.counted, rules });
  }

  /** On every replica, because an Envoy tells whichever it is connected to. */
  #watch(active: readonly HeardRollout[]): void {
    const { port } = this.#options;
    const records = active.map(({ record }) => record);
    port.routes.watch(watchedClusters(records, port.served()));
    port.watchSplits(watchedSplits(records));
  }

  #tellOthers(active: readonly HeardRollout[]): void {
    const { board, port } = this.#options;
    if (board === undefined || active.length === 0) return;
    const names = active.flatMap(({ record: { plan } }) => {
      const split = splitNamed(port, plan.split)?.split;
      return split === undefined
        ? []
        : namesOf({ canary: clustersOf(split, plan.canary), baseline: clustersOf(split, plan.baseline) });
    });
    board.tell([...new Set(names)].sort());
  }

  async #move(heard: HeardRollout): Promise<void> {
    const { records, clock } = this.#options;
    const { split } = heard.record.plan;
    const isNewest = this.#own.get(split) === heard.revision;
    if (!isNewest) this.#clocks.lost(split);
    const isOwn = isNewest || !this.#options.hasOthers;
    if (!isOwn && clock.monotonicMs() - heard.heardAtMs < TAKEOVER_MS) return;
    this.#askPrometheus(heard.record);
    let now: Pick<HeardRollout, "record" | "revision"> = heard;
    for (let moves = 0; moves < MOVES_MAX; moves += 1) {
      const moved = this.#advanced(now.record);
      if (moved === undefined) return;
      const next = { ...moved, record: this.withVersions(now.record, moved.record) };
      if (next.record !== now.record) {
        // First, so that whoever is killed in between has left nothing in force that nobody judges.
        if (!isActive(next.record) && !(await this.#takeBack(next.record))) return;
        const saved = await records.put(next.record, now.revision);
        if (saved === undefined) return;
        this.owns(saved);
        now = saved;
      } else if (next.effects.length === 0) return;
      for (const effect of next.effects) await this.#carryOut(effect, now.record);
      // A webhook answers later.
      if (next.effects.some(({ kind }) => kind === "call-webhook") || !isActive(now.record)) return;
    }
  }

  /** Undefined where another replica knows more, whose writes must not be contradicted all the time. */
  #advanced(before: RolloutRecord): Advanced | undefined {
    const record = this.#clocks.byClock(before);
    if (record !== before) return { record, effects: [] };
    const seen = this.#late.caughtUp(record, this.observe(record));
    if (seen.split === undefined && seen.isConfigInForce === false && this.#options.hasOthers) return undefined;
    return advance(record, seen);
  }

  /** Only by the replica that moves this rollout, and while there is something to decide. */
  #askPrometheus(record: RolloutRecord): void {
    const { plan, phase } = record;
    if (plan.evidence === undefined || phase.kind === "rolling-back" || phase.kind === "promoting") return;
    const split = splitNamed(this.#options.port, plan.split)?.split;
    if (split === undefined) return;
    const clusters = { canary: clustersOf(split, plan.canary), baseline: clustersOf(split, plan.baseline) };
    this.#prometheus.ask(record, namesInStatistics(record, clusters));
  }

  /** What one could not do that ended while the config had no split. */
  async #clearAfter(heard: HeardRollout): Promise<void> {
    const { record } = heard;
    if (!(await this.#takeBack(record))) return;
    if (this.#options.port.hasCopies(record.plan.split)) await this.#move(heard);
  }

  /** Whether nothing is left of its weights that nobody judges. */
  async #takeBack(record: RolloutRecord): Promise<boolean> {
    const taken = await this.#options.port.takeBack(record);
    if (!taken.ok && taken.error.kind !== "conflict") throw new Error(refusalText(record, taken.error));
    return taken.ok;
  }

  async #carryOut(effect: Effect, record: RolloutRecord): Promise<void> {
    if (effect.kind === "call-webhook") return this.#ask(effect, record);
    const { shares, mirror, expected, reason } = effect;
    const asked = { percents: undefined, shares, mirror, expected, actor: actorOf(record), reason };
    const changed = await this.#options.port.changeSplit(record.plan.split, asked);
    // Whoever was first is seen at the next look.
    if (changed.ok || changed.error.kind === "conflict") return;
    throw new Error(refusalText(record, changed.error));
  }

  #ask(effect: Effect & { readonly kind: "call-webhook" }, record: RolloutRecord): void {
    const key = webhookKey(record);
    if (this.#webhooks.get(record.id)?.key === key) return;
    const asked: { readonly key: string; answer: WebhookAnswer | undefined } = { key, answer: undefined };
    this.#webhooks.set(record.id, asked);
    void callWebhook(record, effect).then((answer) => {
      asked.answer = answer;
    });
  }
}

function refusalText({ plan }: RolloutRecord, refusal: Exclude<NotChanged, { readonly kind: "conflict" }>): string {
  const why = refusal.kind === "unknown-split" ? "the config has no such split" : refusal.message;
  return `the weights of ${plan.split} cannot be set: ${why}`;
}

/** Resumed after a pause it is asked once more. */
function webhookKey({ stepIndex, phase }: RolloutRecord): string {
  return `${stepIndex} ${phase.sinceMs}`;
}

/** What a Prometheus is asked about in this step: of the canary its requests, or copies of them. */
function namesInStatistics(
  record: RolloutRecord,
  { canary, baseline }: Readonly<Record<"canary" | "baseline", VersionClusters>>,
): Readonly<Record<"canary" | "baseline", VersionClusters>> {
  return {
    canary: inStatistics(countsCopies(record) ? asCopies(canary) : canary),
    baseline: inStatistics(baseline),
  };
}

/** For the log, once for each thing that is new. */
export function rolloutEvent(
  before: RolloutRecord | undefined,
  record: RolloutRecord,
  atMs: number,
): FairwayEvent | undefined {
  const { phase } = record;
  const isNew =
    before === undefined ||
    before.phase.kind !== phase.kind ||
    before.phase.sinceMs !== phase.sinceMs ||
    before.steps.length !== record.steps.length;
  if (!isNew || phase.kind === "settling") return undefined;
  const isTrouble =
    phase.kind === "rolling-back" ||
    phase.kind === "paused" ||
    (phase.kind === "done" && record.outcome?.kind !== "promoted");
  const text = describePhase(record);
  return { kind: "rollout-changed", atMs, rollout: record.id, phase: phase.kind, isTrouble, text };
}
