/** Steps that mirror: what a plan may ask for, when there are copies, and what is counted meanwhile. */
import { describe, expect, test } from "vitest";
import type { Split } from "../../../src/model/intent-split.ts";
import { sharesOf } from "../../../src/model/live-weights.ts";
import { act } from "../../../src/rollout/act.ts";
import { advance } from "../../../src/rollout/advance.ts";
import { changeSplit, liveOf } from "../../../src/rollout/change-split.ts";
import { describePhase, describePlan } from "../../../src/rollout/describe-rollout.ts";
import { actorOf } from "../../../src/rollout/follow-weights.ts";
import type { NodeReport, Observed } from "../../../src/rollout/observed.ts";
import { readPlan } from "../../../src/rollout/read-plan.ts";
import { reportMarkdown } from "../../../src/rollout/report-markdown.ts";
import { reportOf } from "../../../src/rollout/report.ts";
import type { RolloutRecord } from "../../../src/rollout/rollout-record.ts";
import type { SplitDocument } from "../../../src/rollout/split-document.ts";
import { readSplitDocument, untouchedSplit, writeSplitDocument } from "../../../src/rollout/split-document.ts";
import type { SplitCopying } from "../../../src/rollout/split-standing.ts";
import { startRollout } from "../../../src/rollout/start-rollout.ts";
import { describeSplitChange } from "../../../src/telemetry/describe-split-change.ts";
import { backend, place } from "../../support/build-intent.ts";

const split: Split = {
  name: "shop",
  at: place(3),
  onLeaseExpiry: "default",
  backends: [
    { ...backend("shop|stable", 100), name: "stable" },
    { ...backend("shop|canary", 0), name: "canary" },
  ],
};
const shares = { stable: 10_000, canary: 0 };
const copying: SplitCopying = { isPossible: true, mirroredAt: {} };

function read(steps: readonly object[], now: Partial<Parameters<typeof readPlan>[2]> = {}) {
  return readPlan({ split: "shop", steps, gates: { successRate: { objective: 99 } } }, split, {
    shares,
    copying,
    ...now,
  });
}

describe("a plan", () => {
  test("says in words what is mirrored, for how long and how much of it", () => {
    const plan = read([{ mirror: 12.5, hold: "2m", minRequests: 300 }, { weight: 5 }]);
    expect(plan.ok && plan.value.steps[0]).toEqual({
      kind: "mirror",
      mirrorShare: 1_250,
      holdMs: 120_000,
      holdMsMax: 1_200_000,
      requestsMin: 300,
    });
    expect(plan.ok && describePlan(plan.value)[0]).toBe(
      "12.5 % mirrored to canary, for 2 min at least, 20 min at most, with 300 mirrored requests or more",
    );
  });

  test.each([
    ["nothing", [{ mirror: 0 }], {}, /^steps\[0\]\.mirror: mirrors nothing/],
    ["more than everything", [{ mirror: 101 }], {}, /^steps\[0\]\.mirror: is more than all requests/],
    ["beside a weight", [{ mirror: 5, weight: 5 }], {}, /^steps\[0\]: is more than one of weight, pinned, mirror/],
    ["what holds too long", [{ mirror: 5, hold: "2m", maxHold: "1m" }], {}, /^steps\[0\]\.maxHold: is shorter/],
    [
      "after a weight",
      [{ weight: 5 }, { mirror: 5 }],
      {},
      /^steps\[1\]\.mirror: canary has 5 % of the requests by then/,
    ],
    [
      "where the canary has some already",
      [{ mirror: 5 }],
      { shares: { stable: 9_000, canary: 1_000 } },
      /^steps\[0\]\.mirror: canary has 10 % of the requests by then/,
    ],
    [
      "connections",
      [{ mirror: 5 }],
      { copying: { isPossible: false, mirroredAt: {} } },
      /^steps\[0\]\.mirror: no rule of `routes` shares requests by split `shop` \(fairway\.yaml:3\)/,
    ],
    [
      "what a rule mirrors already",
      [{ mirror: 5 }],
      { copying: { isPossible: true, mirroredAt: { canary: place(12) } } },
      /^steps\[0\]\.mirror: a rule mirrors requests to canary already \(fairway\.yaml:12\)/,
    ],
  ])("is refused that mirrors %s", (_, steps, now, message) => {
    const plan = read(steps, now);
    expect(plan.ok).toBe(false);
    expect(plan.ok ? [] : plan.error).toEqual([expect.stringMatching(message)]);
  });

  test("may be pinned or approved before it mirrors, and mirror more and more", () => {
    expect(read([{ pinned: true }, { approval: true }, { mirror: 5 }, { mirror: 50 }, { weight: 5 }]).ok).toBe(true);
  });
});

