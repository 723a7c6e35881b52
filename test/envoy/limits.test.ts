/**
 * How large requests may be, as a real Envoy sees to it.
 */
import { request } from "node:http";
import { expect, test } from "vitest";
import { startScene } from "./scene.ts";

/** Sends so many bytes, which no header announces, and gives the status of the answer. */
async function upload(url: string, bytes: number): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const client = request(url, { method: "POST", agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  // An answer that comes before the whole request may end the connection under what is still being sent.
  client.on("error", reject);
  client.write(Buffer.alloc(bytes));
  client.end();
  return promise;
}

test("request size: what is larger is answered 413 and no backend sees it, each route by its own measure", async () => {
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [small] }
services:
  one: { endpoints: ["${backends[0]}"] }
policies:
  small: { requestLimits: { maxRequestBytes: 1000 } }
routes:
  any:
    rules:
      - { matches: [{ path: /uploads }], filters: [{ requestLimits: { maxRequestBytes: 200000 } }], backends: [{ service: one }] }
      - { matches: [{ path: /any }], filters: [{ requestLimits: none }], backends: [{ service: one }] }
      - { backends: [{ service: one }] }
`,
  });
  const origin = `http://127.0.0.1:${scene.port}`;
  expect(await upload(`${origin}/`, 1_001)).toBe(413);
  expect(await upload(`${origin}/uploads`, 200_001)).toBe(413);
  expect(scene.backends[0]?.requests).toBe(0);
  expect(await upload(`${origin}/`, 1_000)).toBe(200);
  // More than the 32 KiB that the listener holds of a connection.
  expect(await upload(`${origin}/uploads`, 200_000)).toBe(200);
  expect(await upload(`${origin}/any`, 300_000)).toBe(200);
});
