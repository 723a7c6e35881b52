/**
 * Weights of splits that Envoys read from their runtime layer, so that a change of them sends no route.
 */
import { describe, expect, test } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import type { SplitJson } from "../../src/admin/split-schema.ts";
import { ranWith } from "../etcd/fairway-command.ts";
import { ask } from "./ask.ts";
import type { Scene, SceneOptions } from "./scene.ts";
import { startScene } from "./scene.ts";

const ROUTES = 200;

/** `canary` is the label of the canary's hosts. */
const config =
  ({ words = "", canary = "v2", routes = 1 } = {}): SceneOptions["config"] =>
  ({ port, backends }) =>
    `
nodes: { default: { runtime: {} } }
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints:
${backends.map((address, index) => `      - { address: "${address}", labels: { version: v${index + 1} } }`).join("\n")}
    healthCheck: { http: { path: / }, interval: 1s, timeout: 5s, healthyThreshold: 1, unhealthyThreshold: 3 }
    subsets: { stable: { labels: { version: v1 } }, ${canary}: { labels: { version: ${canary} } } }
routes:
  shop: { rules: [{ split: shop }] }
${Array.from({ length: routes - 1 }, (_, index) => `  r${index}: { hostnames: [h${index}.test], rules: [{ split: shop }] }\n`).join("")}
splits:
  shop:
    backends:
      stable: { service: shop, subset: stable }
      canary: { service: shop, subset: ${canary} }
    default: { stable: 100, canary: 0 }
    ${words}
`;

/** Runs `fairway split …` against the scene. */
function split(scene: Scene, ...args: readonly string[]) {
  return ranWith({ FAIRWAY_SERVER: `http://127.0.0.1:${scene.fairway.adminPort}` }, "split", ...args);
}

/** What of so many requests went to the canary, in percent. */
async function canaryShare(scene: Scene, count: number): Promise<number> {
  const { byLabel, failed } = await Load.run({ url: scene.url, concurrency: 4, count });
  expect(failed).toBe(0);
  return (100 * (byLabel["v2"] ?? 0)) / count;
}

/** How often the Envoy has taken something of each type. */
async function updates(scene: Scene): Promise<Readonly<Record<string, number>>> {
  const stats = await scene.envoy.stats(
    "(^runtime\\.load_success|[cler]ds\\..*update_success|[lc]ds\\.update_success)$",
  );
  return Object.fromEntries(stats);
}

/** Responses and bytes that were sent so far, by type. */
async function sent(scene: Scene): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${scene.fairway.adminPort}/metrics`)).text();
  const lines = text.matchAll(/^fairway_response(s|_bytes)_total\{.*?type="([^"]+)".*?\} (\d+)$/gm);
  const sums = new Map<string, number>();
  for (const [, what, type, value] of lines) {
    const key = `${what === "s" ? "responses" : "bytes"} ${type}`;
    sums.set(key, (sums.get(key) ?? 0) + Number(value));
  }
  return sums;
}

/**
 * Under load that goes on all the time: of 4,000 requests that begin later than a tenth of a second after the Envoy's
 * acknowledgement none goes by the weights before.
 */
async function expectFlipped(scene: Scene, percent: number): Promise<void> {
  const answers: { readonly label: string | undefined; readonly startedAtMs: number }[] = [];
  await using load = Load.start({ url: scene.url, concurrency: 4, onAnswer: (answer) => answers.push(answer) });
  await waitUntil(async () => answers.length > 100, { what: "requests before the change" });
  const url = `http://127.0.0.1:${scene.fairway.adminPort}/v1/splits/shop`;
  const now = async () => (await (await fetch(url)).json()) as SplitJson;
  const put = await fetch(url, {
    method: "PUT",
    headers: { "content-type": "application/json", "if-match": `"${(await now()).number}"` },
    body: JSON.stringify({ weights: { canary: percent } }),
  });
  expect(put.status).toBe(200);
  while ((await now()).state !== "applied");
  const acknowledgedAtMs = performance.now();
  const later = () => answers.filter(({ startedAtMs }) => startedAtMs > acknowledgedAtMs + 100);
  await waitUntil(async () => later().length >= 4_000, { what: "requests after the change", timeoutMs: 60_000 });
  expect((await load.stop()).failed).toBe(0);
  const expected = percent === 100 ? "v2" : "v1";
  expect(later().filter(({ label }) => label !== expected)).toEqual([]);
}

