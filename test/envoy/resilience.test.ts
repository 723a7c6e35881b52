/**
 * How Envoy protects services, seen in the answers to real requests: limits by priority and by endpoint.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { startScene } from "./scene.ts";

type Config = Parameters<typeof startScene>[0]["config"];

const gateway = (port: number): string =>
  `gateways:\n  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }\n`;

test("requests of high priority have limits of their own, and an endpoint gets no more connections than it may have", async () => {
  const config: Config = ({ port, backends }) => `${gateway(port)}
services:
  shop: { endpoints: ["${backends[0]}"], circuitBreaker: { maxRequests: 1, high: { maxRequests: 20 } } }
  till: { endpoints: ["${backends[1]}"], circuitBreaker: { perEndpoint: { maxConnections: 1 } } }
routes:
  shop:
    rules:
      - { matches: [{ path: /pay }], priority: high, backends: [{ service: shop }] }
      - { matches: [{ path: /till }], backends: [{ service: till }] }
      - { backends: [{ service: shop }] }
`;
  await using scene = await startScene({ backends: 2, config });
  for (const backend of scene.backends) backend.set({ delayMs: 100 });
  const ordinary = await Load.run({ url: scene.url, concurrency: 10, count: 10, accept: () => true });
  expect(ordinary.overloaded).toBeGreaterThan(0);
  const important = await Load.run({ url: `${scene.url}pay`, concurrency: 10, count: 10 });
  expect(important.byStatus).toEqual({ "200": 10 });
  const waiting = await Load.run({ url: `${scene.url}till`, concurrency: 5, count: 5 });
  expect(waiting.byStatus).toEqual({ "200": 5 });
  expect(scene.backends[1]?.connections).toBe(1);
});
