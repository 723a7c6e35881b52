/**
 * Weights that a rollout has set and that nobody judges any more, because the config has its split no more: they are taken
 * back before the split can return.
 */
import { describe, expect, test } from "vitest";
import { LiveSplits } from "../../../src/cli/live-splits.ts";
import type { RolloutPort } from "../../../src/cli/rollout-port.ts";
import { Rollouts } from "../../../src/cli/rollouts.ts";
import type { SplitChange } from "../../../src/rollout/split-document.ts";
import { DirectoryStateStore } from "../../../src/store/directory-state-store.ts";
import type { StateStore } from "../../../src/store/state-store.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { describeSplitChange } from "../../../src/telemetry/describe-split-change.ts";
import { place } from "../../support/build-intent.ts";
import { eventually } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";

const split = {
  name: "shop",
  at: place(),
  backends: [
    { name: "stable", at: place(), service: "shop", subset: "v1", weight: 100 },
    { name: "canary", at: place(), service: "shop", subset: "v2", weight: 0 },
  ],
  onLeaseExpiry: "keep" as const,
};

/** A controller over a directory, whose config has the split or not. */
class Controller {
  readonly splits: LiveSplits;
  readonly rollouts: Rollouts;
  readonly changes: SplitChange[] = [];
  hasSplit = true;
  isConfigInForce = true;

  constructor(store: StateStore) {
    this.splits = new LiveSplits({
      ...{ store, clock: systemClock, random: () => 0 },
      onChange: () => undefined,
      onChanged: (_name, change) => this.changes.push(change),
      onWarning: () => undefined,
      onReached: () => undefined,
    });
    this.rollouts = new Rollouts({
      ...{ store, clock: systemClock, port: this.#port(), replica: undefined },
      onWarning: () => undefined,
      record: () => undefined,
    });
  }

  async start(): Promise<this> {
    await this.splits.start();
    this.splits.define([split]);
    await this.rollouts.start();
    return this;
  }

  async close(): Promise<void> {
    await this.rollouts.close();
    this.splits.close();
  }

  phase(): string | undefined {
    return this.rollouts.rollouts()[0]?.record.phase.kind;
  }

  canaryShare(): number | undefined {
    return this.splits.of("shop").shares?.["canary"];
  }

  #port(): RolloutPort {
    const known = () => {
      const document = this.splits.of("shop");
      const built = { ...split, groups: ["edge"], liveNumber: document.number, rules: [] };
      const copying = { isPossible: true, mirroredAt: {} };
      const counts = { acknowledgedCount: 1, pendingCount: 0, rejectedCount: 0, laggards: [] };
      const standing = { split, groups: ["edge"], copying, servedNumber: document.number, document, ...counts };
      return { built: { ...built, copying }, standing: { ...standing, state: "applied" as const } };
    };
    const counted = { completed: 0, errors: 0, healthyHosts: 1, totalHosts: 1 };
    const clusters = new Map(["shop|v1", "shop|v2"].map((name) => [name, counted]));
    return {
      isServing: () => true,
      isConfigInForce: () => this.isConfigInForce,
      lookAgain: () => undefined,
      hasCopies: () => this.splits.of("shop").mirror !== undefined,
      splits: () => (this.hasSplit ? [known().standing] : []),
      served: () => (this.hasSplit ? [known().built] : []),
      changeSplit: (name, asked) => this.splits.change(name, asked),
      takeBack: (record) => this.splits.takeBack(record),
      nodes: () => [{ id: "edge-1" }],
      versions: () => ({}),
      traffic: { read: () => [{ nodeId: "edge-1", reportedAtMs: Date.now(), clusters }] },
      loads: { read: () => [] },
      routes: { readRoutes: () => [], watch: () => undefined },
      watchSplits: () => undefined,
    };
  }
}

const plan = { split: "shop", steps: [{ weight: 10, hold: "60s" }, { weight: 50 }] };

async function started(store: StateStore): Promise<Controller> {
  const controller = await new Controller(store).start();
  expect(await controller.rollouts.startRollout({ plan, target: "v2", actor: "ci" })).toMatchObject({ ok: true });
  await eventually("the first step", () => controller.phase() === "measuring" && controller.canaryShare() === 1_000);
  return controller;
}

