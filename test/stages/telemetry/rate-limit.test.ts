/**
 * The limit on repetition keeps to its window and to its memory.
 */
import { expect, test } from "vitest";
import { createRateLimit } from "../../../src/telemetry/rate-limit.ts";

test("admits a burst in each window and reports what it held back", () => {
  const limit = createRateLimit({ burst: 2, windowMs: 100, keysMax: 10 });
  const admitted = [0, 1, 2, 3, 100, 101].map((atMs) => limit.admit("a", atMs));
  expect(admitted.map((each) => each.admitted)).toEqual([true, true, false, false, true, true]);
  expect(admitted[4]?.suppressedCount).toBe(2);
  expect(admitted[5]?.suppressedCount).toBe(0);
});

test("forgets the oldest key when there are too many", () => {
  const limit = createRateLimit({ burst: 1, windowMs: 100, keysMax: 2 });
  for (const key of ["a", "b", "c"]) limit.admit(key, 0);
  expect(limit.admit("c", 1).admitted).toBe(false);
  expect(limit.admit("a", 1).admitted).toBe(true);
});
