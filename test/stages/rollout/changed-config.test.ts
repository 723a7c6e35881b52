/**
 * Rollouts whose config changes under them: what the split loses, what its limits no longer allow, what is not known while
 * the config is refused, and what is known late.
 */
import { describe, expect, test } from "vitest";
import type { Split } from "../../../src/model/intent-split.ts";
import { advance } from "../../../src/rollout/advance.ts";
import { changed } from "../../../src/rollout/split-document.ts";
import type { PlayedRollout } from "../../support/played-rollout.ts";
import { played, report, shopSplit } from "../../support/played-rollout.ts";

const step = (weight: number) => ({ weight, hold: "30s", minRequests: 100 });
const plan = { steps: [step(20), step(50)], gates: { successRate: { objective: 99 } } };

/** A hundred requests of the canary a second, so many of them bad. */
function load(rollout: PlayedRollout, bad: () => number = () => 0): () => void {
  let [requests, errors] = [0, 0];
  return () => {
    requests += 100;
    errors += bad();
    rollout.traffic("a", report(requests, errors));
  };
}

function measuring(more: object = {}, bad?: () => number) {
  const rollout = played({ ...plan, ...more }, ["a"]);
  const tick = load(rollout, bad);
  rollout.until("measuring", tick);
  const ticks = (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) rollout.tick(tick);
  };
  return { rollout, tick, ticks };
}

function without(name: string): Split {
  return { ...shopSplit, backends: shopSplit.backends.filter((backend) => backend.name !== name) };
}

function limited(limit: { readonly max?: number; readonly maxStep?: number }): Split {
  const backends = shopSplit.backends.map((each) => (each.name === "canary" ? { ...each, limit } : each));
  return { ...shopSplit, backends };
}

describe("a backend that the config has no more", () => {
  test.each([
    ["canary", /^split shop has no backend canary any more \(shop\.yaml:1\)/],
    ["stable", /^split shop has no backend stable any more \(shop\.yaml:1\), which canary was compared with/],
  ])("ends the rollout with one change back to the weights before: %s", (name, sentence) => {
    const { rollout, tick, ticks } = measuring();
    rollout.file = without(name);
    rollout.until("done", tick);
    ticks(60);
    expect(rollout.record.outcome).toMatchObject({ kind: "superseded", sentence: expect.stringMatching(sentence) });
    // The step, and back: also when the backend is in the config again.
    expect(rollout.document).toMatchObject({ number: 2, shares: { stable: 10_000, canary: 0 } });
    expect(rollout.record.steps.map(({ kind, result }) => [kind, result])).toEqual([
      ["weight", "ended"],
      ["rollback", "ended"],
    ]);
  });

  test("ends one that has changed nothing without a change", () => {
    const rollout = played(plan, ["a"]);
    rollout.tick(() => undefined);
    expect(rollout.record.phase.kind).toBe("preflight");
    rollout.file = without("canary");
    rollout.tick(() => undefined);
    expect(rollout.record.outcome).toMatchObject({ kind: "superseded" });
    expect(rollout.document.number).toBe(0);
  });

  test("ends one that is paused", () => {
    const { rollout, tick } = measuring();
    expect(rollout.act({ kind: "pause" })).toBeUndefined();
    rollout.file = without("stable");
    rollout.until("done", tick);
    expect(rollout.record.outcome?.kind).toBe("superseded");
  });

  test("does not stop a rollback that is on", () => {
    const { rollout, tick } = measuring();
    expect(rollout.act({ kind: "abort" })).toBeUndefined();
    rollout.file = without("stable");
    rollout.until("done", tick);
    expect(rollout.record.outcome?.kind).toBe("aborted");
    expect(rollout.document).toMatchObject({ number: 2, shares: { stable: 10_000, canary: 0 } });
  });
});

test("a split that the config has no more ends the rollout, and is named", () => {
  const { rollout, tick } = measuring();
  rollout.file = undefined;
  rollout.tick(tick);
  expect(rollout.record.outcome).toMatchObject({
    kind: "superseded",
    sentence: "the config has no split shop any more",
  });
});

test("weights that are never kept are not written without end", () => {
  const { rollout } = measuring();
  const { record, document } = rollout;
  let writes = 0;
  let now = { ...record, phase: { kind: "converging" as const, sinceMs: 0, waitsFor: "" } } as typeof record;
  for (let look = 0; look < 100; look += 1) {
    // Somebody writes as the rollout, and other weights: a mistake of ours.
    const number = now.splitNumber + (look % 2);
    const shares = { stable: 9_999, canary: 1 };
    const [last] = document.history;
    const split = { document: { ...document, number, shares, history: last === undefined ? [] : [last] }, shares };
    const standing = {
      state: "applied" as const,
      acknowledgedCount: 1,
      pendingCount: 0,
      rejectedCount: 0,
      laggards: [],
    };
    const seen = { nowMs: 1_000, split: { ...split, file: shopSplit, standing }, nodes: [{ id: "a" }] };
    const next = advance(now, { ...seen, traffic: new Map(), routes: [], before: {} });
    writes += next.effects.length;
    now = next.record;
  }
  expect(writes).toBeLessThan(10);
  expect(now.phase).toMatchObject({ waitsFor: "weights that were written 5 times and are not kept" });
});

