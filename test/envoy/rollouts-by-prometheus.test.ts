/**
 * Rollouts that are judged by a Prometheus, which scrapes a real Envoy that reports nothing to Fairway.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import { rolledOut, rollout, rolloutScene } from "./rollout-scene.ts";
import type { Condition } from "./small-prometheus.ts";
import { SmallPrometheus } from "./small-prometheus.ts";

const step = { weight: 30, hold: "2s", maxHold: "60s", minRequests: 60 };
const gates = { successRate: { objective: 95 }, latency: { threshold: "250ms", objective: 90 } };

test("good goes on, errors and slow answers go back, whatever is no evidence holds", { timeout: 300_000 }, async () => {
  await using scene = await rolloutScene({ envoy: { trafficReports: false } });
  const [v1, v2] = scene.backends;
  if (v1 === undefined || v2 === undefined) throw new Error("there are two backends");
  await using prometheus = await SmallPrometheus.start([scene.envoy.adminPort]);
  const evidence = { prometheus: { url: prometheus.url, every: "1s", timeout: "1s" } };
  const plan = { steps: [step], gates, evidence, fleet: { ackTimeout: "15s" } };
  const held = () => scene.fairway.get<RolloutJson>("/v1/rollouts/shop");
  await using load = Load.start({ url: scene.url, requestsPerSecond: 200 });

  const good = await rolledOut(scene, "good", plan);
  expect(good, good.text).toMatchObject({ code: 0, rollout: { outcome: { kind: "promoted" } } });
  expect((await rollout(scene, "status", "shop")).text).toContain("counted: 1 by Prometheus");
  expect(await rollout(scene, "undo", "shop")).toMatchObject({ code: 0 });
  expect(await rollout(scene, "watch", "shop")).toMatchObject({ code: 8 });

  v2.set({ delayMs: 400 });
  const slow = await rolledOut(scene, "slow", plan);
  expect(slow, slow.text).toMatchObject({ code: 3 });
  expect(slow.rollout.verdict?.sentence).toContain("takes longer than 250 ms");
  v2.set({});

  // A canary that would pass, while the Prometheus is ill in all the ways that there are.
  const long = [{ ...step, hold: "10s" }];
  const begun = rolledOut(scene, "ill", { ...plan, steps: long, gates: { ...gates, staleAfter: "3s" } });
  const until = (what: string, is: (seen: RolloutJson) => boolean) =>
    waitUntil(async () => (is(await held()) ? true : undefined), { what, timeoutMs: 30_000, everyMs: 20 });
  await until("the measurement", ({ target, phase }) => target === "ill" && phase === "measuring");
  const ill: readonly [Condition, string][] = [
    ["fails", "it answers 500"],
    ["hangs", "it has not answered in 1 s"],
    ["says nonsense", "its answer is none of Prometheus"],
    ["scrapes no more", "it has not scraped"],
  ];
  for (const [condition, why] of ill) {
    prometheus.condition = condition;
    await until(why, ({ verdict }) => verdict?.reason === "silent" && verdict.sentence.includes(why));
  }
  expect(await held()).toMatchObject({ phase: "measuring", weight: 30 });
  prometheus.condition = "well";
  const recovered = await begun;
  expect(recovered, recovered.text).toMatchObject({ code: 0 });
  expect(await rollout(scene, "undo", "shop")).toMatchObject({ code: 0 });
  expect(await rollout(scene, "watch", "shop")).toMatchObject({ code: 8 });

  // This Envoy counts in steps of its own, and none of them ends there.
  const between = { ...plan, gates: { latency: { threshold: "300ms" } }, fleet: { ackTimeout: "3s" } };
  const refused = await rolledOut(scene, "between", between);
  expect(refused, refused.text).toMatchObject({ code: 4, rollout: { phase: "paused", weight: 0 } });
  expect(refused.text).toContain("has no bucket of 300 ms");
  expect(await rollout(scene, "abort", "shop")).toMatchObject({ code: 0 });
  expect(await rollout(scene, "watch", "shop")).toMatchObject({ code: 8 });
  expect((await load.stop()).failed).toBe(0);

  await using errors = Load.start({ url: scene.url, requestsPerSecond: 200, accept: () => true });
  v2.set({ failure: { answer: 500, percent: 30 } });
  const bad = await rolledOut(scene, "errors", plan);
  expect(bad, bad.text).toMatchObject({ code: 3, rollout: { outcome: { kind: "rolled-back" } } });
  expect(bad.rollout.verdict?.sentence).toContain("canary fails");
  await errors.stop();
});
