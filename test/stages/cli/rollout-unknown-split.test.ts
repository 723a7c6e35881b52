/** The engine of rollouts while the config is not in force and nothing is known of a split: alone, and beside others. */
import { expect, test } from "vitest";
import type { RolloutPort } from "../../../src/cli/rollout-port.ts";
import { Rollouts } from "../../../src/cli/rollouts.ts";
import { untouchedSplit } from "../../../src/rollout/split-document.ts";
import { DirectoryStateStore } from "../../../src/store/directory-state-store.ts";
import { err, ok } from "../../../src/support/result.ts";
import { eventually, throughout } from "../../support/eventually.ts";
import { shopSplit } from "../../support/played-rollout.ts";
import { tempDir } from "../../support/temp-dir.ts";

const standing = {
  ...{ split: shopSplit, groups: ["edge"], copying: { isPossible: true, mirroredAt: {} } },
  ...{ servedNumber: 0, document: untouchedSplit, state: "applied" as const },
  ...{ acknowledgedCount: 0, pendingCount: 0, rejectedCount: 0, laggards: [] },
};

/** No Envoy is connected, so that a rollout waits before its first step. */
function portOf(world: { readonly isKnown: boolean }): RolloutPort {
  return {
    isServing: () => true,
    isConfigInForce: () => world.isKnown,
    splits: () => (world.isKnown ? [standing] : []),
    ...{ served: () => [], nodes: () => [], versions: () => ({}) },
    ...{ hasCopies: () => false, lookAgain: () => undefined, watchSplits: () => undefined },
    changeSplit: async () => err({ kind: "unknown-split", names: [] }),
    takeBack: async () => ok(undefined),
    traffic: { read: () => [] },
    loads: { read: () => [] },
    routes: { readRoutes: () => [], watch: () => undefined },
  };
}

test.each([
  ["alone it says what it waits for", undefined, "a config that is in force"],
  ["beside others it leaves that to who may know more", "one", "an Envoy of split shop to connect"],
])("%s, and ends nothing", async (_what, replica, waitsFor) => {
  await using directory = await tempDir();
  const store = await DirectoryStateStore.open({ directory: directory.path });
  const clock = { nowMs: () => Date.now(), monotonicMs: () => Date.now() };
  const world = { isKnown: true };
  const port = portOf(world);
  const rollouts = new Rollouts({ store, clock, port, replica, onWarning: () => undefined, record: () => undefined });
  await rollouts.start();
  const plan = { split: "shop", steps: [{ weight: 50 }] };
  expect(await rollouts.startRollout({ plan, target: "v2", actor: "ci" })).toMatchObject({ ok: true });
  const waits = (text: string): boolean => {
    const phase = rollouts.rollouts()[0]?.record.phase;
    return phase?.kind === "preflight" && phase.waitsFor.startsWith(text);
  };
  await eventually("it to wait", () => waits("an Envoy of split shop to connect"));
  world.isKnown = false;
  await eventually("it to be known what it waits for", () => waits(waitsFor));
  await throughout("it waits for that", () => waits(waitsFor), 600);
  world.isKnown = true;
  await eventually("it to go on", () => waits("an Envoy of split shop to connect"));
  await rollouts.close();
  await store.close();
});
