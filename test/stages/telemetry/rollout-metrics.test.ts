/**
 * What Prometheus sees of rollouts, and that the docs know every metric there is.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Registry } from "prom-client";
import { describe, expect, test } from "vitest";
import { createLedger } from "../../../src/evidence/load-ledger.ts";
import { createFleet } from "../../../src/fleet/fleet.ts";
import type { RolloutMove } from "../../../src/rollout/rollout-moves.ts";
import { movesBetween } from "../../../src/rollout/rollout-moves.ts";
import type { RolloutStanding } from "../../../src/rollout/rollout-standing.ts";
import { rolloutStanding } from "../../../src/rollout/rollout-standing.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { registerRolloutMetrics } from "../../../src/telemetry/rollout-metrics.ts";
import { promotedRecord, recordOf, rolledBackRecord, START_MS, stepOf } from "../../support/report-records.ts";

function measured(standings: readonly RolloutStanding[] = []) {
  const registry = new Registry();
  const { moved, failed } = registerRolloutMetrics(registry, () => standings);
  const move = (split: string, ...moves: readonly RolloutMove[]) =>
    moved({ kind: "rollout-moved", atMs: 0, rollout: `${split}-1`, split, moves });
  const lines = async () => (await registry.metrics()).split("\n").filter((line) => line.startsWith("fairway_"));
  return { move, failed, lines };
}

const standing = (split: string, of: Partial<RolloutStanding> = {}): RolloutStanding => ({
  split,
  phase: "measuring",
  configuredShare: 0.05,
  observedShare: 0.048,
  silentCount: 2,
  ...of,
});

describe("rollouts that are on", () => {
  test("are shown by split and phase, with the share that their canary should have and has, and silent Envoys", async () => {
    const waits = standing("carts", { phase: "awaiting-approval", observedShare: undefined, silentCount: 0 });
    expect(await measured([standing("reviews"), waits]).lines()).toEqual(
      expect.arrayContaining([
        'fairway_rollouts{split="reviews",phase="measuring"} 1',
        'fairway_rollouts{split="carts",phase="awaiting-approval"} 1',
        'fairway_rollout_silent_nodes{split="reviews"} 2',
        'fairway_rollout_silent_nodes{split="carts"} 0',
        'fairway_rollout_canary_configured_ratio{split="reviews"} 0.05',
        'fairway_rollout_canary_observed_ratio{split="reviews"} 0.048',
      ]),
    );
  });

  test("have at most so many series, however many splits there are", async () => {
    const lines = await measured(Array.from({ length: 300 }, (_, index) => standing(`s${index}`))).lines();
    expect(lines).toContain('fairway_rollouts{split="other",phase="measuring"} 100');
    expect(lines).toContain('fairway_rollout_silent_nodes{split="other"} 200');
    expect(lines.filter((line) => line.startsWith("fairway_rollout_canary_observed_ratio"))).toHaveLength(200);
  });

  test("take their figures from the record and from what Envoys report", () => {
    const step = stepOf({ index: 0, share: 500 });
    const record = recordOf({
      steps: [{ ...step, canary: { completed: 30, errors: 0 }, baseline: { completed: 70, errors: 0 } }],
      sharesBefore: { v1: 5_000, v2: 0, other: 5_000 },
    });
    const report = { canary: undefined, baseline: undefined, canaryHealthyHosts: 1 };
    const traffic = new Map([
      ["a", { ...report, reportedAtMs: START_MS }],
      ["b", { ...report, reportedAtMs: START_MS - 3_600_000 }],
    ]);
    const nodes = [{ id: "a" }, { id: "b" }, { id: "c" }];
    expect(rolloutStanding(record, { nowMs: START_MS, nodes, traffic })).toEqual({
      split: "reviews",
      phase: "measuring",
      configuredShare: 0.1,
      observedShare: 0.3,
      silentCount: 2,
    });
  });
});

describe("what has happened to rollouts", () => {
  test("is counted by what it was", async () => {
    const { move, failed, lines } = measured();
    move("reviews", { kind: "started" });
    move("reviews", { kind: "acknowledged", by: "step", tookMs: 400 }, { kind: "step-ended", result: "failed" });
    move("reviews", { kind: "acknowledged", by: "rollback", tookMs: 90 }, { kind: "ended", result: "rolled-back" });
    failed();
    expect(await lines()).toEqual(
      expect.arrayContaining([
        'fairway_rollouts_started_total{split="reviews"} 1',
        'fairway_rollouts_ended_total{split="reviews",result="rolled-back"} 1',
        'fairway_rollout_steps_total{result="failed"} 1',
        "fairway_rollout_failures_total 1",
        'fairway_rollout_ack_seconds_sum{change="rollback"} 0.09',
        'fairway_rollout_ack_seconds_count{change="step"} 1',
      ]),
    );
  });

  test("is 0 before, so that the first rollback is an increase", async () => {
    expect(await measured([standing("reviews")]).lines()).toContain(
      'fairway_rollouts_ended_total{split="reviews",result="rolled-back"} 0',
    );
  });

  test("is told by what was written over what: each step and each end once", () => {
    const all = (record: ReturnType<typeof recordOf>) => {
      const began = recordOf();
      // As they were written: each step begun, acknowledged, and over.
      const writes = record.steps.flatMap((step, at) => {
        const { endedAtMs: _ended, result: _result, ...open } = step;
        const { convergedAtMs: _converged, ...begun } = open;
        const before = record.steps.slice(0, at);
        return [begun, open, step].map((last) => recordOf({ steps: [...before, last] }));
      });
      const [, moves] = [...writes, record, record].reduce<[typeof began | undefined, readonly RolloutMove[]]>(
        ([before, found], after) => [after, [...found, ...movesBetween(before, after)]],
        [began, movesBetween(undefined, began)],
      );
      return moves.map((move) => Object.values(move).join(" "));
    };
    expect(all(promotedRecord())).toEqual([
      "started",
      ...Array.from({ length: 3 }, () => ["acknowledged step 840", "step-ended passed"]).flat(),
      "acknowledged promotion 840",
      "step-ended passed",
      "ended promoted",
    ]);
    expect(all(rolledBackRecord()).slice(-3)).toEqual([
      "acknowledged rollback 640",
      "step-ended passed",
      "ended rolled-back",
    ]);
    expect(movesBetween(promotedRecord(), recordOf({ number: 8 }))).toEqual([{ kind: "started" }]);
  });
});

describe("the docs", () => {
  const page = (name: string) => readFileSync(join(import.meta.dirname, "../../../docs", name), "utf8");
  const registered = () => {
    const registry = new Registry();
    const none = () => undefined;
    createMetrics({
      registry,
      fleet: createFleet,
      loopDelay: { delay: () => ({ p50Ms: 1, p99Ms: 1, maxMs: 1 }), [Symbol.dispose]: none },
      loads: { ledger: createLedger(1), streamsCount: 0, reportsCount: 0 },
      traffic: { reportsCount: 0, ledger: { nodesCount: 0, unlistedCount: 0 } },
      routeReports: { streamsCount: 0, entriesCount: 0, leftOutCount: 0 },
      etcd: { behind: () => [], newer: none, unfinishedPush: none },
    });
    const names = registry.getMetricsAsArray().map(({ name }) => name);
    return names.filter((name) => name.startsWith("fairway_")).sort();
  };

  test("list every metric there is, and no other", () => {
    const listed = [...page("admin-api.md").matchAll(/^\| `(fairway_\w+)` \|/gm)].map(([, name = ""]) => name);
    expect(listed.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(registered());
  });

  test("alert on metrics that there are", () => {
    const known = new Set(registered().flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]));
    const named = [...page("operations.md").matchAll(/\bfairway_\w+/g)].map(([name]) => name);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    expect(named.length).toBeGreaterThan(10);
  });
});
