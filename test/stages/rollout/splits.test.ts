/** What may be set of a split, what is kept of it, and how far it is. */
import { describe, expect, test } from "vitest";
import type { Convergence } from "../../../src/fleet/convergence.ts";
import type { Split } from "../../../src/model/intent-split.ts";
import { liveWarnings, sharesOf, withLiveWeights } from "../../../src/model/live-weights.ts";
import { changeSplit, expireLease, liveOf } from "../../../src/rollout/change-split.ts";
import { sharesFor } from "../../../src/rollout/set-weights.ts";
import { readSplitDocument, untouchedSplit, writeSplitDocument } from "../../../src/rollout/split-document.ts";
import { splitStanding } from "../../../src/rollout/split-standing.ts";
import type { GroupName, SnapshotVersion } from "../../../src/snapshot/snapshot.ts";
import { backend, place } from "../../support/build-intent.ts";

const split: Split = {
  name: "shop",
  at: place(3),
  onLeaseExpiry: "default",
  backends: [
    { ...backend("shop|stable", 100), name: "stable" },
    { ...backend("shop|canary", 0), name: "canary", limit: { max: 50, maxStep: 20 } },
  ],
};
const ofFile = { stable: 10_000, canary: 0 };
const three: Split = { ...split, backends: ["a", "b", "c"].map((name) => ({ ...backend(name, 1), name })) };

describe("weights in percent", () => {
  test.each([
    ["one backend has the rest", { canary: 10 }, { stable: 9_000, canary: 1_000 }],
    ["hundredths of a percent", { canary: 0.01 }, { stable: 9_999, canary: 1 }],
    ["fractions that binary numbers do not have", { canary: 0.29 }, { stable: 9_971, canary: 29 }],
    ["all of them", { stable: 85, canary: 15 }, { stable: 8_500, canary: 1_500 }],
  ])("become shares: %s", (_, percents, shares) => {
    expect(sharesFor(split, percents as Record<string, number>, ofFile)).toEqual({ ok: true, value: shares });
  });

  test.each([
    ["none", {}, /name a backend of shop: stable, canary/],
    ["too little", { stable: 80, canary: 10 }, /add up to 90 %/],
    ["too much", { stable: 95, canary: 10 }, /add up to 105 %/],
    ["too fine", { canary: 0.005 }, /too fine/],
    ["negative", { canary: -1 }, /-1 is no share/],
    ["no number", { canary: Number.NaN }, /NaN is no share/],
    ["a misspelt backend", { canari: 1 }, /did you mean `canary`/],
    ["what an object has anyway", { constructor: 1 }, /no backend `constructor`/],
  ])("are refused: %s", (_, percents, message) => {
    const refused = sharesFor(split, percents, ofFile);
    expect(refused).toMatchObject({ ok: false, error: { kind: "invalid" } });
    expect(refused.ok ? "" : refused.error.message).toMatch(message);
  });

  test("name all of three backends but one at least", () => {
    expect(sharesFor(three, { a: 10 }, {})).toMatchObject({ ok: false });
    expect(sharesFor(three, { a: 10, b: 20 }, {})).toMatchObject({ value: { a: 1_000, b: 2_000, c: 7_000 } });
  });

  test("keep within the limits upwards, and may always shrink", () => {
    const limited = (percent: number, now: number) =>
      sharesFor(split, { canary: percent }, { stable: 10_000 - now, canary: now });
    expect(limited(20, 0).ok).toBe(true);
    expect(limited(20.01, 0)).toMatchObject({ ok: false, error: { kind: "limit" } });
    expect(limited(50, 3_000).ok).toBe(true);
    expect(limited(51, 4_000)).toMatchObject({ ok: false, error: { kind: "limit" } });
    // Somebody has lowered the limit since.
    expect(limited(70, 9_000).ok).toBe(true);
    expect(limited(0, 9_000).ok).toBe(true);
  });
});