/** One Envoy that has what it is told at once, and a controller that does what `advance` says. */
class Scene {
  record: RolloutRecord;
  document: SplitDocument = untouchedSplit;
  nowMs = 1_000_000;
  readonly reports = new Map<string, NodeReport>();
  hasSplit = true;

  constructor(steps: readonly object[]) {
    const plan = read(steps);
    if (!plan.ok) throw new Error(plan.error.join());
    this.record = startRollout({
      number: 1,
      target: "v2",
      plan: plan.value,
      nowMs: this.nowMs,
      shares,
      splitNumber: 0,
      actor: "ci",
    });
    this.report({ mirrored: undefined });
  }

  get seen(): Observed {
    const { document, nowMs } = this;
    const inForce = sharesOf(split, liveOf("shop", document));
    const standing = {
      state: "applied",
      acknowledgedCount: 1,
      pendingCount: 0,
      rejectedCount: 0,
      laggards: [],
    } as const;
    return {
      nowMs,
      split: this.hasSplit ? { document, file: split, shares: inForce, standing } : undefined,
      nodes: [{ id: "edge" }],
      traffic: this.reports,
      routes: [],
      before: { errors: Array.from({ length: 30 }, () => ({ completed: 1_000, bad: 0 })) },
    };
  }

  report(of: Partial<NodeReport>): void {
    const none = { completed: 0, errors: 0 };
    const known = this.reports.get("edge") ?? { canary: none, baseline: none, mirrored: undefined };
    this.reports.set("edge", { ...known, ...of, reportedAtMs: this.nowMs, canaryHealthyHosts: 1 });
  }

  /** Until nothing more is to be done now. */
  run(afterMs = 0): void {
    this.nowMs += afterMs;
    for (let moves = 0; moves < 10; moves += 1) {
      const { record, effects } = advance(this.record, this.seen);
      const isStill = record === this.record && effects.length === 0;
      this.record = record;
      for (const effect of effects) if (effect.kind === "set-weights") this.change(effect, actorOf(record));
      if (isStill) return;
    }
    throw new Error("it never comes to rest");
  }

  change(asked: Pick<Parameters<typeof changeSplit>[2], "shares" | "mirror">, actor: string): void {
    const by = { percents: undefined, expected: this.document.number, actor, reason: undefined };
    const changed = changeSplit(split, this.document, { ...by, ...asked }, this.nowMs);
    if (changed.ok) this.document = changed.value;
  }

  act(kind: "pause" | "resume" | "abort" | "approve"): void {
    const acted = act(this.record, { kind }, { actor: "ann" }, this.seen);
    if (!acted.ok) throw new Error(acted.error);
    this.record = acted.value;
    this.run();
  }
}

const step = { hold: "10s", minRequests: 100 };

/** It is measured what becomes of copies. */
function measuring(
  steps: readonly object[] = [
    { mirror: 10, ...step },
    { weight: 5, ...step },
  ],
): Scene {
  const scene = new Scene(steps);
  scene.run();
  scene.run(2_000);
  expect(scene.record.phase.kind).toBe("measuring");
  expect(scene.document).toMatchObject({ shares, mirror: { backend: "canary", share: 1_000 } });
  return scene;
}

/** So many more of each, in looks of five seconds; the canary's own requests, which the config pins to it, all fail. */
function counted(scene: Scene, copies: number, errors: number, looks = 4): void {
  const none = { completed: 0, errors: 0 };
  for (let look = 0; look <= looks; look += 1) {
    const known = scene.reports.get("edge");
    const more = look === 0 ? 0 : 1;
    scene.nowMs += 5_000;
    scene.report({
      canary: { completed: (known?.canary?.completed ?? 0) + 100, errors: (known?.canary?.errors ?? 0) + 100 },
      baseline: { completed: (known?.baseline?.completed ?? 0) + 10_000, errors: 0 },
      mirrored: {
        completed: (known?.mirrored ?? none).completed + more * copies,
        errors: (known?.mirrored ?? none).errors + more * errors,
      },
    });
    scene.run();
    if (scene.record.phase.kind !== "measuring") return;
  }
}

/** The weights before, since this change. */
function expectNoCopies({ document }: Scene, number: number): void {
  expect(document).toMatchObject({ number, shares });
  expect(document.mirror).toBeUndefined();
}

