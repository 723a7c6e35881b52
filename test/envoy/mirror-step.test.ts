/**
 * A rollout that begins with copies of requests, on a real Envoy: whoever asks never meets a canary that fails them.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { RolloutJson } from "../../src/admin/rollout-schema.ts";
import { ranWith } from "../etcd/fairway-command.ts";
import type { SceneOptions } from "./scene.ts";
import { startScene } from "./scene.ts";

/** The grace is short, so that one sees the cluster for copies go. */
const config: SceneOptions["config"] = ({ port, backends }) => `
nodes: { default: { match: {}, runtime: {}, updates: { grace: 1s } } }
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints:
      - { address: "${backends[0]}", labels: { version: v1 } }
      - { address: "${backends[1]}", labels: { version: v2 } }
    subsets: { stable: { labels: { version: v1 } }, canary: { labels: { version: v2 } } }
routes:
  shop: { rules: [{ split: shop, timeouts: { request: 1s } }] }
splits:
  shop:
    backends:
      stable: { service: shop, subset: stable }
      canary: { service: shop, subset: canary }
    default: { stable: 100, canary: 0 }
`;

const terms = { hold: "2s", maxHold: "60s", minRequests: 60 };
const plan = {
  steps: [
    { mirror: 50, ...terms },
    { weight: 50, ...terms },
  ],
  gates: { successRate: { objective: 95 }, latency: { threshold: "300ms", objective: 90 } },
};

test("copies of requests find a bad canary before anybody meets it, and a good one goes on to weights", async () => {
  await using scene = await startScene({
    backends: 2,
    config,
    envoy: { statsFlushInterval: "1s", runtime: true },
  });
  const [v1, v2] = scene.backends;
  if (v1 === undefined || v2 === undefined) throw new Error("there are two backends");
  const environment = { FAIRWAY_SERVER: `http://127.0.0.1:${scene.fairway.adminPort}` };
  const rollout = (...args: readonly string[]) => ranWith(environment, "rollout", ...args);
  const now = () => scene.fairway.get<RolloutJson>("/v1/rollouts/shop");
  const file = join(scene.stateDir, "plan.json");
  await writeFile(file, JSON.stringify(plan, undefined, 2));
  const load = Load.start({ url: scene.url, requestsPerSecond: 200 });

  v2.set({ failure: { answer: 500, percent: 30 } });
  const bad = await rollout("start", "shop", "--target", "bad", "--plan", file, "--wait");
  expect(bad, bad.text).toMatchObject({ code: 3 });
  expect(bad.text).toContain(
    "[1/2, mirror 50 %] step 1 of 2: measuring canary by 50 % of the requests, mirrored to it",
  );
  const back = await now();
  expect(back.outcome?.sentence).toContain("% of its mirrored requests");
  expect(back.outcome?.sentence).toContain("their answers went to nobody");
  expect(back.outcome?.tookMs).toBeLessThan(1_000);
  expect(back.steps[0]).toMatchObject({ kind: "mirror", mirror: 50, weight: 0, result: "failed", nodesCount: 1 });
  const [mirrored] = back.steps;
  const ofRequests = (mirrored?.canary.completed ?? 0) / (mirrored?.baseline.completed ?? 1);
  expect(ofRequests).toBeGreaterThan(0.3);
  expect(ofRequests).toBeLessThan(0.7);
  expect(load.report()).toMatchObject({ failed: 0 });
  expect(Object.keys(load.report().byLabel)).toEqual(["v1"]);

  // Every Envoy has acknowledged that there are no copies any more.
  const copies = v2.requests;
  const after = load.report().sent;
  await waitUntil(async () => (load.report().sent > after + 300 ? true : undefined), {
    what: "more requests",
    timeoutMs: 30_000,
  });
  expect(v2.requests - copies).toBeLessThanOrEqual(2);
  await waitUntil(
    async () => {
      const { cluster_statuses: clusters = [] } = await scene.envoy.clusters();
      return clusters.some(({ name }) => name === "shop|canary|mirror") ? undefined : true;
    },
    { what: "the cluster for copies to go", timeoutMs: 10_000 },
  );

  v2.set({});
  const good = await rollout("start", "shop", "--target", "good", "--plan", file, "--wait");
  expect(good, good.text).toMatchObject({ code: 0 });
  const promoted = await now();
  expect(promoted.steps.map(({ kind, result, mirror }) => [kind, result, mirror])).toEqual([
    ["mirror", "passed", 50],
    ["weight", "passed", undefined],
    ["promotion", "passed", undefined],
  ]);
  // Of the times of copies there are enough for the gate on them.
  expect(promoted.steps[0]?.sentence).toMatch(/takes longer than 300 ms for [\d.]+ % of its mirrored requests/);
  expect(promoted.steps[1]?.sentence).not.toContain("mirrored");
  const { history } = await scene.fairway.get<{ readonly history: readonly object[] }>("/v1/splits/shop/history");
  // The copies end with the change that gives the canary its weight.
  expect(history).toMatchObject([
    { after: { canary: 100 } },
    { after: { canary: 50 } },
    { after: { canary: 0 }, mirror: { backend: "canary", percent: 50 } },
    { after: { canary: 0 } },
    { after: { canary: 0 }, mirror: { backend: "canary", percent: 50 } },
  ]);
  expect(history[1]).not.toHaveProperty("mirror");
  const report = await load.stop();
  expect(report.failed, report.failures.join()).toBe(0);
}, 120_000);