describe("while the config is not in force, a split that is not known", () => {
  test("ends nothing, is said once, and the rollout goes on afterwards", () => {
    const { rollout, tick, ticks } = measuring();
    Object.assign(rollout, { file: undefined, isConfigInForce: false });
    ticks(1);
    const { record } = rollout;
    expect(record.phase.kind).toBe("measuring");
    expect(record.verdict?.sentence).toBe(
      "Nothing is decided: it waits for a config that is in force (see fairway check), because nothing is known of its split until then.",
    );
    ticks(600);
    expect(rollout.record).toEqual(record);
    Object.assign(rollout, { file: shopSplit, isConfigInForce: true });
    rollout.until("done", tick);
    expect(rollout.record.outcome?.kind).toBe("promoted");
  });

  test("lets nobody go on, and lets everybody abort", () => {
    const { rollout, tick, ticks } = measuring();
    Object.assign(rollout, { file: undefined, isConfigInForce: false });
    ticks(1);
    expect(rollout.act({ kind: "promote", isFull: true })).toMatch(/^the config is not in force/);
    expect(rollout.act({ kind: "abort" })).toBeUndefined();
    ticks(90);
    expect(rollout.record.phase).toMatchObject({ kind: "rolling-back", waitsFor: /^a config that is in force/ });
    Object.assign(rollout, { file: shopSplit, isConfigInForce: true });
    rollout.until("done", tick);
    expect(rollout.record.outcome).toMatchObject({ kind: "aborted" });
    expect(rollout.document.shares).toEqual({ stable: 10_000, canary: 0 });
  });

  test("costs Envoys none of the time that they have", () => {
    const rollout = played(plan, ["a"]);
    const tick = load(rollout);
    rollout.standing = { state: "pending", pendingCount: 1, acknowledgedCount: 0 };
    rollout.until("converging", tick);
    Object.assign(rollout, { file: undefined, isConfigInForce: false });
    for (let second = 0; second < 300; second += 1) rollout.tick(tick);
    Object.assign(rollout, { file: shopSplit, isConfigInForce: true });
    for (let second = 0; second < 30; second += 1) rollout.tick(tick);
    expect(rollout.record.phase.kind).toBe("converging");
    rollout.standing = {};
    rollout.until("measuring", tick);
  });
});

describe("a view of the split from before the last change of the rollout", () => {
  const late = (isNewest?: boolean) => {
    const { rollout } = measuring();
    const { record, document } = rollout;
    expect(record.splitNumber).toBe(1);
    const older = { ...document, number: 0, shares: undefined, history: [] };
    const standing = {
      state: "applied" as const,
      acknowledgedCount: 1,
      pendingCount: 0,
      rejectedCount: 0,
      laggards: [],
    };
    const split = { document: older, file: shopSplit, shares: { stable: 10_000, canary: 0 }, standing, isNewest };
    const seen = {
      nowMs: rollout.nowMs + 500,
      split,
      nodes: [{ id: "a" }],
      traffic: new Map(),
      routes: [],
      before: {},
    };
    return { record, ...{ next: advance(record, seen) } };
  };

  test("is waited for", () => {
    const { record, next } = late();
    expect(next).toEqual({ record, effects: [] });
    expect(next.record).toBe(record);
  });

  test("ends it when there is surely none that is newer", () => {
    expect(late(true).next.record.outcome).toMatchObject({
      kind: "superseded",
      sentence: expect.stringContaining("is older than what it has set (change 0, not 1)"),
    });
  });

  test("is told from what somebody else has set", () => {
    const { rollout } = measuring();
    const shares = { stable: 5_000, canary: 5_000 };
    const document = changed(rollout.document, { kind: "set", before: shares, after: shares, actor: "ann", atMs: 0 });
    const standing = {
      state: "applied" as const,
      acknowledgedCount: 1,
      pendingCount: 0,
      rejectedCount: 0,
      laggards: [],
    };
    const { nowMs } = rollout;
    const seen = { nowMs, split: { document, file: shopSplit, shares, standing }, nodes: [], traffic: new Map() };
    const next = advance(rollout.record, { ...seen, routes: [], before: {} });
    expect(next.record.outcome).toMatchObject({ kind: "superseded", by: "ann" });
  });
});

