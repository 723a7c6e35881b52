/**
 * A world for the engine of rollouts: a state store, Envoys that take weights when they please, requests by chance, and
 * controllers that are killed between any two things that they do.
 *
 * A controller remembers nothing: each turn it reads the record, asks `advance`, and saves by compare-and-swap. It dies
 * before or after the save, or before or after what it was to do then.
 */
import type { Split } from "../../src/model/intent-split.ts";
import { sharesOf } from "../../src/model/live-weights.ts";
import { advance } from "../../src/rollout/advance.ts";
import { changeSplit, liveOf } from "../../src/rollout/change-split.ts";
import { actorOf } from "../../src/rollout/follow-weights.ts";
import type { NodeReport, Observed } from "../../src/rollout/observed.ts";
import { readRollout, writeRollout } from "../../src/rollout/rollout-document.ts";
import type { RolloutPlan } from "../../src/rollout/rollout-plan.ts";
import type { RolloutRecord } from "../../src/rollout/rollout-record.ts";
import { readPlan } from "../../src/rollout/read-plan.ts";
import type { SplitDocument } from "../../src/rollout/split-document.ts";
import { untouchedSplit } from "../../src/rollout/split-document.ts";
import { startRollout } from "../../src/rollout/start-rollout.ts";
import type { Random } from "../support/random.ts";
import { createRandom } from "../support/random.ts";
import { binomial } from "../support/random-counts.ts";

/** What may happen in it. */
export interface Fate {
  /** Requests a second at each Envoy. */
  readonly rate: number;
  /** Shares of bad requests. */
  readonly baselineErrors: number;
  readonly canaryErrors: number;
  /** Of the turns of a controller, from 0 to 1. */
  readonly killed: number;
  readonly envoys: number;
  /** At this share the Envoys refuse the weights. */
  readonly refusedFrom?: number;
  /** At this share an Envoy crashes after it has taken them. */
  readonly crashesFrom?: number;
  readonly isSilent?: boolean;
  /** Of the looks at the split, those that see it as it was before its last changes, from 0 to 1. */
  readonly late?: number;
}

export interface Played {
  readonly record: RolloutRecord;
  /** Of the canary, in the order in which they were set, without repetitions. */
  readonly shares: readonly number[];
  readonly finalShare: number;
  /** Of the requests, those that were copied to the canary after each of these changes. */
  readonly mirrors: readonly number[];
  /** Users that had an error of the canary. */
  readonly errorsSeen: number;
  readonly kills: number;
  readonly lateLooks: number;
  readonly seconds: number;
}

const place = { file: "shop.yaml", line: 1, column: 1 };
const split: Split = {
  name: "shop",
  at: place,
  onLeaseExpiry: "default",
  backends: [
    { name: "stable", service: "shop", subset: "stable", weight: 100, at: place },
    { name: "canary", service: "shop", subset: "canary", weight: 0, at: place },
  ],
} as unknown as Split;

/** A plan as people write it, which must be right. */
export function planOf(written: object): RolloutPlan {
  const copying = { isPossible: true, mirroredAt: {} };
  const read = readPlan({ split: "shop", ...written }, split, { shares: sharesOf(split, undefined), copying });
  if (!read.ok) throw new Error(read.error.join("\n"));
  return read.value;
}

/** A view that is behind by more has been lost with its watch, and is read anew. */
const LATE_CHANGES_MAX = 2;

const TURN_MS = 500;
const REPORT_MS = 5_000;
const START_MS = 1_700_000_000_000;

interface Envoy {
  readonly id: string;
  /** The number of the change whose weights it has. */
  has: number;
  share: number;
  mirror: number;
  startedEmptyAtMs: number | undefined;
  isCrashed: boolean;
  readonly counters: Record<"canary" | "baseline" | "mirrored", { completed: number; errors: number }>;
  report: NodeReport | undefined;
  readonly phase: number;
}