describe("weights of a rollout whose split has left the config", () => {
  test("are those of the file again, and the log and the history say who and why", async () => {
    await using directory = await tempDir();
    const store = await DirectoryStateStore.open({ directory: directory.path });
    const controller = await started(store);
    controller.hasSplit = false;
    await eventually("the end", () => controller.phase() === "done");

    expect(controller.rollouts.rollouts()[0]?.record.outcome).toMatchObject({ kind: "superseded" });
    const document = controller.splits.of("shop");
    expect(document).toMatchObject({ number: 2, shares: undefined });
    const reason = "shop-1 (canary 10 %) ended unjudged: the config has no split shop any more";
    expect(document.history[0]).toMatchObject({ kind: "reset", actor: "fairway", reason });
    const change = controller.changes.at(-1);
    if (change === undefined) throw new Error("a change was told");
    expect(describeSplitChange({ kind: "split-changed", atMs: 0, split: "shop", change })).toBe(
      `shop: stable 90 → 100 %, canary 10 → 0 %, back to those of the file by fairway (unverified): ${reason}`,
    );
    await controller.close();
    await store.close();
  });

  test("are those that somebody had set before it", async () => {
    await using directory = await tempDir();
    const store = await DirectoryStateStore.open({ directory: directory.path });
    const first = await new Controller(store).start();
    const set = { percents: { canary: 5 }, expected: 0, actor: "ann" };
    expect(await first.splits.change("shop", set)).toMatchObject({ ok: true });
    await first.close();
    const controller = await started(store);
    controller.hasSplit = false;
    await eventually("the end", () => controller.phase() === "done");
    expect(controller.splits.of("shop")).toMatchObject({ number: 3, shares: { stable: 9_500, canary: 500 } });
    expect(controller.splits.of("shop").history[0]).toMatchObject({ kind: "set", actor: "fairway" });
    await controller.close();
    await store.close();
  });

  test("are taken back before the rollout is over, so that nothing is left when the controller is killed then", async () => {
    await using directory = await tempDir();
    const store = await DirectoryStateStore.open({ directory: directory.path });
    const order: string[] = [];
    const watched: StateStore = {
      get: (key) => store.get(key),
      list: (prefix) => store.list(prefix),
      delete: (key, expected) => store.delete(key, expected),
      watch: (prefix, told) => store.watch(prefix, told),
      put: async (key, bytes, expected) => {
        const text = Buffer.from(bytes).toString();
        if (key === "splits/shop" && text.includes("ended unjudged")) order.push("weights");
        if (key === "rollouts/shop" && text.includes('"superseded"')) order.push("rollout");
        return store.put(key, bytes, expected);
      },
    };
    const controller = await started(watched);
    controller.hasSplit = false;
    await eventually("the end", () => controller.phase() === "done");
    expect(order).toEqual(["weights", "rollout"]);
    await controller.close();
    await store.close();
  });

  test("stay while the config is not in force, when nobody knows whether the split has left it", async () => {
    await using directory = await tempDir();
    const store = await DirectoryStateStore.open({ directory: directory.path });
    const controller = await started(store);
    controller.isConfigInForce = false;
    controller.hasSplit = false;
    const sentence = () => controller.rollouts.rollouts()[0]?.record.verdict?.sentence ?? "";
    await eventually("it waits", () => sentence().includes("it waits for a config that is in force"));
    expect(controller.splits.of("shop")).toMatchObject({ number: 1, shares: { canary: 1_000 } });
    await controller.close();
    await store.close();
  });

  test("stay when somebody else has set them since", async () => {
    await using directory = await tempDir();
    const store = await DirectoryStateStore.open({ directory: directory.path });
    const controller = await started(store);
    const { number } = controller.splits.of("shop");
    const set = { percents: { canary: 20 }, expected: number, actor: "ann" };
    expect(await controller.splits.change("shop", set)).toMatchObject({ ok: true });
    await eventually("the end", () => controller.phase() === "done");
    expect(controller.splits.of("shop")).toMatchObject({ number: number + 1, shares: { canary: 2_000 } });
    await controller.close();
    await store.close();
  });

  test("of an earlier Fairway are taken back at its first look", async () => {
    await using directory = await tempDir();
    const store = await DirectoryStateStore.open({ directory: directory.path });
    const controller = await started(store);
    await controller.close();
    // As one that was superseded without a word about its weights.
    const [kept] = await store.list("rollouts/");
    if (kept === undefined) throw new Error("a rollout is kept");
    const record = JSON.parse(Buffer.from(kept.bytes).toString()) as object;
    const outcome = { kind: "superseded", sentence: "the config has no split shop any more", atMs: 1 };
    const over = { ...record, phase: { kind: "done", sinceMs: 1 }, outcome };
    await store.put(kept.key, Buffer.from(JSON.stringify(over)), { revision: kept.revision });
    const next = await new Controller(store).start();
    await eventually("the weights of the file", () => next.splits.of("shop").shares === undefined);
    await next.close();
    await store.close();
  });
});