describe("what is kept of a split", () => {
  const by = { actor: "ci", reason: "v2", expected: 0 };

  test("counts its changes, and refuses who has not seen the last", () => {
    const first = changeSplit(split, untouchedSplit, { ...by, percents: { canary: 10 }, leaseMs: 5_000 }, 1_000);
    expect(first).toMatchObject({ value: { number: 1, shares: { canary: 1_000 }, leaseEndsAtMs: 6_000 } });
    const document = first.ok ? first.value : untouchedSplit;
    expect(changeSplit(split, document, { ...by, percents: { canary: 20 } }, 2_000)).toMatchObject({
      error: { kind: "conflict", current: { number: 1 } },
    });
    const reset = changeSplit(split, document, { ...by, expected: 1, percents: undefined }, 3_000);
    expect(reset).toMatchObject({
      value: { number: 2, shares: undefined, leaseEndsAtMs: undefined, history: [{ kind: "reset" }, { kind: "set" }] },
    });
    expect(readSplitDocument(writeSplitDocument(document))).toEqual(document);
    expect(readSplitDocument(Buffer.from("{}"))).toBeUndefined();
  });

  test("is bounded", () => {
    let document = untouchedSplit;
    for (let number = 0; number < 300; number += 1) {
      const next = changeSplit(split, document, { ...by, expected: number, percents: { canary: number % 2 } }, 0);
      document = next.ok ? next.value : document;
    }
    expect(document.number).toBe(300);
    expect(document.history).toHaveLength(200);
  });

  test("goes back to the file when its lease ends, or stays when the file says so", () => {
    const set = changeSplit(split, untouchedSplit, { ...by, percents: { canary: 10 }, leaseMs: 1 }, 0);
    const document = set.ok ? set.value : untouchedSplit;
    expect(expireLease(split, document, 9)).toMatchObject({ shares: undefined, history: [{ kind: "expired" }, {}] });
    const kept = expireLease({ ...split, onLeaseExpiry: "keep" }, document, 9);
    expect(kept).toMatchObject({
      shares: { canary: 1_000 },
      leaseEndsAtMs: undefined,
      history: [{ kind: "kept" }, {}],
    });
    expect(expireLease(undefined, document, 9)).toMatchObject({ number: 2, shares: undefined });
  });
});

describe("weights in force", () => {
  const live = (shares: Record<string, number>) => ({ split: "shop", revision: 1, shares });

  test("are those of the file, as they are written, until somebody sets others", () => {
    expect(withLiveWeights(split, undefined, new WeakMap())).toBe(split);
    const set = withLiveWeights(split, live({ stable: 9_000, canary: 1_000 }), new WeakMap());
    expect(set.backends.map(({ weight }) => weight)).toEqual([9_000, 1_000]);
  });

  test("always add up to the same for users who are told by a hash", () => {
    const sticky = { ...split, sticky: { kind: "header", name: "x-user" } } as const;
    const weights = withLiveWeights(sticky, undefined, new WeakMap()).backends.map(({ weight }) => weight);
    expect(weights).toEqual([10_000, 0]);
    expect(sharesOf(three, undefined)).toEqual({ a: 3_334, b: 3_333, c: 3_333 });
  });

  test("leave out what the file has taken away, and are the file's when nothing is left", () => {
    expect(sharesOf(split, live({ gone: 5_000, stable: 2_500, canary: 2_500 }))).toEqual({
      stable: 5_000,
      canary: 5_000,
    });
    expect(sharesOf(split, live({ gone: 10_000 }))).toEqual(ofFile);
    const told = liveWarnings([split], new Map([["shop", live({ gone: 4_000, canary: 6_000 })]]));
    expect(told.map(({ code, message }) => `${code}: ${message}`)).toEqual([
      expect.stringContaining("live-weights: `gone` has a live weight of 40 %"),
      expect.stringContaining("live-weights: the live weight of `canary` is 60 %, above its limit of 50 %"),
    ]);
  });
});