describe.each(["delta", "sotw"] as const)("on %s ADS", (api) => {
  test("a weight sends one small resource however many routes there are, and requests go by it", async () => {
    await using scene = await startScene({
      backends: 2,
      api,
      envoy: { runtime: true },
      config: config({ routes: ROUTES }),
    });
    const [before, responses] = [await updates(scene), await sent(scene)];
    expect(await split(scene, "set", "shop", "canary=10", "--wait")).toMatchObject({ code: 0 });
    const after = await updates(scene);
    const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
    expect(changed).toEqual(["runtime.load_success"]);
    expect((after["runtime.load_success"] ?? 0) - (before["runtime.load_success"] ?? 0)).toBe(1);
    const more = new Map([...(await sent(scene))].map(([key, value]) => [key, value - (responses.get(key) ?? 0)]));
    expect([...more].filter(([key, count]) => key.startsWith("responses") && count > 0)).toEqual([
      ["responses RTDS", 1],
    ]);
    expect(more.get("bytes RTDS")).toBeLessThan(400);
    const share = await canaryShare(scene, 2_000);
    expect(share).toBeGreaterThan(6);
    expect(share).toBeLessThan(14);

    for (const percent of [100, 0, 100, 0]) await expectFlipped(scene, percent);
  });
});

test.each([
  ["a cookie that they are given", "sticky: { cookie: canary-id }"],
  ["a header", "sticky: { header: X-User }"],
])("users never leave the canary while it grows, told by %s", async (_, words) => {
  await using scene = await startScene({ backends: 2, envoy: { runtime: true }, config: config({ words }) });
  const users = Array.from({ length: 100 }, (__, user) => ({
    headers: { "x-user": `user-${user}` } as Record<string, string>,
    version: "",
  }));
  for (const percent of [0, 20, 50, 100]) {
    if (percent > 0)
      expect(await split(scene, "set", "shop", `canary=${percent}`, "--wait")).toMatchObject({ code: 0 });
    let canaries = 0;
    for (const user of users) {
      const { headers } = await ask(scene.url, user.headers);
      const [cookie] = headers["set-cookie"] ?? [];
      if (cookie !== undefined) user.headers["cookie"] = cookie.split(";")[0] ?? "";
      if (user.version === "v2") expect(headers["x-backend"]).toBe("v2");
      user.version = String(headers["x-backend"]);
      if (user.version === "v2") canaries += 1;
    }
    expect(Math.abs(canaries - percent)).toBeLessThan(percent % 100 === 0 ? 1 : 18);
  }
});

test("an Envoy that was started without the layer never counts as having the weights, and goes by those of the file", async () => {
  await using scene = await startScene({
    backends: 2,
    envoy: { runtime: true },
    config: config(),
  });
  await using without = await Envoy.start({
    xdsPort: scene.fairway.xdsPort,
    nodeId: "edge-2",
    stats: "all",
  });
  await without.ready();
  const answer = await split(scene, "set", "shop", "canary=100", "--wait", "--timeout", "1s");
  expect(answer.code).toBe(7);
  expect(answer.text).toMatch(/1 of 2 Envoys .*edge-2/s);
  const shop = await scene.fairway.get<SplitJson>("/v1/splits/shop");
  expect(shop).toMatchObject({ state: "pending", acknowledgedCount: 1, pendingCount: 1 });
  expect(shop.laggards).toEqual([
    { node: "edge-2", state: "pending", reason: expect.stringContaining("fairway bootstrap --runtime") },
  ]);
  // They share the port.
  await scene.envoy.close();
  expect(await canaryShare(scene, 200)).toBe(0);
});

test("what is set holds while the backends of a split are exchanged", async () => {
  await using scene = await startScene({ backends: 3, envoy: { runtime: true }, config: config() });
  expect(await split(scene, "set", "shop", "canary=100", "--wait")).toMatchObject({ code: 0 });
  await using load = Load.start({ url: scene.url, concurrency: 4, requestsPerSecond: 400 });
  const parts = { port: scene.port, backends: scene.backends.map(({ address }) => address) };
  const before = await scene.served();
  // The new cluster warms up until its host has answered.
  scene.backends[2]?.set({ delayMs: 500 });
  await scene.save(config({ canary: "v3" })(parts));
  await scene.converged(before);
  scene.backends[2]?.set({});
  await waitUntil(() => (load.report().byLabel["v3"] ?? 0) > 100, { what: "requests of the new canary" });
  const { byLabel, failed } = await load.stop();
  expect(failed).toBe(0);
  expect(byLabel["v1"], "requests that went by the weights of the file").toBeUndefined();
});
