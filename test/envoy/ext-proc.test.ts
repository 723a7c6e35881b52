/**
 * A service that changes requests and answers on their way: a real Envoy sends them to ours.
 */
import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { ask } from "./ask.ts";
import { startProcessingService } from "./ext-proc-server.ts";
import { startPlainServer } from "./plain-server.ts";
import { startScene } from "./scene.ts";

test("a service changes headers and bodies and answers itself, sees what it is to see, and its absence is what the policy says", async () => {
  await using service = await startProcessingService();
  await using echo = await startPlainServer((asked, response) => void asked.pipe(response));
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [headers] }
services:
  one: { endpoints: ["${backends[0]}"] }
  echo: { endpoints: ["${echo.address}"] }
  processor: { endpoints: ["${service.address}"], protocol: grpc, subsets: { all: { labels: {} } } }
policies:
  headers: { extProc: { service: processor, messageTimeout: 5s } }
  bodies:
    extProc:
      service: processor
      subset: all
      messageTimeout: 5s
      processingMode: { request: { body: Buffered, attributes: [request.path] }, response: { body: Streamed, attributes: [response.code] } }
      metadata: { accessibleNamespaces: [stamp] }
  open: { extProc: { service: processor, processingMode: { request: {} }, messageTimeout: 5s, failOpen: true } }
routes:
  any:
    rules:
      - matches: [{ path: /bodies }]
        policies: [bodies]
        filters: [{ lua: { inline: 'function envoy_on_request(h) h:streamInfo():dynamicMetadata():set("stamp", "by", "lua") end' } }]
        backends: [{ service: echo }]
      - { matches: [{ path: /spared }], filters: [{ extProc: none }], backends: [{ service: one }] }
      - { matches: [{ path: /open }], policies: [open], backends: [{ service: one }] }
      - { matches: [{ path: /hasty }], filters: [{ extProc: { service: processor, messageTimeout: 50ms } }], backends: [{ service: one }] }
      - { backends: [{ service: one }] }
`,
  });
  const origin = `http://127.0.0.1:${scene.port}`;

  const plain = await ask(`${origin}/`);
  expect([plain.status, plain.seen?.headers["x-processed"], plain.headers["x-processed"]]).toEqual([
    200,
    "request",
    "response",
  ]);
  expect(service.asked.map((message) => Object.keys(message).filter((key) => /Headers|Body/.test(key)))).toEqual([
    ["requestHeaders"],
    ["responseHeaders"],
  ]);
  const stopped = await post(`${origin}/`, "a", { "x-stop": "1" });
  expect([stopped.status, stopped.body]).toEqual([402, "pay first"]);

  service.asked.length = 0;
  const changed = await post(`${origin}/bodies/a?b=1`, "hello");
  expect(changed).toMatchObject({ status: 200, body: "HELLO!", headers: { "x-processed": "response" } });
  const [first] = service.asked;
  expect(first?.attributes?.["envoy.filters.http.ext_proc"]).toEqual({ "request.path": "/bodies/a?b=1" });
  expect(first?.metadataContext?.filterMetadata).toEqual({ stamp: { by: "lua" } });
  const answered = service.asked.find(({ responseHeaders }) => responseHeaders !== undefined);
  expect(answered?.attributes?.["envoy.filters.http.ext_proc"]).toEqual({ "response.code": 200 });

  expect((await post(`${origin}/bodies`, "a".repeat(100_000))).status, "more than a buffer holds").toBe(413);

  service.asked.length = 0;
  expect((await ask(`${origin}/spared`)).headers["x-processed"]).toBeUndefined();
  expect(service.asked).toEqual([]);
  const opened = await ask(`${origin}/open`);
  expect([opened.seen?.headers["x-processed"], opened.headers["x-processed"]]).toEqual(["request", undefined]);
  expect((await ask(`${origin}/hasty`, { "x-hang": "1" })).status, "no answer in time").toBe(504);

  service.close();
  expect((await ask(`${origin}/`)).status).toBe(500);
  expect((await ask(`${origin}/open`)).status).toBe(200);
});

interface Answered {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function post(url: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  request(url, { method: "POST", headers, agent: false }, (response) => {
    text(response).then(
      (answer) => resolve({ status: response.statusCode, headers: response.headers, body: answer }),
      reject,
    );
  })
    .once("error", reject)
    .end(body);
  return promise;
}
