/**
 * Numbers as people read them.
 */
import { expect, test } from "vitest";
import { showCount, showDuration, showPercent, showPromise, showTimes } from "../../../src/rollout/show-figures.ts";

test.each([
  [0, "0 %"],
  [0.0000012, "0.0001 %"],
  [0.00024, "0.024 %"],
  [0.001, "0.10 %"],
  [0.0494, "4.9 %"],
  [0.5, "50 %"],
  [0.9876, "98.8 %"],
  [0.99951, "99.951 %"],
  [1, "100 %"],
])("a share of %d was counted as %s", (share, shown) => {
  expect(showPercent(share)).toBe(shown);
});

test.each([
  [0.25, "25 %"],
  [0.999, "99.9 %"],
  [1 - 0.999, "0.1 %"],
  [0.99995, "99.995 %"],
])("a share of %d was asked for as %s", (share, shown) => {
  expect(showPromise(share)).toBe(shown);
});

test.each([
  [1.875, "1.9 times"],
  [2, "twice"],
  [12.5, "12.5 times"],
  [143.2, "140 times"],
  [23_456, "23,000 times"],
  [5e6, "over a million times"],
])("a factor of %d is %s", (factor, shown) => {
  expect(showTimes(factor)).toBe(shown);
});

test.each([
  [7.5, "7.5 ms"],
  [300, "300 ms"],
  [2_500, "2.5 s"],
  [45_000, "45 s"],
  [600_000, "10 min"],
  [10_800_000, "3 h"],
])("%d ms are %s", (ms, shown) => {
  expect(showDuration(ms)).toBe(shown);
});

test("counts are grouped", () => {
  expect(showCount(22_010)).toBe("22,010");
});
