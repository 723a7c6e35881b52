/**
 * What the engine of rollouts keeps and tells beside its decisions: the versions at both ends, what moved, what failed.
 */
import { expect, test } from "vitest";
import type { RolloutPort } from "../../../src/cli/rollout-port.ts";
import { Rollouts } from "../../../src/cli/rollouts.ts";
import { changeSplit, liveOf } from "../../../src/rollout/change-split.ts";
import { sharesOf } from "../../../src/model/live-weights.ts";
import { untouchedSplit } from "../../../src/rollout/split-document.ts";
import { DirectoryStateStore } from "../../../src/store/directory-state-store.ts";
import { err, ok } from "../../../src/support/result.ts";
import type { FairwayEvent } from "../../../src/telemetry/event.ts";
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

const copying = { isPossible: true, mirroredAt: {} };

/** One Envoy that has at once what is set; each change is a version of its own. */
class World {
  document = untouchedSplit;
  isWritable = true;

  port(): RolloutPort {
    const standing = () => ({
      ...{
        split,
        groups: ["edge"],
        copying,
        servedNumber: this.document.number,
        document: this.document,
        state: "applied" as const,
      },
      ...{ acknowledgedCount: 1, pendingCount: 0, rejectedCount: 0, laggards: [] },
    });
    const counted = { completed: 0, errors: 0, healthyHosts: 1, totalHosts: 1 };
    const clusters = new Map(["shop|v1", "shop|v2"].map((name) => [name, counted]));
    return {
      isServing: () => true,
      hasCopies: () => false,
      splits: () => [standing()],
      served: () => [{ ...split, groups: ["edge"], copying, liveNumber: this.document.number, rules: [] }],
      changeSplit: async (_name, asked) => {
        if (!this.isWritable) return err({ kind: "unavailable", message: "the disk is full" });
        const changed = changeSplit(split, this.document, asked, Date.now());
        if (changed.ok) this.document = changed.value;
        return changed.ok ? ok(this.document) : changed;
      },
      nodes: () => [{ id: "edge-1" }],
      versions: (groups) => Object.fromEntries(groups.map((group) => [group, this.version()])),
      traffic: { read: () => [{ nodeId: "edge-1", reportedAtMs: Date.now(), clusters }] },
      loads: { read: () => [] },
      routes: { readRoutes: () => [], watch: () => undefined },
      watchSplits: () => undefined,
    };
  }

  /** As a version is: equal weights give the same. */
  version(): string {
    return JSON.stringify(sharesOf(split, liveOf("shop", this.document)));
  }
}

test("a rollout keeps the versions of its beginning and its end, and each move is told once", async () => {
  await using directory = await tempDir();
  const store = await DirectoryStateStore.open({ directory: directory.path });
  const clock = { nowMs: () => Date.now(), monotonicMs: () => Date.now() };
  const world = new World();
  const events: FairwayEvent[] = [];
  const rollouts = new Rollouts({
    ...{ store, clock, port: world.port(), replica: undefined, onWarning: () => undefined },
    record: (event) => events.push(event),
  });
  await rollouts.start();
  const phase = () => rollouts.rollouts()[0]?.record.phase.kind;
  const act = (kind: "approve" | "undo") => rollouts.actOnRollout("shop", { action: { kind }, actor: "ann" });
  const moves = () =>
    events
      .flatMap((event) => (event.kind === "rollout-moved" ? event.moves : []))
      .map(({ kind, ...rest }) => {
        const [of] = Object.values(rest);
        return of === undefined ? kind : `${kind} ${of}`;
      });
  const [before, all] = ['{"stable":10000,"canary":0}', '{"stable":0,"canary":10000}'];

  const gates = { successRate: { objective: 99 } };
  const measured = { split: "shop", steps: [{ weight: 10, minRequests: 50 }], gates };
  const planned = await rollouts.planRollout({ plan: measured, target: "v2", actor: "ci" });
  expect(planned.ok && planned.value.terms.at(-1)).toMatch(/takes 900 requests at least, and step 1 asks for 50, as/);

  const plan = { split: "shop", steps: [{ approval: true }] };
  expect(await rollouts.startRollout({ plan, target: "v2", actor: "ci" })).toMatchObject({ ok: true });
  await eventually("the step", () => phase() === "awaiting-approval");
  expect(rollouts.standings()).toMatchObject([{ split: "shop", phase: "awaiting-approval", silentCount: 0 }]);
  const begun = rollouts.rollouts()[0]?.record;
  expect([begun?.versionsBefore, begun?.versionsAfter]).toEqual([{ edge: before }, undefined]);

  world.isWritable = false;
  await act("approve");
  await eventually("a failure", () => events.some(({ kind }) => kind === "rollout-failed"));
  world.isWritable = true;
  await eventually("the promotion", () => phase() === "done");
  expect(rollouts.rollouts()[0]?.record.versionsAfter).toEqual({ edge: all });
  expect(rollouts.standings()).toEqual([]);
  const promotion = ["acknowledged promotion", "step-ended passed", "ended promoted"];
  expect(moves()).toEqual(["started", "step-ended passed", ...promotion]);

  await act("undo");
  await eventually("the way back", () => phase() === "done" && world.version() === before);
  await eventually("the end", () => rollouts.rollouts()[0]?.record.outcome?.kind === "rolled-back");
  expect(rollouts.rollouts()[0]?.record.versionsAfter).toEqual({ edge: before });
  expect(moves().slice(5)).toEqual(["acknowledged rollback", "step-ended ended", "ended rolled-back"]);
  await rollouts.close();
  await store.close();
});