/** Plays one rollout until it is over, paused by the engine, or half a day has passed. */
export function playRollout(plan: RolloutPlan, fate: Fate, seed: number): Played {
  const random = createRandom(seed);
  const world = new World(plan, fate, random);
  for (let turn = 0; turn < 86_400 && !world.isSettled; turn += 1) world.turn();
  return world.played;
}

class World {
  readonly #fate: Fate;
  readonly #random: Random;
  readonly #envoys: readonly Envoy[];
  #nowMs = START_MS;
  #document: SplitDocument = untouchedSplit;
  /** What it was before each of the last changes, which whoever is late sees. */
  #documentsBefore: readonly SplitDocument[] = [];
  #lateLooks = 0;
  #stored: { readonly bytes: Uint8Array; readonly revision: number };
  #kills = 0;
  readonly #shares: number[] = [];
  readonly #mirrors: number[] = [];

  constructor(plan: RolloutPlan, fate: Fate, random: Random) {
    this.#fate = fate;
    this.#random = random;
    this.#envoys = Array.from({ length: fate.envoys }, (_, index) => ({
      id: `envoy-${index}`,
      has: 0,
      share: 0,
      mirror: 0,
      startedEmptyAtMs: undefined,
      isCrashed: false,
      counters: {
        canary: { completed: 0, errors: 0 },
        baseline: { completed: 0, errors: 0 },
        mirrored: { completed: 0, errors: 0 },
      },
      report: undefined,
      phase: random.int(REPORT_MS),
    }));
    const shares = sharesOf(split, undefined);
    const of = { number: 1, target: "v2", plan, nowMs: START_MS, shares, splitNumber: 0, actor: "ci" };
    this.#stored = { bytes: writeRollout(startRollout(of)), revision: 1 };
  }

  get isSettled(): boolean {
    const { phase } = this.#record();
    return phase.kind === "done" || phase.kind === "paused";
  }

  get played(): Played {
    return {
      record: this.#record(),
      shares: this.#shares,
      finalShare: sharesOf(split, liveOf("shop", this.#document))["canary"] ?? 0,
      mirrors: this.#mirrors,
      errorsSeen: this.#envoys.reduce((sum, { counters }) => sum + counters.canary.errors, 0),
      kills: this.#kills,
      lateLooks: this.#lateLooks,
      seconds: (this.#nowMs - START_MS) / 1_000,
    };
  }

  turn(): void {
    this.#nowMs += TURN_MS;
    for (const envoy of this.#envoys) this.#live(envoy);
    // Two replicas that do not know of each other.
    this.#control();
    if (this.#random.chance(0.2)) this.#control();
  }

  /** One turn of a controller, which may die on the way. */
  #control(): void {
    const { revision } = this.#stored;
    const record = this.#record();
    const next = advance(record, this.#observe());
    if (this.#dies()) return;
    if (next.record !== record) {
      // Between reading and writing another one may have written.
      if (this.#random.chance(this.#fate.killed)) this.#rival();
      if (this.#stored.revision !== revision) return;
      this.#stored = { bytes: writeRollout(next.record), revision: revision + 1 };
    }
    for (const effect of next.effects) {
      if (this.#dies()) return;
      if (effect.kind !== "set-weights") continue;
      const { shares, mirror, expected, reason } = effect;
      const asked = { percents: undefined, shares, mirror, expected, actor: actorOf(record), reason };
      const changed = changeSplit(split, this.#document, asked, this.#nowMs);
      if (!changed.ok) continue;
      this.#documentsBefore = [this.#document, ...this.#documentsBefore].slice(0, LATE_CHANGES_MAX);
      this.#document = changed.value;
      this.#shares.push(shares["canary"] ?? 0);
      this.#mirrors.push(mirror?.share ?? 0);
    }
  }

  #rival(): void {
    const record = this.#record();
    const next = advance(record, this.#observe()).record;
    if (next !== record) this.#stored = { bytes: writeRollout(next), revision: this.#stored.revision + 1 };
  }

  #dies(): boolean {
    const dies = this.#random.chance(this.#fate.killed);
    if (dies) this.#kills += 1;
    return dies;
  }

  #live(envoy: Envoy): void {
    const { rate, canaryErrors, baselineErrors, refusedFrom = Infinity, crashesFrom = Infinity } = this.#fate;
    const share = sharesOf(split, liveOf("shop", this.#document))["canary"] ?? 0;
    const isWanted = envoy.has !== this.#document.number;
    if (isWanted && share < refusedFrom && this.#random.chance(0.4)) {
      envoy.has = this.#document.number;
      envoy.share = share;
      envoy.mirror = this.#document.mirror?.share ?? 0;
      if (share >= crashesFrom && !envoy.isCrashed) {
        envoy.isCrashed = true;
        envoy.startedEmptyAtMs = this.#nowMs + 1;
      }
    }
    const requests = (rate * TURN_MS) / 1_000;
    const canary = binomial(this.#random, requests, envoy.share / 10_000);
    const { counters } = envoy;
    counters.canary.completed += canary;
    counters.canary.errors += binomial(this.#random, canary, canaryErrors);
    counters.baseline.completed += requests - canary;
    counters.baseline.errors += binomial(this.#random, requests - canary, baselineErrors);
    const copies = binomial(this.#random, requests, envoy.mirror / 10_000);
    counters.mirrored.completed += copies;
    counters.mirrored.errors += binomial(this.#random, copies, canaryErrors);
    if (this.#fate.isSilent === true || (this.#nowMs + envoy.phase) % REPORT_MS >= TURN_MS) return;
    envoy.report = {
      reportedAtMs: this.#nowMs,
      canary: { ...counters.canary },
      baseline: { ...counters.baseline },
      mirrored: envoy.mirror > 0 || counters.mirrored.completed > 0 ? { ...counters.mirrored } : undefined,
      canaryHealthyHosts: 2,
    };
  }

  /** The split as a replica sees it whose watch of splits is not as far as that of rollouts. */
  #seenDocument(): SplitDocument {
    const before = this.#documentsBefore;
    if (before.length === 0 || !this.#random.chance(this.#fate.late ?? 0)) return this.#document;
    this.#lateLooks += 1;
    return before[this.#random.int(before.length)] ?? this.#document;
  }

  #observe(): Observed {
    const document = this.#seenDocument();
    const shares = sharesOf(split, liveOf("shop", document));
    const refuses = (shares["canary"] ?? 0) >= (this.#fate.refusedFrom ?? Infinity);
    // Whoever is late believes that Envoys are where he is.
    const behind = this.#envoys.filter(({ has }) => has < document.number);
    const state = behind.length === 0 ? "applied" : refuses ? "rejected" : "pending";
    return {
      nowMs: this.#nowMs,
      split: {
        document,
        file: split,
        shares,
        standing: {
          state,
          acknowledgedCount: this.#envoys.length - behind.length,
          pendingCount: refuses ? 0 : behind.length,
          rejectedCount: refuses ? behind.length : 0,
          laggards: behind.map(({ id }) => ({
            nodeId: id,
            state: refuses ? ("rejected" as const) : ("pending" as const),
            reason: refuses ? "shop.yaml:7: no such cluster" : undefined,
            overdue: false,
          })),
        },
      },
      nodes: this.#envoys.map(({ id, startedEmptyAtMs }) => ({ id, startedEmptyAtMs })),
      traffic: new Map(this.#envoys.flatMap(({ id, report }) => (report === undefined ? [] : [[id, report]]))),
      routes: [],
      before: { errors: Array.from({ length: 30 }, () => ({ completed: 1_000, bad: 0 })) },
    };
  }

  /** As another replica would read it. */
  #record(): RolloutRecord {
    const record = readRollout(this.#stored.bytes);
    if (record === undefined) throw new Error("what was written cannot be read");
    return record;
  }
}
