/**
 * What happens to connections, those to endpoints and those of clients, and to an Envoy that has too much of them.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";

type Config = Parameters<typeof startScene>[0]["config"];

test("connections to endpoints end after so many requests or so much silence, and checks take ranges of statuses", async () => {
  const config: Config = ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], timeouts: { maxConnectionDuration: 2h } }
services:
  few:
    endpoints: ["${backends[0]}"]
    connection: { maxRequestsPerConnection: 2, maxConnectionDuration: 30m, tcpKeepalive: { time: 60s, interval: 10s, probes: 3 }, bufferLimit: 65536 }
  silent: { endpoints: ["${backends[1]}"], connection: { idleTimeout: 200ms } }
  checked:
    endpoints: ["${backends[2]}"]
    healthCheck: { http: { path: /well, expectedStatuses: ["400-499"] }, interval: 200ms, intervalJitter: 50ms, healthyThreshold: 1, unhealthyThreshold: 1, reuseConnection: false }
routes:
  all:
    rules:
      - { matches: [{ path: /few }], retry: { attempts: 1, on: [5xx], backoff: { base: 25ms, max: 250ms } }, backends: [{ service: few }] }
      - { matches: [{ path: /silent }], backends: [{ service: silent }] }
      - { matches: [{ path: /checked }], backends: [{ service: checked }] }
`;
  await using scene = await startScene({ backends: 3, config });
  // What only shows after half an hour, or when a peer vanishes, is at least what this Envoy says that it goes by.
  const dump = JSON.stringify(await scene.envoy.configDump());
  for (const kept of [
    '"max_connection_duration":"1800s"',
    '"max_connection_duration":"7200s"',
    '"tcp_keepalive":{"keepalive_probes":3,"keepalive_time":60,"keepalive_interval":10}',
    '"per_connection_buffer_limit_bytes":65536',
    '"interval_jitter":"0.050s"',
    '"retry_back_off":{"base_interval":"0.025s","max_interval":"0.250s"}',
  ]) {
    expect(dump).toContain(kept);
  }
  for (let count = 0; count < 6; count += 1) expect((await ask(`${scene.url}few`)).status).toBe(200);
  expect(scene.backends[0]?.connections).toBe(3);
  expect((await ask(`${scene.url}silent`)).status).toBe(200);
  const active = () => scene.envoy.counter("cluster.silent.upstream_cx_active");
  await waitUntil(async () => (await active()) === 0, { what: "the silent connection to be closed" });
  const healthy = () => scene.envoy.counter("cluster.checked.membership_healthy");
  await waitUntil(async () => (await healthy()) === 0, { what: "200 to be no good answer" });
  scene.backends[2]?.set({ failure: { answer: 418 } });
  await waitUntil(async () => (await healthy()) === 1, { what: "418 to be a good answer" });
  const before = scene.backends[2]?.connections ?? 0;
  await waitUntil(() => (scene.backends[2]?.connections ?? 0) > before + 1, { what: "a connection for each check" });
});

test("a listener takes no more connections than it may, and clients have no more time than a gateway gives them", async () => {
  const full = await freePort();
  const config: Config = ({ port, backends }) => `
gateways:
  full: { listeners: [{ name: http, port: ${full}, address: 127.0.0.1, connectionLimit: { maxConnections: 1 } }] }
  public:
    listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }]
    timeouts: { idle: 1s, requestHeaders: 300ms, maxStreamDuration: 400ms }
services:
  shop: { endpoints: ["${backends[0]}"] }
routes:
  shop: { rules: [{ timeouts: { request: 0s }, backends: [{ service: shop }] }] }
`;
  await using scene = await startScene({ backends: 1, config });
  {
    using first = open(full);
    await waitUntil(async () => (await scene.envoy.counter("http.full/http.downstream_cx_active")) === 1, {
      what: "the first connection",
    });
    using second = open(full);
    expect(await text(second.socket), "closed without a word").toBe("");
    expect(await scene.envoy.counter("connection_limit.full/http.limited_connections")).toBe(1);
    expect(first.socket.destroyed).toBe(false);
  }
  {
    using slow = open(scene.port);
    slow.socket.write("GET / HTTP/1.1\r\nhost: a\r\n");
    expect(await text(slow.socket)).toMatch(/^HTTP\/1\.1 408 /);
  }
  const ended = () => scene.envoy.counter("http.public/http.downstream_cx_active");
  await waitUntil(async () => (await ended()) === 0, { what: "the connections to be gone" });
  scene.backends[0]?.set({ delayMs: 1_500 });
  expect((await ask(scene.url)).status).toBe(504);
  await waitUntil(async () => (await ended()) === 0, { what: "the connection to be gone" });
  {
    using idle = open(scene.port);
    const began = performance.now();
    await once(idle.socket.resume(), "close");
    expect(performance.now() - began).toBeGreaterThanOrEqual(900);
  }
});

test("an Envoy whose heap is full answers 503, and one that has all its connections takes no more", async () => {
  const config: Config = ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop: { endpoints: ["${backends[0]}"] }
routes:
  shop: { rules: [{ backends: [{ service: shop }] }] }
`;
  // Less than any Envoy has.
  const overload = { maxHeapBytes: 1024 * 1024, maxConnections: 1 };
  await using scene = await startScene({ backends: 1, config, envoy: { overload } });
  const stopped = "overload.envoy.overload_actions.stop_accepting_requests.active";
  await waitUntil(async () => (await scene.envoy.counter(stopped)) === 1, { what: "the heap to be too full" });
  expect((await ask(scene.url)).status).toBe(503);
  const active = () => scene.envoy.counter("http.public/http.downstream_cx_active");
  await waitUntil(async () => (await active()) === 0, { what: "the connection to be gone" });
  using first = open(scene.port);
  await waitUntil(async () => (await active()) === 1, { what: "the first connection" });
  using second = open(scene.port);
  expect(await text(second.socket)).toBe("");
  expect(first.socket.destroyed).toBe(false);
});

/** A connection on which nothing was sent yet. */
function open(port: number): { readonly socket: Socket } & Disposable {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  return { socket, [Symbol.dispose]: () => void socket.destroy() };
}
