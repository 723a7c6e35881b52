/** Ends by the time of day, while somebody sets the clock. */
import { expect, test } from "vitest";
import { WallDeadlines } from "../../../src/support/wall-deadlines.ts";

const HOUR_MS = 3_600_000;

test("an end by the time of day comes as soon as it was to come when it was seen first, until another one is set", () => {
  let [nowMs, monotonicMs] = [10 * HOUR_MS, 0];
  const deadlines = new WallDeadlines({ nowMs: () => nowMs, monotonicMs: () => monotonicMs });
  const endsAtMs = nowMs + 30_000;
  expect(deadlines.leftMs("shop", endsAtMs)).toBe(30_000);
  nowMs -= HOUR_MS;
  monotonicMs += 20_000;
  expect(deadlines.leftMs("shop", endsAtMs)).toBe(10_000);
  expect(deadlines.leftMs("cart", nowMs + 5_000)).toBe(5_000);
  nowMs += 2 * HOUR_MS;
  monotonicMs += 10_001;
  expect(deadlines.leftMs("shop", endsAtMs)).toBe(-1);
  expect(deadlines.leftMs("shop", nowMs + 60_000)).toBe(60_000);
});