describe("limits that are lowered during a rollout", () => {
  test("pause it before the step that they do not allow, and it goes on when they do", () => {
    const { rollout, tick, ticks } = measuring();
    rollout.file = limited({ max: 30 });
    rollout.until("paused", tick);
    const why = "Step 2 was not begun: canary may have 30 % at most, by the limits of split `shop` (shop.yaml:1).";
    expect(rollout.record.phase).toMatchObject({ by: "engine", why });
    expect(rollout.record.verdict).toMatchObject({ kind: "inconclusive", reason: "limits" });
    expect(rollout.document).toMatchObject({ number: 1, shares: { canary: 2_000 } });
    expect(rollout.record.steps.map(({ result }) => result)).toEqual(["passed"]);
    // As long as they do not allow it, nobody gets past them.
    expect(rollout.act({ kind: "promote", isFull: false })).toBe(why);
    expect(rollout.act({ kind: "promote", isFull: true })).toMatch(
      /^The promotion was not begun: canary may have 30 %/,
    );
    expect(rollout.act({ kind: "resume" })).toBeUndefined();
    expect(rollout.record.phase.kind).toBe("paused");
    rollout.file = shopSplit;
    expect(rollout.act({ kind: "resume" })).toBeUndefined();
    ticks(5);
    expect(rollout.record.steps.map(({ index, share, result }) => [index, share, result])).toEqual([
      [0, 2_000, "passed"],
      [1, 5_000, undefined],
    ]);
    rollout.until("done", tick);
    expect(rollout.record.outcome?.kind).toBe("promoted");
  });

  test("pause it before the promotion, and by what a share may grow at once", () => {
    const { rollout, tick } = measuring();
    rollout.file = limited({ maxStep: 40 });
    rollout.until("paused", tick);
    expect(rollout.record.phase).toMatchObject({
      why: /^The promotion was not begun: canary may grow by 40 % at once, .*; it has 50 %\.$/,
    });
  });

  test("do not stop a step that was begun, and never a rollback", () => {
    const { rollout, tick, ticks } = measuring();
    rollout.file = limited({ max: 5 });
    ticks(5);
    expect(rollout.record.phase.kind).toBe("measuring");
    expect(rollout.act({ kind: "abort" })).toBeUndefined();
    rollout.until("done", tick);
    expect(rollout.document.shares).toEqual({ stable: 10_000, canary: 0 });
  });

  test("leave a canary guarded that waits because of them", () => {
    let bad = 0;
    const { rollout, tick } = measuring({}, () => bad);
    rollout.file = limited({ max: 30 });
    rollout.until("paused", tick);
    bad = 50;
    rollout.until("done", tick);
    expect(rollout.record.outcome?.kind).toBe("rolled-back");
  });
});

test("what Envoys refused before the rollout is not blamed on the canary", () => {
  const rollout = played(plan, ["a"]);
  const tick = load(rollout);
  const laggard = { nodeId: "a", state: "rejected" as const, reason: "shop.yaml:9: no such filter", overdue: false };
  rollout.standing = { state: "rejected", rejectedCount: 1, acknowledgedCount: 0, laggards: [laggard] };
  rollout.tick(tick);
  const waitsFor = "a to take what was refused before the rollout: shop.yaml:9: no such filter";
  expect(rollout.record.phase).toMatchObject({ kind: "preflight", waitsFor });
  rollout.until("paused", tick);
  expect(rollout.record.phase).toMatchObject({ by: "engine", why: `Nothing was begun: it waits for ${waitsFor}.` });
  expect(rollout.document.number).toBe(0);
  rollout.standing = {};
  expect(rollout.act({ kind: "resume" })).toBeUndefined();
  rollout.until("measuring", tick);
});

describe("a rollout that has failed and only pauses", () => {
  test("tries its step anew when it is resumed, and what failed it counts no more", () => {
    let bad = 50;
    const { rollout, tick, ticks } = measuring({ onFail: "pause" }, () => bad);
    rollout.until("paused", tick);
    expect(rollout.record.verdict).toMatchObject({ kind: "fail" });
    // Somebody has mended it.
    bad = 0;
    expect(rollout.act({ kind: "resume" })).toBeUndefined();
    ticks(20);
    expect(rollout.record.phase.kind).toBe("measuring");
    expect(rollout.record.steps.map(({ index, share, result }) => [index, share, result])).toEqual([
      [0, 2_000, "failed"],
      [0, 2_000, undefined],
    ]);
    rollout.until("done", tick);
    expect(rollout.record.outcome?.kind).toBe("promoted");
  });

  test("goes on after an Envoy that has crashed, unless it crashes again", () => {
    const { rollout, tick, ticks } = measuring({ onFail: "pause" });
    rollout.startedEmptyAtMs = rollout.nowMs;
    rollout.until("paused", tick);
    expect(rollout.record.verdict).toMatchObject({ reason: "crashed" });
    ticks(5);
    expect(rollout.act({ kind: "resume" })).toBeUndefined();
    rollout.until("measuring", tick);
    ticks(5);
    expect(rollout.record.phase.kind).toBe("measuring");
    rollout.startedEmptyAtMs = rollout.nowMs;
    rollout.until("paused", tick);
    expect(rollout.record.steps.map(({ index, result }) => [index, result])).toEqual([
      [0, "failed"],
      [0, "failed"],
    ]);
  });

  test("pauses again when the canary is as bad as before", () => {
    const { rollout, tick } = measuring({ onFail: "pause" }, () => 50);
    rollout.until("paused", tick);
    expect(rollout.act({ kind: "resume" })).toBeUndefined();
    rollout.until("measuring", tick);
    rollout.until("paused", tick);
    expect(rollout.record.verdict).toMatchObject({ kind: "fail" });
    expect(rollout.record.steps).toHaveLength(2);
  });
});
