/**
 * What is kept away from backends, how large requests may be, and how answers are packed, as a real Envoy sees to it.
 */
import { request } from "node:http";
import { expect, test } from "vitest";
import { ask } from "./ask.ts";
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
      - matches: [{ path: /page }]
        filters: [{ compression: { algorithms: [gzip], contentTypes: [text/html] } }, { responseHeaders: { set: { content-type: "text/html; charset=utf-8" } } }]
        backends: [{ service: one }]
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
  expect(await encoding("/html", "gzip"), "the backend answers in JSON").toBeUndefined();
  expect(await encoding("/page", "gzip")).toBe("gzip");
});

test("overload: what is more than backends can do at once, or mostly fails, is refused by Envoy", async () => {
  await using scene = await startScene({
    backends: 2,
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  slow: { endpoints: ["${backends[0]}"] }
  failing: { endpoints: ["${backends[1]}"] }
policies:
  gentle: { adaptiveConcurrency: { minRtt: { interval: 1h, minConcurrency: 2 }, status: 429 } }
  careful: { admissionControl: { aggression: 5, maxRejectionProbability: 100 } }
  lenient: { admissionControl: { aggression: 5, maxRejectionProbability: 100, successStatuses: [{ from: 200, to: 500 }] } }
routes:
  any:
    rules:
      - { matches: [{ path: /gentle }], policies: [gentle], backends: [{ service: slow }] }
      - { matches: [{ path: /careful }], policies: [careful], backends: [{ service: failing }] }
      - { matches: [{ path: /lenient }], policies: [lenient], backends: [{ service: failing }] }
      - { backends: [{ service: slow }] }
`,
  });
  const [slow, failing] = scene.backends;
  const status = async (path: string) => (await ask(`http://127.0.0.1:${scene.port}${path}`)).status;
  const atOnce = async (path: string, count: number) =>
    (await Promise.all(Array.from({ length: count }, () => status(path)))).toSorted((a, b) => Number(a) - Number(b));

  // Longer than it takes to send all of them, so that they are there at once.
  slow?.set({ delayMs: 1_000 });
  expect(await atOnce("/gentle", 5), "two at once while it is measured").toEqual([200, 200, 429, 429, 429]);
  expect(await atOnce("/", 5)).toEqual([200, 200, 200, 200, 200]);

  failing?.set({ failure: { answer: 500 } });
  for (let sent = 0; sent < 60; sent += 1) await status("/lenient");
  expect(failing?.requests, "a 500 that counts as a success").toBe(60);
  for (let sent = 0; sent < 60; sent += 1) await status("/careful");
  expect(failing?.requests, "most of the second sixty were refused").toBeLessThan(60 + 30);
});
