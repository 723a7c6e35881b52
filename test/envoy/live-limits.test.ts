/**
 * Limits that change in the runtime layer of an Envoy, and not by a new cluster.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";

type Config = Parameters<typeof startScene>[0]["config"];

const config =
  (live: string, keys = ""): Config =>
  ({ port, backends }) =>
    `
nodes: { default: { runtime: { ${keys} } } }
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints: [${backends.map((address) => `"${address}"`).join(", ")}]
    outlierDetection: { consecutive5xx: 1, maxEjectionPercent: 50, baseEjectionTime: 300s }
    circuitBreaker: { maxRequests: 500, ${live} }
routes:
  shop: { rules: [{ backends: [{ service: shop }] }] }
`;

test.each(["delta", "sotw"] as const)(
  "a live limit holds at once, and connections and ejected hosts stay, on %s ADS",
  async (api) => {
    await using scene = await startScene({ backends: 2, api, envoy: { runtime: true }, config: config("") });
    const { envoy } = scene;
    const parts = { port: scene.port, backends: scene.backends.map(({ address }) => address) };
    const change = async (next: Config) => {
      const before = await scene.served();
      await scene.save(next(parts));
      await scene.converged(before);
    };
    const limit = () => maxRequests(envoy.adminPort);
    const counter = (name: string) => envoy.counter(`cluster.shop.${name}`);
    expect(await limit()).toBe(500);
    scene.backends[1]?.set({ failure: { answer: 500 } });
    await waitUntil(
      async () => {
        await ask(scene.url);
        return (await counter("outlier_detection.ejections_active")) === 1;
      },
      { what: "the ejection" },
    );
    scene.backends[1]?.set({});

    // Envoy closes those of the host that it has ejected.
    const closed = await counter("upstream_cx_destroy_local");
    await change(config("live: { maxRequests: 1 }"));
    await waitUntil(async () => (await limit()) === 1, { what: "the live limit" });
    scene.backends[0]?.set({ delayMs: 200 });
    const report = await Load.run({ url: scene.url, concurrency: 4, count: 8 });
    expect(report.overloaded).toBeGreaterThan(0);
    scene.backends[0]?.set({});

    // Envoy's own keys, and back to what the cluster says.
    await change(
      config("", "circuit_breakers.shop.default.max_requests: 7, outlier_detection.max_ejection_percent: 100"),
    );
    await waitUntil(async () => (await limit()) === 7, { what: "the limit of the group" });
    await change(config(""));
    await waitUntil(async () => (await limit()) === 500, { what: "the limit of the cluster" });
    expect(await ask(scene.url)).toMatchObject({ status: 200, headers: { "x-backend": "v1" } });
    expect(await counter("upstream_cx_destroy_local"), "no connection was given up").toBe(closed);
    expect(await counter("outlier_detection.ejections_active")).toBe(1);

    // The other host fails as well: one of two is all that may be ejected, until the group says otherwise.
    scene.backends[0]?.set({ failure: { answer: 500 } });
    for (let count = 0; count < 5; count += 1) await ask(scene.url);
    expect(await counter("outlier_detection.ejections_active")).toBe(1);
    await change(config("", "outlier_detection.max_ejection_percent: 100"));
    await waitUntil(
      async () => {
        await ask(scene.url);
        return (await counter("outlier_detection.ejections_active")) === 2;
      },
      { what: "the second ejection" },
    );
    expect(await envoy.counter("cluster_manager.cluster_modified")).toBe(0);
  },
);

/** What Envoy itself says is in force. */
async function maxRequests(adminPort: number): Promise<number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/clusters`)).text();
  const match = /^shop::default_priority::max_requests::(\d+)$/m.exec(text);
  return match === null ? undefined : Number(match[1]);
}
