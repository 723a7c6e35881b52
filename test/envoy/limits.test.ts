/**
 * How large requests may be and how answers are packed, as a real Envoy sees to it.
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

/** How the answer is packed; it is not unpacked. */
async function packing(url: string, headers: Readonly<Record<string, string>>): Promise<string | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const client = request(url, { headers, agent: false }, (response) => {
    response.resume();
    resolve(response.headers["content-encoding"]);
  });
  client.once("error", reject);
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

test("compression: answers are packed as the client likes it, if they are of the kind and size that is meant", async () => {
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [packed] }
services:
  one: { endpoints: ["${backends[0]}"] }
policies:
  packed: { compression: { algorithms: [brotli, zstd, gzip] } }
  zipped: { compression: { algorithms: [gzip] } }
routes:
  any:
    rules:
      - { matches: [{ path: /plain }], filters: [{ compression: none }], backends: [{ service: one }] }
      - { matches: [{ path: /zipped }], policies: [zipped], backends: [{ service: one }] }
      - { matches: [{ path: /large }], filters: [{ compression: { algorithms: [gzip], minBytes: 100000 } }], backends: [{ service: one }] }
      - { matches: [{ path: /html }], filters: [{ compression: { algorithms: [gzip], contentTypes: [text/html] } }], backends: [{ service: one }] }
      - { backends: [{ service: one }] }
`,
  });
  const encoding = async (path: string, accept: string) => {
    const headers = { "accept-encoding": accept, "x-text": "much the same ".repeat(20) };
    const url = `http://127.0.0.1:${scene.port}${path}`;
    return packing(url, headers);
  };
  expect(await encoding("/", "gzip, zstd, br"), "the first of the list").toBe("br");
  expect(await encoding("/", "gzip, zstd")).toMatch(/^(?:gzip|zstd)$/);
  expect(await encoding("/", "zstd")).toBe("zstd");
  expect(await encoding("/", "gzip")).toBe("gzip");
  expect(await encoding("/", "gzip;q=1, br;q=0.5"), "what the client likes most").toBe("gzip");
  expect(await encoding("/", "deflate")).toBeUndefined();
  expect(await encoding("/plain", "gzip, br")).toBeUndefined();
  expect(await encoding("/zipped", "gzip, br")).toBe("gzip");
  expect(await encoding("/zipped", "br")).toBeUndefined();
  expect(await encoding("/large", "gzip")).toBeUndefined();
  expect(await encoding("/html", "gzip")).toBeUndefined();
});
