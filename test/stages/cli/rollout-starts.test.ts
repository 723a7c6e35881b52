/**
 * Two replicas, over one store, that begin rollouts of the same versions in the same moment.
 */
import { expect, test } from "vitest";
import { Rollouts } from "../../../src/cli/rollouts.ts";
import { isActive } from "../../../src/rollout/rollout-record.ts";
import { DirectoryStateStore } from "../../../src/store/directory-state-store.ts";
import { eventually } from "../../support/eventually.ts";
import { RolloutWorld } from "../../support/rollout-world.ts";
import { tempDir } from "../../support/temp-dir.ts";

test("of two splits of the same versions at most one is rolled out, and of two equal jobs both have the same", async () => {
  await using directory = await tempDir();
  const store = await DirectoryStateStore.open({ directory: directory.path });
  const clock = { nowMs: () => Date.now(), monotonicMs: () => Date.now() };
  const world = new RolloutWorld(["shop", "other"]);
  const replicas = ["one", "two"].map(
    (replica) =>
      new Rollouts({
        ...{ store, clock, replica, port: world.port(), onWarning: () => undefined, record: () => undefined },
      }),
  );
  const [one, two] = replicas;
  if (one === undefined || two === undefined) throw new Error("there are two");
  await Promise.all(replicas.map((each) => each.start()));
  const asked = (split: string) => ({
    ...{ plan: { split, steps: [{ approval: true }] }, target: "v2", actor: "ci" },
  });
  const begin = (of: Rollouts, split: string) => of.startRollout(asked(split));
  const on = () => one.rollouts().flatMap(({ record }) => (isActive(record) ? [record.plan.split] : []));

  const both = await Promise.all([begin(one, "shop"), begin(two, "other")]);
  expect(both.filter((answer) => answer.ok).length).toBeLessThanOrEqual(1);
  for (const answer of both) if (!answer.ok) expect(answer.error).toMatchObject({ kind: "beside" });
  await eventually("at most one at the end", () => on().length === both.filter((answer) => answer.ok).length);

  const [stays] = on();
  if (stays !== undefined) {
    await one.actOnRollout(stays, { action: { kind: "abort" }, actor: "ann" });
    await eventually("nothing on", () => on().length === 0);
  }
  const equal = await Promise.all([begin(one, "shop"), begin(two, "shop")]);
  expect(equal.filter((answer) => answer.ok && answer.value.isNew)).toHaveLength(1);
  expect(equal.every((answer) => answer.ok)).toBe(true);
  expect(new Set(equal.map((answer) => answer.ok && answer.value.record.id)).size).toBe(1);
  for (const each of replicas) await each.close();
  await store.close();
});
