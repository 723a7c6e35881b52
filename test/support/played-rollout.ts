/**
 * A rollout second by second, with Envoys that take weights at once and reports as a test says them.
 */
import type { TrafficCounters } from "../../src/evidence/traffic-counters.ts";
import type { Split } from "../../src/model/intent-split.ts";
import { sharesOf } from "../../src/model/live-weights.ts";
import { act } from "../../src/rollout/act.ts";
import { advance } from "../../src/rollout/advance.ts";
import { changeSplit, liveOf } from "../../src/rollout/change-split.ts";
import { actorOf } from "../../src/rollout/follow-weights.ts";
import type { NodeReport, Observed, PrometheusSeen } from "../../src/rollout/observed.ts";
import { readPlan } from "../../src/rollout/read-plan.ts";
import { readRollout, writeRollout } from "../../src/rollout/rollout-document.ts";
import type { RolloutAction, RolloutRecord } from "../../src/rollout/rollout-record.ts";
import type { SplitDocument } from "../../src/rollout/split-document.ts";
import { untouchedSplit } from "../../src/rollout/split-document.ts";
import { startRollout } from "../../src/rollout/start-rollout.ts";

const START_MS = 1_700_000_000_000;

const place = { file: "shop.yaml", line: 1, column: 1 };

export const shopSplit = {
  name: "shop",
  at: place,
  onLeaseExpiry: "default",
  backends: [
    { name: "stable", service: "shop", subset: "stable", weight: 100, at: place },
    { name: "canary", service: "shop", subset: "canary", weight: 0, at: place },
  ],
} as unknown as Split;

type Told = Partial<Omit<NodeReport, "reportedAtMs">>;

/** Both versions: the baseline has four times the requests of the canary, without an error. */
export function report(
  canary: number,
  errors: number,
): { readonly canary: TrafficCounters; readonly baseline: TrafficCounters } {
  return { canary: { completed: canary, errors }, baseline: { completed: canary * 4, errors: 0 } };
}

/** `plan` is as people write it, and must be right. */
export function played(plan: object, nodes: readonly string[]): PlayedRollout {
  const read = readPlan({ split: "shop", ...plan }, shopSplit, {
    shares: sharesOf(shopSplit, undefined),
    copying: { isPossible: true, mirroredAt: {} },
  });
  if (!read.ok) throw new Error(read.error.join("\n"));
  const of = { number: 1, target: "v2", plan: read.value, nowMs: START_MS, splitNumber: 0, actor: "ci" };
  return new PlayedRollout(startRollout({ ...of, shares: sharesOf(shopSplit, undefined) }), nodes);
}

/** `tick` lets a second pass. */
export class PlayedRollout {
  record: RolloutRecord;
  readonly #nodes: readonly string[];
  readonly #traffic = new Map<string, NodeReport>();
  readonly #loads = new Map<string, NodeReport>();
  #document: SplitDocument = untouchedSplit;
  /** As the config has it; undefined when it has none. */
  file: Split | undefined = shopSplit;
  isConfigInForce = true;
  /** When the Envoys came with nothing. */
  startedEmptyAtMs: number | undefined;
  standing: Partial<NonNullable<Observed["split"]>["standing"]> = {};
  prometheus: PrometheusSeen | undefined;
  #nowMs = START_MS;

  constructor(record: RolloutRecord, nodes: readonly string[]) {
    this.record = record;
    this.#nodes = nodes;
  }

  /** What is kept of the split. */
  get document(): SplitDocument {
    return this.#document;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** The clock of whoever acts is another from now on; reports are as old by it as they were. */
  setClock(byMs: number): void {
    this.#nowMs += byMs;
    for (const told of [this.#traffic, this.#loads]) {
      for (const [node, of] of told) told.set(node, { ...of, reportedAtMs: of.reportedAtMs + byMs });
    }
  }

  /** What a node reports now by OpenTelemetry. */
  traffic(node: string, told: Told): void {
    this.#traffic.set(node, { ...silent, canaryHealthyHosts: 1, ...told, reportedAtMs: this.#nowMs });
  }

  /** And by load reports. */
  loads(node: string, told: Told, countedSinceMs = 1): void {
    this.#loads.set(node, { ...silent, ...told, countedSinceMs, reportedAtMs: this.#nowMs });
  }

  tick(tell: () => void): void {
    this.#nowMs += 1_000;
    tell();
    for (let moves = 0; moves < 8; moves += 1) {
      const next = advance(this.record, this.#observe());
      const isStill = next.record === this.record && next.effects.length === 0;
      // As another replica would read it.
      this.record = readRollout(writeRollout(next.record)) ?? next.record;
      for (const effect of next.effects) {
        if (effect.kind !== "set-weights") continue;
        const { shares, expected, reason } = effect;
        const asked = { percents: undefined, shares, expected, actor: actorOf(this.record), reason };
        const changed = changeSplit(this.file ?? shopSplit, this.#document, asked, this.#nowMs);
        if (changed.ok) this.#document = changed.value;
      }
      if (isStill) return;
    }
  }

  /** What somebody does to it; the error is a sentence. */
  act(action: RolloutAction): string | undefined {
    const acted = act(this.record, action, { actor: "ann" }, this.#observe());
    if (!acted.ok) return acted.error;
    this.record = acted.value;
    return undefined;
  }

  /** Ticks until the rollout is in a phase, two minutes at most. */
  until(phase: RolloutRecord["phase"]["kind"], tell: () => void): void {
    for (let seconds = 0; seconds < 120 && this.record.phase.kind !== phase; seconds += 1) this.tick(tell);
    if (this.record.phase.kind !== phase) throw new Error(`it is ${JSON.stringify(this.record.phase)}, not ${phase}`);
  }

  /** Requests and errors of the canary in the last step. */
  counted(): readonly [number, number] {
    const { completed = 0, errors = 0 } = this.record.steps.at(-1)?.canary ?? {};
    return [completed, errors];
  }

  #observe(): Observed {
    const standing = {
      state: "applied" as const,
      acknowledgedCount: this.#nodes.length,
      pendingCount: 0,
      rejectedCount: 0,
      laggards: [],
      ...this.standing,
    };
    const { file } = this;
    const shares = sharesOf(file ?? shopSplit, liveOf("shop", this.#document));
    return {
      nowMs: this.#nowMs,
      isConfigInForce: this.isConfigInForce,
      split: file === undefined ? undefined : { document: this.#document, file, shares, standing },
      nodes: this.#nodes.map((id) => ({ id, startedEmptyAtMs: this.startedEmptyAtMs })),
      traffic: this.#traffic,
      loads: this.#loads,
      prometheus: this.prometheus,
      routes: [],
      before: { errors: Array.from({ length: 30 }, () => ({ completed: 1_000, bad: 0 })) },
    };
  }
}

const silent = { canary: undefined, baseline: undefined, canaryHealthyHosts: undefined };
