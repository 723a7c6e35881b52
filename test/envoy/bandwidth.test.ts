/**
 * How fast bodies flow through a real Envoy, with and without a limit: three seconds' worth takes much longer than what
 * nobody holds back, however busy the machine is.
 */
import { request } from "node:http";
import { connect } from "node:http2";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { startPlainServer } from "./plain-server.ts";
import { startScene } from "./scene.ts";

const LIMIT_KIBPS = 100;
const BODY_BYTES = 3 * LIMIT_KIBPS * 1_024;
/** Half of what it should take: the first filling comes at once, and clocks and timers are coarse. */
const HELD_BACK_MS = 1_500;

/** Sends a body if there is one, and reads the answer; how long both took. */
async function transfer(url: string, body?: Buffer): Promise<{ readonly bytes: number; readonly ms: number }> {
  const startedMs = performance.now();
  const client = request(url, { method: body === undefined ? "GET" : "POST", agent: false });
  client.end(body);
  const [response] = (await once(client, "response")) as [NodeJS.ReadableStream];
  const { byteLength } = await buffer(response);
  return { bytes: byteLength, ms: performance.now() - startedMs };
}

test("bodies flow as fast as their rule says, each direction by itself, and trailers say how long they waited", async () => {
  await using server = await startPlainServer((incoming, answer) => {
    incoming.resume();
    incoming.on("end", () => answer.end(incoming.method === "GET" ? Buffer.alloc(BODY_BYTES) : "taken"));
  });
  await using scene = await startScene({
    backends: 0,
    config: ({ port }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [down] }
services:
  files: { endpoints: ["${server.address}"] }
policies:
  down: { bandwidthLimit: { response: { limitKbps: ${LIMIT_KIBPS}, trailers: true } } }
routes:
  files:
    rules:
      - { matches: [{ path: /free }], filters: [{ bandwidthLimit: none }], backends: [{ service: files }] }
      - matches: [{ path: /up }]
        filters: [{ bandwidthLimit: { request: { limitKbps: ${LIMIT_KIBPS}, fillInterval: 100ms } } }]
        backends: [{ service: files }]
      - { matches: [{ path: /down }], backends: [{ service: files }] }
`,
  });
  const body = Buffer.alloc(BODY_BYTES);
  const [free, down, up] = [
    await transfer(`${scene.url}free`),
    await transfer(`${scene.url}down`),
    await transfer(`${scene.url}up`, body),
  ];
  expect([free.bytes, down.bytes, up.bytes]).toEqual([BODY_BYTES, BODY_BYTES, 5]);
  expect(down.ms).toBeGreaterThan(HELD_BACK_MS);
  expect(up.ms).toBeGreaterThan(HELD_BACK_MS);
  expect(free.ms).toBeLessThan(down.ms / 2);
  // The other direction of each has no limit.
  expect((await transfer(`${scene.url}up`)).ms).toBeLessThan(up.ms / 2);
  expect((await transfer(`${scene.url}free`, body)).ms).toBeLessThan(up.ms / 2);

  const session = connect(scene.url);
  const stream = session.request({ ":path": "/down" });
  const trailers = once(stream, "trailers");
  await buffer(stream);
  const [told] = (await trailers) as [Readonly<Record<string, string>>];
  session.close();
  expect(Number(told["bandwidth-response-delay-ms"])).toBeGreaterThan(HELD_BACK_MS);
  expect(await scene.envoy.counter("request.http_bandwidth_limit.request_enforced")).toBeGreaterThan(0);
  expect(await scene.envoy.counter("response.http_bandwidth_limit.response_enforced")).toBeGreaterThan(0);
});
