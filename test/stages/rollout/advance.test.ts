/**
 * The engine of rollouts where it must not go on: Envoys that a new controller has not heard of yet, and canaries whose
 * hosts are gone at the end of a good step. The whole of it is played in `test/simulation/rollouts.test.ts`.
 */
import { describe, expect, test } from "vitest";
import { advance } from "../../../src/rollout/advance.ts";
import type { Observed } from "../../../src/rollout/observed.ts";
import type { RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import { startRollout } from "../../../src/rollout/start-rollout.ts";
import type { Shares } from "../../../src/rollout/split-document.ts";
import { untouchedSplit } from "../../../src/rollout/split-document.ts";
import { shopSplit } from "../../support/played-rollout.ts";
import { planOf } from "../../simulation/rollout-world.ts";

const plan = planOf({
  steps: [{ weight: 20, hold: "2s", maxHold: "60s", minRequests: 50 }],
  gates: { successRate: { objective: 95 } },
});

/** Two Envoys that have answered 100 requests a second since the start, a fifth of them by the canary. */
class World {
  nowMs = 1_000_000;
  shares: Shares = { stable: 10_000, canary: 0 };
  connected = ["edge-1", "edge-2"];
  missing: readonly string[] = [];
  away: readonly string[] = [];
  healthyHosts = 1;
  /** Then Envoys are silent. */
  reportsUntilMs = Infinity;
  /** Of the canary's answers. */
  errorShare = 0;
  record: RolloutRecord = startRollout({
    ...{ number: 1, target: "v2", plan, nowMs: this.nowMs, shares: this.shares, splitNumber: 0, actor: "ci" },
  });

  get phase(): RolloutRecord["phase"]["kind"] {
    return this.record.phase.kind;
  }

  /** Looks each second. */
  look(times = 1): this {
    for (let time = 0; time < times; time += 1) {
      this.nowMs += 1_000;
      for (let moves = 0; moves < 8; moves += 1) {
        const { record, effects } = advance(this.record, this.#seen());
        const isStill = record === this.record && effects.length === 0;
        this.record = record;
        for (const effect of effects) if (effect.kind === "set-weights") this.shares = effect.shares;
        if (isStill) break;
      }
    }
    return this;
  }

  #seen(): Observed {
    const { nowMs } = this;
    const reportedAtMs = Math.min(nowMs, this.reportsUntilMs);
    const completed = (reportedAtMs - 1_000_000) / 10;
    const report = {
      reportedAtMs,
      canary: { completed: completed / 5, errors: (completed / 5) * this.errorShare },
      baseline: { completed, errors: 0 },
      canaryHealthyHosts: this.healthyHosts,
    };
    const standing = { state: "applied" as const, pendingCount: 0, rejectedCount: 0, laggards: [] };
    return {
      nowMs,
      split: {
        document: untouchedSplit,
        file: shopSplit,
        shares: this.shares,
        standing: { ...standing, acknowledgedCount: this.connected.length },
      },
      nodes: this.connected.map((id) => ({ id })),
      missing: this.missing,
      away: this.away,
      traffic: new Map(["edge-1", "edge-2"].map((id) => [id, report])),
      routes: [],
      before: { errors: Array.from({ length: 30 }, () => ({ completed: 500, bad: 0 })) },
    };
  }
}

/** Until this phase, or for two minutes. */
function untilPhase(world: World, kind: World["phase"]): World {
  for (let times = 0; times < 120 && world.phase !== kind; times += 1) world.look();
  return world;
}

describe("with Envoys that were there when the step began, and are not yet at a controller that has just been started", () => {
  test("weights have not arrived", () => {
    const world = new World();
    // The first look begins the step and sets the weights.
    world.look();
    Object.assign(world, { connected: [], missing: ["edge-1", "edge-2"] });
    world.record = { ...world.record, phase: { kind: "converging", sinceMs: world.nowMs, waitsFor: "" } };
    world.look(90);
    expect(world.record.phase).toMatchObject({
      kind: "converging",
      waitsFor: "edge-1, edge-2 to connect again",
    });
    Object.assign(world, { connected: ["edge-1", "edge-2"], missing: [] });
    untilPhase(world, "measuring");
    expect(world.record.steps.at(-1)).toMatchObject({ nodesCount: 2, laggards: [] });
  });

  test("a canary is not passed, and they are waited for after the next step as well", () => {
    const world = untilPhase(new World(), "measuring");
    world.missing = ["edge-2"];
    world.look(30);
    expect(world.phase).toBe("measuring");
    expect(world.record.verdict).toMatchObject({ kind: "inconclusive", reason: "silent" });
    expect(world.record.verdict?.sentence).toContain("edge-2");
    world.missing = [];
    untilPhase(world, "done");
    expect(world.record.outcome?.kind).toBe("promoted");
    expect(world.record.nodesBefore).toEqual(["edge-1", "edge-2"]);
  });

  test("a rollback is not over", () => {
    const world = untilPhase(new World(), "measuring");
    world.record = {
      ...world.record,
      phase: {
        ...{ kind: "rolling-back", sinceMs: world.nowMs, waitsFor: "" },
        outcome: { kind: "rolled-back", sentence: "It is bad." },
      },
    };
    world.missing = ["edge-1"];
    world.look(60);
    expect(world.record.phase).toMatchObject({ kind: "rolling-back", waitsFor: "edge-1 to connect again" });
    expect(world.shares).toEqual({ stable: 10_000, canary: 0 });
    world.missing = [];
    world.look();
    expect(world.record.outcome).toMatchObject({ kind: "rolled-back", tookMs: 61_000 });
  });
});

describe("with an Envoy that has been gone for long", () => {
  test("a rollback is over, and says who has not confirmed it, and no time", () => {
    const world = untilPhase(new World(), "measuring");
    Object.assign(world, { connected: ["edge-1"], away: ["edge-2"], errorShare: 0.5 });
    untilPhase(world, "done");
    expect(world.record.outcome).toMatchObject({ kind: "rolled-back", unconfirmed: ["edge-2"] });
    expect(world.record.outcome).not.toHaveProperty("tookMs");
    expect(world.record.outcome?.sentence).toMatch(
      /Not confirmed by edge-2: not connected, and given these weights when connected again\.$/,
    );
    expect(world.record.steps.at(-1)).toMatchObject({
      nodesCount: 1,
      laggards: [{ node: "edge-2", state: "disconnected" }],
    });
  });

  test("a rollback without any Envoy is over, and nobody is said to have confirmed it", () => {
    const world = untilPhase(new World(), "measuring");
    world.errorShare = 0.5;
    untilPhase(world, "rolling-back");
    world.record = {
      ...world.record,
      phase: {
        ...{ kind: "rolling-back", sinceMs: world.nowMs, waitsFor: "" },
        outcome: { kind: "rolled-back", sentence: "It is bad." },
      },
    };
    Object.assign(world, { connected: [], away: ["edge-1", "edge-2"] });
    world.look();
    expect(world.record.outcome).toMatchObject({ kind: "rolled-back", unconfirmed: ["edge-1", "edge-2"] });
    expect(world.record.outcome).not.toHaveProperty("tookMs");
    expect(world.record.steps.at(-1)).toMatchObject({ nodesCount: 0 });
  });

  test("nothing is promoted while no Envoy is connected, and then it is with the name of the one that is not", () => {
    const world = untilPhase(new World(), "measuring");
    world.record = { ...world.record, phase: { kind: "promoting", sinceMs: world.nowMs, waitsFor: "" } };
    Object.assign(world, { connected: [], away: ["edge-1", "edge-2"] });
    world.look(90);
    expect(world.record.phase).toMatchObject({ kind: "promoting", waitsFor: "edge-1, edge-2 to connect again" });
    Object.assign(world, { connected: ["edge-1"], away: ["edge-2"] });
    world.look();
    expect(world.record.outcome).toMatchObject({ kind: "promoted", unconfirmed: ["edge-2"] });
    expect(world.record.outcome?.sentence).toMatch(
      /every connected Envoy has acknowledged it\. Not confirmed by edge-2/,
    );
  });

  test("a step that no Envoy has is not settled", () => {
    const world = new World();
    world.look();
    Object.assign(world, { connected: [], away: ["edge-1", "edge-2"] });
    world.record = { ...world.record, phase: { kind: "converging", sinceMs: world.nowMs, waitsFor: "" } };
    world.look(5);
    expect(world.record.phase).toMatchObject({ kind: "converging", waitsFor: "edge-1, edge-2 to connect again" });
  });

  test("it is named at the end although it had gone two steps before", () => {
    const world = untilPhase(new World(), "measuring");
    world.record = { ...world.record, nodesGone: ["edge-0"], nodesBefore: ["edge-1", "edge-2", "edge-3"] };
    untilPhase(world, "done");
    expect(world.record).toMatchObject({ nodesBefore: ["edge-1", "edge-2"], nodesGone: ["edge-0", "edge-3"] });
  });
});

test("while a person has paused it, a canary that turns out bad stays, and status and audit say so once", () => {
  const world = untilPhase(new World(), "measuring");
  world.record = {
    ...world.record,
    phase: { kind: "paused", sinceMs: world.nowMs, why: "ann has paused it", by: "person" },
  };
  world.errorShare = 0.5;
  world.look(60);
  expect(world.record.phase).toMatchObject({ kind: "paused", by: "person" });
  expect(world.record.phase).toHaveProperty(
    "why",
    expect.stringMatching(/^ann has paused it\. Without the pause it would go back: /),
  );
  expect(world.record.audit.filter(({ action }) => action === "paused")).toHaveLength(1);
  expect(world.shares).toEqual({ stable: 8_000, canary: 2_000 });
});

test("a canary whose hosts are gone gets no more requests, however good it was, and is held when they stay away", () => {
  const world = untilPhase(new World(), "measuring");
  world.healthyHosts = 0;
  world.look(30);
  expect(world.record.verdict).toMatchObject({ kind: "inconclusive", reason: "unhealthy" });
  expect(world.record.verdict?.sentence).toContain("a healthy host of canary at edge-1, edge-2");
  world.look(60);
  expect(world.record.phase).toMatchObject({ kind: "paused", by: "engine" });
  expect(world.shares).toEqual({ stable: 8_000, canary: 2_000 });
});

test("before the first report of a step nothing is said of the canary, and nobody is told so each second", () => {
  const world = untilPhase(new World(), "measuring");
  world.reportsUntilMs = world.nowMs;
  const told = new Set<string | undefined>();
  for (let seconds = 0; seconds < 20; seconds += 1) told.add(world.look().record.verdict?.sentence);
  expect([...told]).toEqual([
    "No report has come yet in this step: Envoys report every 5 s unless they were told otherwise, and the first one only shows where counters stand.",
  ]);
  world.reportsUntilMs = Infinity;
  untilPhase(world, "done");
  expect(world.record.outcome?.kind).toBe("promoted");
});
