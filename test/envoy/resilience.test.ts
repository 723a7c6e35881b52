/**
 * How Envoy protects services, seen in the answers to real requests: limits by priority and by endpoint, retries, and
 * localities.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";

type Config = Parameters<typeof startScene>[0]["config"];

const gateway = (port: number): string =>
  `gateways:\n  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }\n`;

test("requests of high priority have limits of their own, and an endpoint gets no more connections than it may have", async () => {
  const config: Config = ({ port, backends }) => `${gateway(port)}
services:
  shop: { endpoints: ["${backends[0]}"], circuitBreaker: { maxRequests: 1, high: { maxRequests: 20 } } }
  vault: { endpoints: ["${backends[0]}"], circuitBreaker: { maxRequests: 20, high: { maxRequests: 1 } } }
  till: { endpoints: ["${backends[1]}"], circuitBreaker: { perEndpoint: { maxConnections: 1 } } }
routes:
  shop:
    rules:
      - { matches: [{ path: /pay }], priority: high, backends: [{ service: shop }] }
      - { matches: [{ path: /vault }], priority: high, backends: [{ service: vault }] }
      - { matches: [{ path: /till }], backends: [{ service: till }] }
      - { backends: [{ service: shop }] }
`;
  await using scene = await startScene({ backends: 2, config });
  for (const backend of scene.backends) backend.set({ delayMs: 100 });
  const ordinary = await Load.run({ url: scene.url, concurrency: 10, count: 10, accept: () => true });
  expect(ordinary.overloaded).toBeGreaterThan(0);
  const important = await Load.run({ url: `${scene.url}pay`, concurrency: 10, count: 10 });
  expect(important.byStatus).toEqual({ "200": 10 });
  const tight = await Load.run({ url: `${scene.url}vault`, concurrency: 10, count: 10, accept: () => true });
  expect(tight.overloaded).toBeGreaterThan(0);
  const waiting = await Load.run({ url: `${scene.url}till`, concurrency: 5, count: 5 });
  expect(waiting.byStatus).toEqual({ "200": 5 });
  expect(scene.backends[1]?.connections).toBe(1);
});

test("retries: on another host, on another priority, beside a slow try, and as late as the answer asks", async () => {
  await using busy = await startBusy();
  const config: Config = ({ port, backends }) => `${gateway(port)}
services:
  drawn: { endpoints: ["${backends[0]}", "${backends[1]}"], loadBalancer: { policy: RANDOM } }
  ordered: { endpoints: ["${backends[0]}", { address: "${backends[1]}", priority: 1 }] }
  slow: { endpoints: ["${backends[2]}"] }
  busy: { endpoints: ["${busy.address}"] }
routes:
  all:
    rules:
      - { matches: [{ path: /host }], retry: { attempts: 1, statusCodes: [418] }, backends: [{ service: drawn }] }
      - { matches: [{ path: /priority }], retry: { attempts: 1, statusCodes: [418], avoidTriedPriorities: { updateFrequency: 1 } }, backends: [{ service: ordered }] }
      - { matches: [{ path: /slow }], retry: { attempts: 1, on: [5xx], perTryTimeout: 200ms }, backends: [{ service: slow }] }
      - { matches: [{ path: /hedged }], retry: { attempts: 1, on: [5xx], perTryTimeout: 200ms, hedge: { onPerTryTimeout: true } }, backends: [{ service: slow }] }
      - { matches: [{ path: /busy }], retry: { attempts: 1, retriableHeaders: { x-busy: { exact: "yes" } }, rateLimitedBackoff: { resetHeaders: [retry-after] } }, backends: [{ service: busy }] }
`;
  await using scene = await startScene({ backends: 3, config });
  scene.backends[0]?.set({ failure: { answer: 418 } });
  const drawn = await Load.run({ url: `${scene.url}host`, concurrency: 2, count: 400, accept: () => true });
  // A quarter without looking for another host; of those who look, one in a hundred does not find it.
  expect(drawn.byStatus["418"] ?? 0).toBeLessThan(25);
  const ordered = await Load.run({ url: `${scene.url}priority`, concurrency: 1, count: 10 });
  expect(ordered.byStatus).toEqual({ "200": 10 });
  scene.backends[2]?.set({ delayMs: 600 });
  expect((await ask(`${scene.url}slow`)).status).toBe(504);
  expect((await ask(`${scene.url}hedged`)).status, "the first try has gone on").toBe(200);
  const began = performance.now();
  expect((await ask(`${scene.url}busy`)).status).toBe(200);
  expect(performance.now() - began).toBeGreaterThanOrEqual(900);
});

/** A server that is busy for its first request and says how long. */
async function startBusy(): Promise<{ readonly address: string } & AsyncDisposable> {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    response.writeHead(requests === 1 ? 503 : 200, requests === 1 ? { "retry-after": "1", "x-busy": "yes" } : {}).end();
  });
  const port = await freePort();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

test("localities: the own zone first, shares by weight, and a spare priority that takes over when it is told to", async () => {
  const config: Config = ({ port, backends }) => `${gateway(port)}
services:
  edge: { endpoints: [{ address: "127.0.0.1:1", locality: eu/a }, { address: "127.0.0.2:1", locality: eu/b }] }
  near:
    loadBalancer: { zoneAware: { minClusterSize: 2 } }
    endpoints: [{ address: "${backends[0]}", locality: eu/a }, { address: "${backends[1]}", locality: eu/b }]
  shared:
    loadBalancer: { localityWeights: { eu/a: 9, eu/b: 1 } }
    endpoints: [{ address: "${backends[0]}", locality: eu/a }, { address: "${backends[1]}", locality: eu/b }]
  late:
    loadBalancer: { overprovisioningFactor: 200, healthyPanicThreshold: 0 }
    endpoints: [{ address: "${backends[0]}" }, { address: "127.0.0.1:1", health: unhealthy }, { address: "${backends[1]}", priority: 1 }]
  early:
    loadBalancer: { overprovisioningFactor: 100, healthyPanicThreshold: 0 }
    endpoints: [{ address: "${backends[0]}" }, { address: "127.0.0.1:1", health: unhealthy }, { address: "${backends[1]}", priority: 1 }]
routes:
  all:
    rules:
      - { matches: [{ path: /near }], backends: [{ service: near }] }
      - { matches: [{ path: /shared }], backends: [{ service: shared }] }
      - { matches: [{ path: /late }], backends: [{ service: late }] }
      - { matches: [{ path: /early }], backends: [{ service: early }] }
`;
  const envoy = { locality: { region: "eu", zone: "a" }, localService: "edge" };
  await using scene = await startScene({ backends: 2, config, envoy });
  const labels = async (path: string) =>
    (await Load.run({ url: `${scene.url}${path}`, concurrency: 2, count: 200 })).byLabel;
  expect(await labels("near")).toEqual({ v1: 200 });
  // Nine tenths of 200 are 180; the schedule of localities is no draw.
  const shared = await labels("shared");
  expect(shared["v1"]).toBeGreaterThanOrEqual(175);
  expect(shared["v2"]).toBeGreaterThanOrEqual(15);
  expect(await labels("late"), "half of the hosts can take twice their share").toEqual({ v1: 200 });
  // Half of 200, give or take four times seven.
  expect((await labels("early"))["v2"]).toBeGreaterThan(70);
});
