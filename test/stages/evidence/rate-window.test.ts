/**
 * Rates from counts that come late and unevenly.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { countInWindow, createRateWindow, ratesOf } from "../../../src/evidence/rate-window.ts";

test("a steady rate is shown as it is, whenever reports come and however long they count", () => {
  const gapsMs = fc.array(fc.integer({ min: 200, max: 2_000 }), { minLength: 20, maxLength: 40 });
  fc.assert(
    fc.property(gapsMs, fc.integer({ min: 0, max: 5_000 }), (gaps, startMs) => {
      const window = createRateWindow(1_000, 2);
      let atMs = startMs;
      for (const intervalMs of gaps) {
        atMs += intervalMs;
        countInWindow(window, { atMs, intervalMs }, [intervalMs / 10, 0]);
      }
      const nowMs = Math.floor(atMs / 1_000) * 1_000 + 999;
      const [rate = 0, none] = ratesOf(window, nowMs) ?? [];
      expect(rate).toBeCloseTo(100, 6);
      expect(none).toBe(0);
    }),
  );
});

test("the rates of nodes that report at different moments add up", () => {
  const window = createRateWindow(1_000, 1);
  for (let second = 1; second <= 20; second += 1) {
    countInWindow(window, { atMs: second * 1_000, intervalMs: 1_000 }, [30]);
    countInWindow(window, { atMs: second * 1_000 + 700, intervalMs: 1_000 }, [70]);
  }
  expect(ratesOf(window, 20_999)?.[0]).toBeCloseTo(100);
});

test("there is no rate before a whole span was counted, and none is left when reports stop", () => {
  const window = createRateWindow(1_000, 1);
  expect(ratesOf(window, 1_000)).toBeUndefined();
  countInWindow(window, { atMs: 1_500, intervalMs: 1_000 }, [50]);
  expect(ratesOf(window, 2_900)).toBeUndefined();
  expect(ratesOf(window, 3_000)?.[0]).toBeCloseTo(25);
  expect(ratesOf(window, 60_000)).toEqual([0]);
  countInWindow(window, { atMs: 70_000, intervalMs: 1_000 }, [10]);
  expect(ratesOf(window, 71_000)?.[0]).toBeCloseTo(2);
});

test("a count for an impossible time costs no more than any other and changes no rate for long", () => {
  const window = createRateWindow(1_000, 1);
  countInWindow(window, { atMs: 10_000, intervalMs: 1e15 }, [1e6]);
  countInWindow(window, { atMs: 11_000, intervalMs: 0 }, [5]);
  countInWindow(window, { atMs: 1_000, intervalMs: 1_000 }, [5]);
  expect(ratesOf(window, 13_000)?.[0]).toBeCloseTo(1);
});
