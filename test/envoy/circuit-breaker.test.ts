/**
 * Circuit breakers and outlier detection live in the cluster, so tuning them is a cluster change, for which
 * Envoy makes a new cluster object that waits for its endpoints. On delta ADS it asks for nothing: a control
 * plane that does not send the unchanged endpoints again needs 15 s for each tuning.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { startScene } from "./scene.ts";

/**
 * Envoy gives up waiting for endpoints after 15 s, so less than this proves that they were sent; how many
 * milliseconds it takes is measured by `npm run bench`.
 */
const STALLED_MS = 5_000;

const TUNINGS = 5;

const config = (limit: number) => (scene: { readonly port: number; readonly backends: readonly string[] }) =>
  `
gateways:
  public: { listeners: [{ name: http, port: ${scene.port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints: ["${scene.backends[0]}"]
    circuitBreaker: { maxRequests: ${limit} }
routes:
  shop: { rules: [{ backends: [{ service: shop }] }] }
`;

test.each(["delta", "sotw"] as const)(
  "tightens a circuit breaker without waiting for endpoints on %s ADS",
  async (api) => {
    await using scene = await startScene({ backends: 1, api, config: config(500) });
    const backends = scene.backends.map((backend) => backend.address);
    for (let round = 1; round <= TUNINGS; round += 1) {
      const limit = 500 - round;
      const startedMs = performance.now();
      await scene.save(config(limit)({ port: scene.port, backends }));
      await waitUntil(async () => (await maxRequests(scene.envoy.adminPort)) === limit, {
        what: `max_requests ${limit}`,
        timeoutMs: 20_000,
        everyMs: 1,
      });
      expect(performance.now() - startedMs).toBeLessThan(STALLED_MS);
    }
  },
);

test("refuses what exceeds the breaker, with Envoy's own mark on the answer", async () => {
  await using scene = await startScene({ backends: 1, config: config(2) });
  scene.backends[0]?.set({ delayMs: 300 });
  const report = await Load.run({ url: scene.url, concurrency: 10, count: 20 });
  expect(report.overloaded).toBeGreaterThan(0);
  expect(report.byStatus["503"]).toBe(report.overloaded);
  expect(report.byStatus["200"]).toBeGreaterThanOrEqual(2);
  expect(await scene.envoy.counter("cluster.shop.upstream_rq_active_overflow")).toBe(report.overloaded);
});

/** What Envoy itself says is in force. */
async function maxRequests(adminPort: number): Promise<number | undefined> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/clusters`)).text();
  const match = /^shop::default_priority::max_requests::(\d+)$/m.exec(text);
  return match === null ? undefined : Number(match[1]);
}
