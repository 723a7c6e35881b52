/**
 * What the config says about traffic, seen in the answers to real requests.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { startScene } from "./scene.ts";

const REQUESTS = 4_000;

/** A false alarm every 15,000 runs. */
const SIGMAS = 4;

test("splits requests by weight, and nothing to a subset of weight 0", async () => {
  const config = (canary: number) => (scene: { readonly port: number; readonly backends: readonly string[] }) =>
    `
gateways:
  public: { listeners: [{ name: http, port: ${scene.port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints:
      - { address: "${scene.backends[0]}", labels: { version: v1 } }
      - { address: "${scene.backends[1]}", labels: { version: v2 } }
    subsets:
      stable: { labels: { version: v1 } }
      canary: { labels: { version: v2 } }
routes:
  shop: { rules: [{ split: shop }] }
splits:
  shop:
    backends: { stable: { service: shop, subset: stable }, canary: { service: shop, subset: canary } }
    default: { stable: ${100 - canary}, canary: ${canary} }
`;
  await using scene = await startScene({ backends: 2, config: config(0) });
  const backends = scene.backends.map((backend) => backend.address);
  let version = await scene.converged();
  const none = await Load.run({ url: scene.url, count: 500 });
  expect(none.byLabel).toEqual({ v1: 500 });
  for (const percent of [10, 50, 100]) {
    await scene.save(config(percent)({ port: scene.port, backends }));
    version = await scene.converged(version);
    const report = await Load.run({ url: scene.url, count: REQUESTS, concurrency: 8 });
    const share = percent / 100;
    const deviation = Math.sqrt(REQUESTS * share * (1 - share));
    expect(report.failed).toBe(0);
    expect(Math.abs((report.byLabel["v2"] ?? 0) - REQUESTS * share)).toBeLessThanOrEqual(SIGMAS * deviation);
  }
});

test("ejects an endpoint that keeps failing, and takes it back", async () => {
  const config = (scene: { readonly port: number; readonly backends: readonly string[] }): string => `
gateways:
  public: { listeners: [{ name: http, port: ${scene.port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints: ["${scene.backends[0]}", "${scene.backends[1]}", "${scene.backends[2]}"]
    outlierDetection: { consecutive5xx: 3, interval: 0.2s, baseEjectionTime: 1s, maxEjectionPercent: 50 }
routes:
  shop: { rules: [{ backends: [{ service: shop }] }] }
`;
  await using scene = await startScene({ backends: 3, config });
  scene.backends[2]?.set({ failure: { answer: 500 } });
  await using load = Load.start({ url: scene.url, concurrency: 3, requestsPerSecond: 150, accept: () => true });
  const ejected = () => scene.envoy.counter("cluster.shop.outlier_detection.ejections_active");
  await waitUntil(async () => (await ejected()) === 1, { what: "the ejection" });
  const before = load.report();
  await waitUntil(() => load.report().sent > before.sent + 60, { what: "traffic around the ejected endpoint" });
  scene.backends[2]?.set({});
  await waitUntil(async () => (await ejected()) === 0, { what: "the endpoint to be taken back" });
  const returned = scene.backends[2]?.requests ?? 0;
  await waitUntil(() => (scene.backends[2]?.requests ?? 0) > returned, { what: "traffic on it again" });
  const report = await load.stop();
  // A handful of failures before the ejection, and none while it was out.
  expect(report.byStatus["500"]).toBeGreaterThanOrEqual(3);
  expect(report.byStatus["500"]).toBeLessThan(30);
});

test("routes by path, header, method and query, the most specific match first", async () => {
  const config = (scene: { readonly port: number; readonly backends: readonly string[] }): string => `
gateways:
  public: { listeners: [{ name: http, port: ${scene.port}, address: 127.0.0.1 }] }
services:
  one: { endpoints: ["${scene.backends[0]}"] }
  two: { endpoints: ["${scene.backends[1]}"] }
routes:
  shop:
    hostnames: [shop.test]
    rules:
      - { backends: [{ service: one }] }
      - { matches: [{ path: { prefix: /two } }, { headers: { x-canary: always } }], backends: [{ service: two }] }
      - { matches: [{ method: POST }, { queryParams: { v: "2" } }, { path: { regex: "/r[0-9]+" } }], backends: [{ service: two }] }
`;
  await using scene = await startScene({ backends: 2, config });
  const label = async (path: string, init: { method?: string; headers?: Record<string, string> } = {}) => {
    const report = await Load.run({
      url: `${scene.url}${path}`,
      count: 1,
      method: init.method ?? "GET",
      headers: { host: "shop.test", ...init.headers },
      accept: () => true,
    });
    return Object.keys(report.byLabel)[0] ?? Object.keys(report.byStatus)[0];
  };
  expect(await label("")).toBe("v1");
  expect(await label("two/x")).toBe("v2");
  expect(await label("twofold")).toBe("v1");
  expect(await label("", { headers: { "x-canary": "always" } })).toBe("v2");
  expect(await label("", { method: "POST" })).toBe("v2");
  expect(await label("?v=2")).toBe("v2");
  expect(await label("r12")).toBe("v2");
  expect(await label("", { headers: { host: "other.test" } })).toBe("404");
});
