/**
 * Which report of an Envoy is the later one, when replicas stand still, Envoys start anew, two have one name, or a clock is
 * set.
 */
import { describe, expect, test } from "vitest";
import { TrafficLedger } from "../../../src/evidence/traffic-ledger.ts";

const START_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

/** A replica and an Envoy, whose clocks go by hand. */
class Told {
  /** What never goes back, here; and how far the clock on the wall, and the Envoy's, are ahead of it. */
  monotonicMs = START_MS;
  wallAheadMs = 0;
  envoyAheadMs = -7_000;
  readonly #ledger = new TrafficLedger({
    nowMs: () => this.monotonicMs + this.wallAheadMs,
    monotonicMs: () => this.monotonicMs,
  });

  /** Handled now, but made so long ago. */
  report(completed: number, agoMs = 0): this {
    const countedAtMs = this.monotonicMs + this.envoyAheadMs - agoMs;
    const cluster = { completed, errors: 0, healthyHosts: 1, totalHosts: 1 };
    this.#ledger.record("edge-1", { countedAtMs, clusters: new Map([["shop", cluster]]) });
    return this;
  }

  after(ms: number): this {
    this.monotonicMs += ms;
    return this;
  }

  get completed(): number | undefined {
    return this.#ledger.read(["shop"])[0]?.clusters.get("shop")?.completed;
  }

  /** How old it is by the clock on the wall. */
  get ageMs(): number {
    return this.monotonicMs + this.wallAheadMs - (this.#ledger.read(["shop"])[0]?.reportedAtMs ?? -Infinity);
  }
}

describe("what an Envoy has told a replica", () => {
  test("that stood still is as old as it is, and is no news after what came later", () => {
    const told = new Told().report(10).after(5_000).report(20);
    expect([told.completed, told.ageMs]).toEqual([20, 0]);
    // It stood still for half a minute, and what was waiting comes first.
    told.after(30_000).report(30, 25_000);
    expect([told.completed, told.ageMs]).toEqual([30, 25_000]);
    told.report(80, 0).report(40, 20_000);
    expect([told.completed, told.ageMs]).toEqual([80, 0]);
  });

  test("is as old as it is when the clock of the replica is set", () => {
    const told = new Told().report(10).after(5_000).report(20).after(2_000);
    for (const byMs of [HOUR_MS, -HOUR_MS]) {
      told.wallAheadMs = byMs;
      expect(told.ageMs).toBe(2_000);
    }
    told.after(3_000).report(30);
    expect([told.completed, told.ageMs]).toEqual([30, 0]);
  });

  test("counts again a minute after the clock of the Envoy was set back, and at once when it is set forward", () => {
    const told = new Told().report(10).after(5_000).report(20);
    told.envoyAheadMs -= HOUR_MS;
    for (let seconds = 5; seconds < 65; seconds += 5) told.after(5_000).report(20 + seconds);
    expect([told.completed, told.ageMs]).toEqual([20, 60_000]);
    told.after(5_000).report(90);
    expect([told.completed, told.ageMs]).toEqual([90, 0]);
    told.envoyAheadMs += 2 * HOUR_MS;
    told.after(5_000).report(95);
    expect([told.completed, told.ageMs]).toEqual([95, 0]);
  });
});
