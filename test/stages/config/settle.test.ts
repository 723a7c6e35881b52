/** When a change is finished enough to act on, told by a clock that the test turns. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { burstQuietMs, capMs, initialSettleState, quietMs, scanDueAtMs, settle } from "../../../src/config/settle.ts";
import type { Change, SettleInput, SettleState, SettleStep } from "../../../src/config/settle.ts";

describe("an atomic rename", () => {
  test("is scanned and accepted at once when all was quiet", () => {
    const run = new Run();
    run.hint(1000, "renamed");
    expect(run.due()).toBe(1000);
    expect(run.scan(1001, [complete("a", 1000)])).toEqual(["a"]);
    expect(run.due()).toBeUndefined();
  });

  test("within a burst waits until the burst pauses", () => {
    const run = new Run();
    run.hint(1000, "renamed");
    expect(run.scan(1002, [complete("a", 1000)])).toEqual(["a"]);
    run.hint(1010, "renamed");
    expect(run.due()).toBe(1010 + burstQuietMs);
    run.hint(1030, "renamed");
    expect(run.due()).toBe(1030 + burstQuietMs);
    expect(run.scan(1055, [complete("b", 1010), complete("c", 1030)])).toEqual(["b", "c"]);
  });

  test("that never pauses is accepted at the cap", () => {
    const run = new Run();
    run.hint(0, "renamed");
    expect(run.scan(1, [complete("a", 0)])).toEqual(["a"]);
    for (let nowMs = 10; nowMs < 1005; nowMs += 10) run.hint(nowMs, "renamed");
    expect(run.due()).toBe(10 + capMs);
    expect(run.scan(1010, [complete("b", 10)])).toEqual(["b"]);
  });

  test("waits for a file that is being saved in the same burst", () => {
    const run = new Run();
    run.hint(0, "renamed");
    expect(run.scan(1, [complete("a", 0), moving("b", 0)])).toEqual([]);
    expect(run.due()).toBe(quietMs);
    expect(run.scan(quietMs, [complete("a", 0), moving("b", 0)])).toEqual(["a", "b"]);
  });
});

describe("a write in place", () => {
  test("is accepted when it was left alone for the quiet time, from its last hint", () => {
    const run = new Run();
    for (const nowMs of [0, 50, 100]) run.hint(nowMs, "wrote");
    expect(run.due()).toBe(100 + quietMs);
    expect(run.scan(250, [moving("a", 100)])).toEqual(["a"]);
  });

  test("that only scans show is accepted when two of them agree", () => {
    const run = new Run();
    expect(run.scan(0, [{ ...moving("a", 0), activeAtMs: undefined }])).toEqual([]);
    expect(run.due()).toBe(quietMs);
    const other = { ...moving("a", 0), activeAtMs: undefined, signature: "more" };
    expect(run.scan(quietMs, [other])).toEqual([]);
    expect(run.scan(2 * quietMs, [other])).toEqual(["a"]);
  });

  test("beyond the cap is held back while others proceed, and delays nobody after that", () => {
    const run = new Run();
    run.hint(0, "wrote");
    for (let nowMs = 50; nowMs <= 1000; nowMs += 50) run.hint(nowMs, "wrote");
    expect(run.due()).toBe(capMs);
    expect(run.scan(capMs, [moving("slow", 1000), moving("b", 500)])).toEqual(["b"]);
    expect(run.step.held.map((change) => change.key)).toEqual(["slow"]);

    run.touch(1100, "slow");
    expect(run.due()).toBe(1100 + quietMs);
    run.hint(1150, "renamed");
    expect(run.due()).toBe(1150);
    expect(run.scan(1151, [moving("slow", 1140), complete("c", 1150)])).toEqual(["c"]);
    expect(run.scan(1290, [moving("slow", 1140)])).toEqual(["slow"]);
    expect(run.due()).toBeUndefined();
  });

  test("that is undone is forgotten", () => {
    const run = new Run();
    run.hint(0, "wrote");
    expect(run.scan(10, [moving("a", 0)])).toEqual([]);
    expect(run.scan(20, [])).toEqual([]);
    expect(run.due()).toBeUndefined();
  });
});

test("any sequence of events ends with everything accepted, nothing young, and no scan due", () => {
  const event = fc.record({
    afterMs: fc.nat(200),
    key: fc.constantFrom("a", "b", "c"),
    event: fc.constantFrom("renamed" as const, "wrote" as const),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const run = new Run();
      const files = new Map<string, Change>();
      let nowMs = 0;
      const advance = (untilMs: number): void => {
        for (let due = run.due(); due !== undefined && due <= untilMs; due = run.due()) {
          nowMs = Math.max(nowMs, due);
          for (const key of run.scan(nowMs, [...files.values()])) {
            const file = files.get(key);
            expect(file?.complete || nowMs - (file?.activeAtMs ?? 0) >= quietMs).toBe(true);
            files.delete(key);
          }
        }
        nowMs = untilMs;
      };
      for (const { afterMs, key, event: kind } of events) {
        advance(nowMs + afterMs);
        const file = kind === "renamed" ? complete(key, nowMs) : moving(key, nowMs);
        files.set(key, { ...file, signature: `${key} at ${nowMs}` });
        if (run.isHeld(key) && kind === "wrote") run.touch(nowMs, key);
        else run.hint(nowMs, kind);
      }
      advance(nowMs + 2 * capMs);
      expect([...files.keys()]).toEqual([]);
      expect(run.due()).toBeUndefined();
    }),
  );
});

/** The machine with its state, so that a test reads as a story. */
class Run {
  #state: SettleState = initialSettleState;
  step: SettleStep = { state: initialSettleState, accepted: [], held: [] };

  hint(nowMs: number, event: "renamed" | "wrote"): void {
    this.#take({ kind: "hint", nowMs, event });
  }

  touch(nowMs: number, key: string): void {
    this.#take({ kind: "touched", nowMs, keys: new Set([key]) });
  }

  scan(nowMs: number, changes: readonly Change[]): readonly string[] {
    this.#take({ kind: "scanning", nowMs });
    this.#take({ kind: "scanned", nowMs, changes });
    return this.step.accepted.map((change) => change.key);
  }

  due(): number | undefined {
    return scanDueAtMs(this.#state);
  }

  isHeld(key: string): boolean {
    return this.#state.pending.get(key)?.held === true;
  }

  #take(input: SettleInput): void {
    this.step = settle(this.#state, input);
    this.#state = this.step.state;
  }
}

function complete(key: string, nowMs: number): Change {
  return { key, signature: key, complete: true, activeAtMs: nowMs, noticedAtMs: nowMs };
}

function moving(key: string, nowMs: number): Change {
  return { key, signature: key, complete: false, activeAtMs: nowMs, noticedAtMs: nowMs };
}
