/**
 * A rollout whose clock is set while it runs, or that goes on at a replica whose clock is another.
 */
import { describe, expect, test } from "vitest";
import { RolloutClocks } from "../../../src/cli/rollout-clocks.ts";
import { movesBetween } from "../../../src/rollout/rollout-moves.ts";
import { played, report } from "../../support/played-rollout.ts";
import type { PlayedRollout } from "../../support/played-rollout.ts";

const HOUR_MS = 3_600_000;

const plan = {
  steps: [{ weight: 20, hold: "30s", minRequests: 100, maxHold: "60s" }],
  gates: { successRate: { objective: 99 } },
};

/** Measured for ten seconds, with a hundred requests of the canary a second; `errorsOf` those. */
class Second {
  readonly rollout: PlayedRollout = played(plan, ["a"]);
  #completed = 0;
  #errors = 0;
  errorsOf = 0;

  constructor() {
    this.rollout.until("measuring", () => this.#tell());
    this.pass(10);
  }

  pass(seconds: number): this {
    for (let second = 0; second < seconds; second += 1) this.rollout.tick(() => this.#tell());
    return this;
  }

  #tell(): void {
    this.#completed += 100;
    this.#errors += this.errorsOf;
    this.rollout.traffic("a", report(this.#completed, this.#errors));
  }
}

describe("a clock that is set back by an hour in a step", () => {
  test("leaves a canary that fails in sight", () => {
    const second = new Second();
    second.rollout.setClock(-HOUR_MS);
    second.errorsOf = 100;
    second.pass(12);
    expect(second.rollout.record.phase.kind).toBe("done");
    expect(second.rollout.record.outcome).toMatchObject({ kind: "rolled-back" });
  });

  test("makes a good one wait for as long as it would have, and is told", () => {
    const second = new Second();
    second.rollout.setClock(-HOUR_MS);
    second.pass(15);
    expect(second.rollout.record.phase.kind).toBe("measuring");
    second.pass(10);
    const { record } = second.rollout;
    expect(record.outcome).toMatchObject({ kind: "promoted" });
    expect(record.audit.map(({ action }) => action)).toContain("clock set");
    const [step] = record.steps;
    expect(((step?.endedAtMs ?? 0) - (step?.measuredFromMs ?? 0)) / 1_000).toBeCloseTo(31, -1);
  });
});

test("by how much a clock was set since a replica wrote a rollout is known to it, in both directions", () => {
  let [nowMs, monotonicMs] = [1_000_000, 5_000];
  const clocks = new RolloutClocks({ nowMs: () => nowMs, monotonicMs: () => monotonicMs });
  const { record } = new Second().rollout;
  expect(clocks.byClock(record)).toBe(record);
  clocks.wrote(record);
  monotonicMs += 10_000;
  nowMs += 10_000 + HOUR_MS;
  const forward = clocks.byClock(record);
  expect(forward.phase.sinceMs - record.phase.sinceMs).toBe(HOUR_MS);
  expect(forward.marks["a"]?.reportedAtMs).toBe((record.marks["a"]?.reportedAtMs ?? 0) + HOUR_MS);
  expect(forward.evidence?.errors?.samples.at(-1)?.atMs).toBe(
    (record.evidence?.errors?.samples.at(-1)?.atMs ?? 0) + HOUR_MS,
  );
  // Nothing has happened in it, so nothing is counted.
  expect(movesBetween(record, forward)).toEqual([]);
  nowMs -= 2 * HOUR_MS;
  expect(clocks.byClock(record).phase.sinceMs - record.phase.sinceMs).toBe(-HOUR_MS);
  clocks.lost("shop");
  expect(clocks.byClock(record)).toBe(record);
});
