/**
 * Load reports of a real Envoy: the numbers are those of the requests that were made.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../demo/kit/get.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { loadSchema } from "../../src/admin/load-schema.ts";
import type { Scene } from "./scene.ts";
import { startScene } from "./scene.ts";

let scene: Scene;

beforeAll(async () => {
  scene = await startScene({
    backends: 2,
    args: ["--load-report-interval", "1s"],
    envoy: { loadReports: true, locality: { region: "eu", zone: "eu-1" } },
    config: ({ port, backends }) => `
gateways: { public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] } }
routes:
  shop:
    gateways: [public]
    rules:
      - { name: sick, matches: [{ path: /sick }], backends: [{ service: sick }] }
      - { name: main, backends: [{ service: shop }] }
services:
  idle: { endpoints: ["127.0.0.1:1"] }
  shop: { endpoints: ["${backends[0]}"] }
  sick: { endpoints: ["${backends[1]}"] }
`,
  });
}, 60_000);

afterAll(() => scene?.[Symbol.asyncDispose]());

async function load(query = "") {
  return loadSchema.parse(await scene.fairway.get(`/v1/load?${query}`));
}

async function clusterLoad(name: string, issued: number) {
  return waitUntil(
    async () => {
      const [found] = (await load(`cluster=${name}`)).clusters;
      return (found?.issued ?? 0) >= issued ? found : undefined;
    },
    { what: `${issued} requests to ${name} in the load`, timeoutMs: 20_000 },
  );
}

test("counts equal the requests that were made, good and failed, and idle clusters are left out", async () => {
  scene.backends[1]?.set({ failure: { answer: 500 } });
  for (let count = 0; count < 40; count += 1) await ask(scene.port, "/");
  for (let count = 0; count < 7; count += 1) expect((await ask(scene.port, "/sick")).status).toBe(500);
  expect(await clusterLoad("shop", 40)).toMatchObject({ issued: 40, successful: 40, failed: 0, inProgress: 0 });
  expect(await clusterLoad("sick", 7)).toMatchObject({ issued: 7, successful: 0, failed: 7, inProgress: 0 });
  const { clusters, nodes, complete } = await load("node=edge-1");
  expect(clusters.map(({ cluster }) => cluster)).not.toContain("idle");
  expect([nodes, complete]).toEqual([1, true]);
  const { text: metrics } = await ask(scene.fairway.adminPort, "/metrics");
  expect(metrics).toContain('fairway_upstream_requests_total{cluster="shop",outcome="successful"} 40');
});

test("a change of the settings is seen by the Envoy at once: other clusters, and endpoints", async () => {
  const reportsBefore = (await load()).clusters.find(({ cluster }) => cluster === "shop")?.lastReport;
  const settings = { interval: "1s", clusters: ["shop"], endpoints: true };
  const answer = await fetch(`http://127.0.0.1:${scene.fairway.adminPort}/v1/load-settings`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(settings),
  });
  expect(await answer.json()).toEqual(settings);
  await ask(scene.port, "/");
  const shop = await waitUntil(
    async () => {
      const [found] = (await load("cluster=shop")).clusters;
      return found?.endpoints === undefined ? undefined : found;
    },
    { what: "the load of an endpoint", timeoutMs: 20_000 },
  );
  expect(Object.entries(shop.endpoints ?? {})).toEqual([[scene.backends[0]?.address, expect.anything()]]);
  expect(shop.lastReport).not.toBe(reportsBefore);
});
