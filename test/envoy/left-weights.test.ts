/**
 * A split that leaves the files while a rollout moves it, and returns: on a real Envoy no request goes to the canary that
 * nobody judges any more.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { eventually } from "../support/eventually.ts";
import {
  reporting,
  rollout,
  rolloutConfig,
  rolloutPlan,
  rolloutStep,
  rolloutUntil,
  savePlan,
  split,
} from "./rollout-scene.ts";
import { startScene } from "./scene.ts";

test("a split that returns has not the weights of the rollout that ended with it", { timeout: 120_000 }, async () => {
  await using scene = await startScene({ backends: 2, config: rolloutConfig, envoy: reporting });
  const [, canary] = scene.backends;
  const whole = rolloutConfig({ port: scene.port, backends: scene.backends.map(({ address }) => address) });
  const load = Load.start({ url: scene.url, requestsPerSecond: 100 });
  const plan = await savePlan(scene, { ...rolloutPlan, steps: [{ ...rolloutStep(20), hold: "60s", maxHold: "90s" }] });
  expect(await rollout(scene, "start", "shop", "--target", "v2", "--plan", plan)).toMatchObject({ code: 0 });
  await rolloutUntil(scene, "the first step", ({ phase, weight }) => phase === "measuring" && weight === 20);

  const before = await scene.served();
  await scene.save(
    whole.replace("split: shop", "backends: [{ service: shop, subset: stable }]").replace(/splits:[^]*$/, ""),
  );
  const ended = await rolloutUntil(scene, "the end", ({ phase }) => phase === "done");
  expect(ended.outcome).toMatchObject({ kind: "superseded" });
  const without = await scene.converged(before);
  expect((await load.stop()).failed).toBe(0);

  canary?.set({ failure: { answer: 500, percent: 100 } });
  await scene.save(whole);
  await scene.converged(without);
  await eventually("the split", async () => (await split(scene, "get", "shop")).code === 0);
  const after = await Load.run({ url: scene.url, count: 300 });
  expect(after.byLabel).toEqual({ v1: 300 });
  const { text } = await split(scene, "get", "shop");
  const why = "shop-1 (canary 20 %) ended unjudged: the config has no split shop any more";
  expect(text).toContain(`since change 2 by fairway (unverified): ${why}`);
});