describe("a default that changes while other weights are set", () => {
  const withDefault = (canary: number): Split => ({
    ...split,
    backends: split.backends.map((each) => ({ ...each, weight: each.name === "canary" ? canary : 100 - canary })),
  });
  const by = { actor: "ci", leaseMs: undefined };
  const setTo = (percents: Record<string, number>) => {
    const set = changeSplit(split, untouchedSplit, { ...by, percents, expected: 0 }, 0);
    if (!set.ok) throw new Error(set.error.kind);
    return set.value;
  };
  const told = (of: Split, document: ReturnType<typeof setTo>) =>
    liveWarnings([of], new Map([["shop", liveOf("shop", document)]])).map(({ message }) => message);

  test("is warned of as long as nobody gets it, also after a restart", () => {
    const kept = readSplitDocument(writeSplitDocument(setTo({ canary: 20 })));
    if (kept === undefined) throw new Error("it is one");
    expect(told(split, kept)).toEqual([]);
    expect(told(withDefault(20), kept)).toEqual([]);
    expect(told(withDefault(10), kept)).toEqual([
      "the default of split `shop` is another now (stable 90 %, canary 10 %), and nobody gets it: stable 80 %, canary 20 % is set, by change 1",
    ]);
  });

  test("is known to whoever sets weights then, and to no rollout", () => {
    const now = withDefault(10);
    const again = changeSplit(now, setTo({ canary: 20 }), { ...by, percents: { canary: 15 }, expected: 1 }, 0);
    expect(again.ok && told(now, again.value)).toEqual([]);
    const shares = { stable: 7_000, canary: 3_000 };
    const moved = changeSplit(now, setTo({ canary: 20 }), { ...by, percents: undefined, shares, expected: 1 }, 0);
    expect(moved.ok && told(now, moved.value)).toHaveLength(1);
    const begun = changeSplit(now, setTo({ canary: 10 }), { ...by, percents: undefined, shares, expected: 1 }, 0);
    expect(begun.ok && told(now, begun.value)).toEqual([]);
  });
});

describe("how far a change is", () => {
  const document = { ...untouchedSplit, number: 2 };
  const copying = { isPossible: true, mirroredAt: {} };
  const known = { split, groups: ["edge"], copying, servedNumber: 2, document };
  const convergence = (counts: Partial<Convergence>): Convergence => ({
    group: "edge" as GroupName,
    snapshotVersion: "v" as SnapshotVersion,
    acknowledgedCount: 1,
    pendingCount: 0,
    rejectedCount: 0,
    disconnectedCount: 0,
    laggards: [],
    publishedAtMs: 0,
    convergedAtMs: 0,
    ...counts,
  });
  const at = (
    of: { readonly servedNumber?: number; readonly isHeld?: boolean; readonly isRefused?: boolean },
    counts: Partial<Convergence> = {},
  ) =>
    splitStanding(
      { ...known, servedNumber: of.servedNumber ?? 2 },
      [{ group: "edge", isHeld: of.isHeld ?? false, convergence: convergence(counts) }],
      { isRefused: of.isRefused ?? false },
    ).state;

  test("is applied only when it is built, not held, and every connected node has it", () => {
    expect(at({})).toBe("applied");
    expect(at({ servedNumber: 1 })).toBe("pending");
    expect(at({ servedNumber: 1, isRefused: true })).toBe("refused");
    expect(at({ isRefused: true })).toBe("applied");
    expect(at({ servedNumber: 1, isHeld: true })).toBe("held");
    expect(at({ isHeld: true }), "what is held is something else").toBe("applied");
    expect(at({}, { pendingCount: 1 })).toBe("pending");
    expect(at({}, { pendingCount: 1, rejectedCount: 1 })).toBe("rejected");
    expect(at({}, { disconnectedCount: 1 })).toBe("applied");
    expect(
      splitStanding(known, [{ group: "edge", isHeld: false, convergence: undefined }], { isRefused: false }).state,
    ).toBe("pending");
    expect(liveOf("shop", document)).toEqual({ split: "shop", revision: 2, shares: undefined });
  });
});
