/**
 * Rollouts on a real Envoy whose config changes under them: a file that is refused, also after a start, and backends that
 * are taken out of the split.
 */
import { describe, expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import type { SplitJson } from "../../src/admin/split-schema.ts";
import { eventually } from "../support/eventually.ts";
import {
  reporting,
  rollout,
  rolloutConfig,
  rolloutGates,
  rolloutNow,
  rolloutScene,
  rolloutStep,
  rolloutUntil,
  savePlan,
  split,
} from "./rollout-scene.ts";
import type { Scene } from "./scene.ts";

const long = { steps: [{ ...rolloutStep(20), hold: "60s", maxHold: "120s" }], gates: rolloutGates };

const splitNow = ({ fairway }: Scene) => fairway.get<SplitJson>("/v1/splits/shop");

async function measured(scene: Scene): Promise<void> {
  await rollout(scene, "start", "shop", "--target", "v2", "--plan", await savePlan(scene, long));
  await rolloutUntil(scene, "step 1 to be measured", ({ phase }) => phase === "measuring");
}

/** Which backends answer. */
async function answersOf({ url }: Scene, count = 200): Promise<readonly string[]> {
  const { byLabel } = await Load.run({ url, count, accept: () => true });
  return Object.keys(byLabel).sort();
}

describe("a rollout", { timeout: 120_000 }, () => {
  test("is neither ended nor stopped by a start that finds a file refused: it rolls back a canary that is bad", async () => {
    await using scene = await rolloutScene({ envoy: reporting });
    const load = Load.start({ url: scene.url, requestsPerSecond: 200, accept: () => true });
    await measured(scene);
    await scene.save("services: { other: { endpointz: [] } }\n", "other.yaml");
    await eventually("the file to be refused", async () => (await scene.snapshots()).refused !== undefined);
    await scene.fairway.kill("SIGKILL");
    await scene.fairway.restart();
    const isApplied = ({ state, acknowledgedCount }: SplitJson) => state === "applied" && acknowledgedCount === 1;
    await eventually("the Envoy to have the weights", async () => isApplied(await splitNow(scene)), {
      timeoutMs: 30_000,
    });
    expect(await splitNow(scene)).toMatchObject({
      definedBy: "last-known-good",
      weights: { stable: 80, canary: 20 },
    });
    expect(await rolloutNow(scene)).toMatchObject({ phase: "measuring" });
    scene.backends[1]?.set({ failure: { answer: 500, percent: 50 } });
    const over = await rolloutUntil(scene, "the canary to be rolled back", ({ phase }) => phase === "done");
    expect(over.outcome).toMatchObject({ kind: "rolled-back" });
    expect(await answersOf(scene)).toEqual(["v1"]);
    // By hand as well.
    const set = await split(scene, "set", "shop", "canary=50", "--wait");
    expect(set.code, set.text).toBe(0);
    expect(set.text).toContain("of the last known good config, because the config is refused");
    expect((await scene.snapshots()).refused).toBeDefined();
    expect((await scene.snapshots()).groups[0]?.source).toBe("last-known-good");
    await scene.save("{}\n", "other.yaml");
    await eventually("the config to be in force", async () => (await scene.snapshots()).refused === undefined);
    await eventually("the split to be of it", async () => (await splitNow(scene)).definedBy === "config");
    expect(await splitNow(scene)).toMatchObject({ weights: { canary: 50 } });
    await load.stop();
  });

  test.each(["canary", "stable"])("ends, with one change back, when the split has no %s any more", async (gone) => {
    await using scene = await rolloutScene({ envoy: reporting });
    const load = Load.start({ url: scene.url, requestsPerSecond: 200, accept: () => true });
    await measured(scene);
    const left = gone === "canary" ? "stable" : "canary";
    const config = rolloutConfig({ port: scene.port, backends: scene.backends.map(({ address }) => address) })
      .replace(`      ${gone}: { service: shop, subset: ${gone} }\n`, "")
      .replace("default: { stable: 100, canary: 0 }", `default: { ${left}: 100 }`);
    await scene.save(config);
    const over = await rolloutUntil(scene, "the rollout to end", ({ phase }) => phase === "done", 30_000);
    expect(over.outcome).toMatchObject({
      kind: "superseded",
      sentence: expect.stringContaining(`split shop has no backend ${gone} any more (`),
    });
    expect(await splitNow(scene)).toMatchObject({ number: 2, state: "applied" });
    expect(await answersOf(scene)).toEqual([gone === "canary" ? "v1" : "v2"]);
    await load.stop();
  });
});
