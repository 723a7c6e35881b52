/**
 * What the engine of rollouts keeps and tells beside its decisions: the versions at both ends, what moved, what failed.
 */
import { expect, test } from "vitest";
import { Rollouts } from "../../../src/cli/rollouts.ts";
import { DirectoryStateStore } from "../../../src/store/directory-state-store.ts";
import type { FairwayEvent } from "../../../src/telemetry/event.ts";
import { eventually } from "../../support/eventually.ts";
import { RolloutWorld } from "../../support/rollout-world.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("a rollout keeps the versions of its beginning and its end, and each move is told once", async () => {
  await using directory = await tempDir();
  const store = await DirectoryStateStore.open({ directory: directory.path });
  const clock = { nowMs: () => Date.now(), monotonicMs: () => Date.now() };
  const world = new RolloutWorld();
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
  const planned = await rollouts.planRollout({ plan: measured, target: "v2" });
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
  expect(rollouts.rollouts()[0]?.record.outcome?.sentence).toBe("It was promoted, and ann has undone it");
  expect(rollouts.rollouts()[0]?.record.versionsAfter).toEqual({ edge: before });
  expect(moves().slice(5)).toEqual(["acknowledged rollback", "step-ended ended", "ended rolled-back"]);
  await rollouts.close();
  await store.close();
});
