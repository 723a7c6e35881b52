/**
 * Rollouts whose controllers are killed at any moment, with two of them at a time that see the split late: no step is skipped or repeated, and a
 * bad canary is never promoted.
 */
import { describe, expect, test } from "vitest";
import type { Fate } from "./rollout-world.ts";
import { planOf, playRollout } from "./rollout-world.ts";

const plan = planOf({
  steps: [
    { weight: 5, hold: "30s", minRequests: 200 },
    { weight: 25, hold: "30s", minRequests: 200 },
    { weight: 50, hold: "30s", minRequests: 200 },
  ],
  gates: { successRate: { objective: 99 } },
});
const calm: Fate = { rate: 100, baselineErrors: 0.002, canaryErrors: 0.002, killed: 0, envoys: 3 };

describe("a rollout whose controllers are killed", { timeout: 120_000 }, () => {
  test("goes through each step once, whenever they die", () => {
    let [kills, lateLooks] = [0, 0];
    for (let seed = 1; seed <= 150; seed += 1) {
      const played = playRollout(plan, { ...calm, killed: 0.3, late: 0.2 }, seed);
      kills += played.kills;
      lateLooks += played.lateLooks;
      expect(played.record.outcome?.kind, `seed ${seed}: ${played.record.verdict?.sentence}`).toBe("promoted");
      expect(played.shares, `seed ${seed}`).toEqual([500, 2_500, 5_000, 10_000]);
      expect(played.record.steps.map(({ kind, result }) => [kind, result])).toEqual([
        ["weight", "passed"],
        ["weight", "passed"],
        ["weight", "passed"],
        ["promotion", "passed"],
      ]);
    }
    expect(kills).toBeGreaterThan(1_000);
    expect(lateLooks).toBeGreaterThan(1_000);
  });

  test("never promotes a bad canary, in a thousand runs", () => {
    const outcomes = new Map<string, number>();
    for (let seed = 1; seed <= 1_000; seed += 1) {
      const { record, finalShare } = playRollout(plan, { ...calm, canaryErrors: 0.05, killed: 0.2, late: 0.2 }, seed);
      const how = record.outcome?.kind ?? record.phase.kind;
      outcomes.set(how, (outcomes.get(how) ?? 0) + 1);
      expect(["promoted", "superseded"], `seed ${seed}`).not.toContain(how);
      if (how === "rolled-back") expect(finalShare).toBe(0);
    }
    expect(outcomes.get("rolled-back") ?? 0).toBeGreaterThan(980);
  });

  test("measures a step only after every Envoy has its weights", () => {
    for (let seed = 1; seed <= 50; seed += 1) {
      const { record } = playRollout(plan, { ...calm, envoys: 20, killed: 0.3, late: 0.2 }, seed);
      for (const step of record.steps.filter(({ kind }) => kind === "weight")) {
        expect(step.nodesCount).toBe(20);
        expect(step.measuredFromMs ?? 0).toBeGreaterThanOrEqual((step.convergedAtMs ?? Infinity) + plan.fleet.settleMs);
      }
    }
  });
});

describe("a rollout that cannot go on", () => {
  test("goes back when Envoys refuse the weights, and says why", () => {
    const { record, finalShare } = playRollout(plan, { ...calm, refusedFrom: 2_500 }, 7);
    expect(record.outcome?.kind).toBe("rolled-back");
    expect(record.verdict).toMatchObject({ reason: "rejected" });
    expect(record.outcome?.sentence).toContain("shop.yaml:7: no such cluster");
    expect(finalShare).toBe(0);
  });

  test("goes back when an Envoy crashes after it was given the weights", () => {
    const { record, finalShare } = playRollout(plan, { ...calm, crashesFrom: 2_500 }, 7);
    expect(record.outcome?.kind).toBe("rolled-back");
    expect(record.verdict).toMatchObject({ reason: "crashed" });
    expect(finalShare).toBe(0);
  });

  test("pauses before its first step while Envoys report nothing, and names them", () => {
    const { record, shares } = playRollout(plan, { ...calm, isSilent: true }, 7);
    expect(record.phase).toMatchObject({ kind: "paused", by: "engine" });
    expect(record.phase.kind === "paused" && record.phase.why).toContain("envoy-0, envoy-1, envoy-2");
    expect(shares).toEqual([]);
  });

  test("pauses when there are no requests, and is never promoted by silence", () => {
    const { record, shares } = playRollout(plan, { ...calm, rate: 0 }, 7);
    expect(record.phase).toMatchObject({ kind: "paused", by: "engine" });
    expect(record.verdict).toMatchObject({ kind: "inconclusive", reason: "too-few-requests" });
    expect(shares).toEqual([500]);
  });
});

describe("a rollout that mirrors first", { timeout: 120_000 }, () => {
  const mirrored = planOf({
    steps: [
      { mirror: 50, hold: "30s", minRequests: 200 },
      { weight: 25, hold: "30s", minRequests: 200 },
    ],
    gates: { successRate: { objective: 99 } },
  });

  test("ends the copies with the change that gives the canary its weight, whenever its controllers die", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const { record, shares, mirrors } = playRollout(mirrored, { ...calm, killed: 0.3, late: 0.2 }, seed);
      expect(record.outcome?.kind, `seed ${seed}: ${record.verdict?.sentence}`).toBe("promoted");
      expect([shares, mirrors], `seed ${seed}`).toEqual([
        [0, 2_500, 10_000],
        [5_000, 0, 0],
      ]);
      expect(record.steps[0]?.sentence).toContain("of its mirrored requests");
      expect(record.steps[1]?.sentence).not.toContain("mirrored");
      // What was copied is not among the requests that users had.
      expect(record.totals.canary.completed).toBe(record.steps[1]?.canary.completed);
    }
  });

  test("takes a bad canary back before anybody has met it, and leaves no copies", () => {
    const outcomes = new Map<string, number>();
    for (let seed = 1; seed <= 200; seed += 1) {
      const { record, mirrors, errorsSeen } = playRollout(
        mirrored,
        { ...calm, canaryErrors: 0.05, killed: 0.2, late: 0.2 },
        seed,
      );
      const how = record.outcome?.kind ?? record.phase.kind;
      outcomes.set(how, (outcomes.get(how) ?? 0) + 1);
      expect(errorsSeen, `seed ${seed}`).toBe(0);
      expect(mirrors, `seed ${seed}`).toEqual([5_000, 0]);
    }
    expect(outcomes).toEqual(new Map([["rolled-back", 200]]));
  });
});