describe("copies", () => {
  test("are what their step is judged by, and end with the change that gives the canary its weight", () => {
    const scene = measuring();
    expect(describePhase(scene.record)).toContain("measuring canary by 10 % of the requests, mirrored to it");
    counted(scene, 5_000, 0);
    expect(scene.record.steps[0]).toMatchObject({ kind: "mirror", share: 0, mirrorShare: 1_000, result: "passed" });
    expect(scene.record.steps[0]?.sentence).toMatch(/^canary fails 0 % of its mirrored requests, stable 0 %/);
    expect(scene.document).toMatchObject({ number: 2, shares: { canary: 500 } });
    expect(scene.document.mirror).toBeUndefined();
    scene.run(2_000);
    expect(scene.record.evidence?.errors?.canary.completed, "what is known of copies is of no use for requests").toBe(
      0,
    );
    expect(scene.record.totals.canary.completed).toBe(0);
  });

  test("that fail take the canary back, and it is said that nobody has met it", () => {
    const scene = measuring();
    counted(scene, 1_000, 400);
    expect(scene.record.outcome).toMatchObject({ kind: "rolled-back" });
    expect(scene.record.outcome?.sentence).toMatch(
      /canary fails 40 % of its mirrored requests.*answers went to nobody\.$/,
    );
    expectNoCopies(scene, 2);
    const report = reportOf(scene.record, scene.nowMs);
    expect(report.steps[0]).toMatchObject({ name: "1 (10 % mirrored)", mirrorShare: 0.1 });
    expect(report.versions).toMatchObject({ areCopies: true });
    const page = reportMarkdown(report);
    expect(page).toMatch(/\| requests \| [\d,]+ \| 2,000 mirrored \|/);
    expect(page).toContain("copies of requests were counted, whose answers went to nobody");
  });

  test("that are too few are asked for as such", () => {
    const scene = measuring();
    counted(scene, 10, 0);
    expect(scene.record.verdict?.sentence).toBe(
      "canary has had 40 of the 100 mirrored requests that this step asks for.",
    );
  });

  test("end while the rollout is paused, and come back when it goes on", () => {
    const scene = measuring();
    scene.act("pause");
    expectNoCopies(scene, 2);
    expect(describePhase(scene.record)).toContain("nothing is mirrored");
    scene.act("resume");
    expect(scene.document).toMatchObject({ number: 3, mirror: { share: 1_000 } });
  });

  test("end with an abort, and with whatever somebody else sets", () => {
    const aborted = measuring();
    aborted.act("abort");
    expectNoCopies(aborted, 2);
    expect(aborted.record.outcome?.kind).toBe("aborted");
    const other = measuring();
    other.change({ shares }, "ann");
    other.run();
    expect(other.record.outcome).toMatchObject({ kind: "superseded", by: "ann" });
    expectNoCopies(other, 2);
  });

  test("end while somebody is asked; those that were under way still count", () => {
    const scene = measuring([{ mirror: 10, ...step }, { approval: true }, { weight: 5, ...step }]);
    counted(scene, 5_000, 0);
    expect(scene.record.phase.kind).toBe("awaiting-approval");
    expectNoCopies(scene, 2);
    scene.nowMs += 5_000;
    scene.report({ mirrored: undefined });
    scene.run();
    expect(scene.record.phase.kind).toBe("awaiting-approval");
    scene.act("approve");
    expect(scene.document).toMatchObject({ number: 3, shares: { canary: 500 } });
  });

  test("that are left because the config had no split end when it has it again", () => {
    const scene = measuring();
    scene.hasSplit = false;
    scene.run();
    expect(scene.record.outcome?.kind).toBe("superseded");
    expect(scene.document.mirror).toBeDefined();
    scene.hasSplit = true;
    scene.run();
    expectNoCopies(scene, 2);
    // Those of the next rollout are none of its business.
    scene.change({ shares, mirror: { backend: "canary", share: 100 } }, "rollout shop-2");
    scene.run();
    expect(scene.document.mirror).toBeDefined();
  });
});

test("what is kept of a split has its copies, and the log tells them", () => {
  const { document } = measuring();
  expect(readSplitDocument(writeSplitDocument(document))).toEqual(document);
  expect(liveOf("shop", document)).toMatchObject({ mirror: { backend: "canary", share: 1_000 } });
  const [change] = document.history;
  if (change === undefined) throw new Error("there is a change");
  expect(describeSplitChange({ kind: "split-changed", atMs: 0, split: "shop", change })).toBe(
    "shop: weights as before, 10 % mirrored to canary, set by rollout shop-1 (unverified): v2: canary 0 %, 10 % mirrored to it",
  );
});
