/** Splits of which a replica knows less than a rollout has written. */
import { expect, test } from "vitest";
import { LateSplits } from "../../../src/cli/late-splits.ts";
import type { Observed } from "../../../src/rollout/observed.ts";
import { untouchedSplit } from "../../../src/rollout/split-document.ts";
import { shopSplit } from "../../support/played-rollout.ts";

test("are read again each second, and after a minute nothing newer is expected", () => {
  let [nowMs, looks] = [0, 0];
  const late = new LateSplits({ clock: { monotonicMs: () => nowMs }, lookAgain: () => void (looks += 1) });
  const standing = { state: "applied" as const, acknowledgedCount: 1, pendingCount: 0, rejectedCount: 0, laggards: [] };
  const seen = (number: number): Observed => ({
    nowMs,
    split: { document: { ...untouchedSplit, number }, file: shopSplit, shares: {}, standing },
    ...{ nodes: [], traffic: new Map(), routes: [], before: {} },
  });
  const isNewest = (number: number) => late.caughtUp({ id: "shop-1", splitNumber: 3 }, seen(number)).split?.isNewest;
  for (; nowMs < 10_000; nowMs += 200) expect(isNewest(2)).toBeUndefined();
  expect(looks).toBe(10);
  // It has come, and the next that is late has its own minute.
  expect(isNewest(3)).toBeUndefined();
  expect(looks).toBe(10);
  for (; nowMs < 69_900; nowMs += 200) expect(isNewest(2)).toBeUndefined();
  nowMs += 1_000;
  expect(isNewest(2)).toBe(true);
});
