/** Weights that were set, as they are read from a state that is slow or away. */
import { expect, test } from "vitest";
import { LiveSplits } from "../../../src/cli/live-splits.ts";
import { changed, untouchedSplit, writeSplitDocument } from "../../../src/rollout/split-document.ts";
import type { StateDocument, StateStore } from "../../../src/store/state-store.ts";
import { systemClock } from "../../../src/support/clock.ts";

test("a state that is read late is told, because a config was refused for want of it", async () => {
  const { promise, resolve } = Promise.withResolvers<readonly StateDocument[]>();
  const store: Pick<StateStore, "list" | "watch"> = {
    list: () => promise,
    watch: () => ({ reached: new Map(), lookAgain: async () => undefined, close: () => undefined }),
  };
  const told: string[] = [];
  const splits = new LiveSplits({
    store: store as StateStore,
    clock: systemClock,
    random: () => 0,
    onChange: ({ cause }) => told.push(cause),
    onChanged: () => undefined,
    onWarning: () => undefined,
    onReached: () => undefined,
  });
  const started = splits.start();
  expect(splits.failure).toBe("they have not been read yet");
  const shares = { a: 10_000 };
  const document = changed(untouchedSplit, { kind: "set", before: shares, after: shares, actor: "ci", atMs: 0 });
  resolve([{ key: "splits/shop", bytes: writeSplitDocument(document), revision: 7 }]);
  await started;
  expect(splits.failure).toBeUndefined();
  expect(splits.live).toEqual([{ split: "shop", revision: 1, shares }]);
  expect(told).toEqual(["the weights of splits can be read"]);
  splits.close();
});

test("a split that a rollout moves is watched as long as it lasts, and whoever builds is told once", () => {
  const told: string[] = [];
  const splits = new LiveSplits({
    store: {} as StateStore,
    clock: systemClock,
    random: () => 0,
    onChange: ({ cause }) => told.push(cause),
    onChanged: () => undefined,
    onWarning: () => undefined,
    onReached: () => undefined,
  });
  for (let count = 0; count < 2; count += 1) splits.watch(new Map([["shop", { slowerThanMs: 300 }]]));
  expect(splits.live).toEqual([{ split: "shop", revision: 0, shares: undefined, watch: { slowerThanMs: 300 } }]);
  for (let count = 0; count < 2; count += 1) splits.watch(new Map());
  expect(splits.live).toEqual([]);
  expect(told).toHaveLength(2);
  splits.close();
});
