/**
 * Services that are asked about each request: a real Envoy asks ours, over gRPC and over HTTP.
 */
import { request } from "node:http";
import { expect, test } from "vitest";
import { freePort } from "../../demo/kit/ports.ts";
import { ask } from "./ask.ts";
import { startGrpcAuth, startHttpAuth } from "./auth-servers.ts";
import { startScene } from "./scene.ts";

test("a service decides over gRPC or HTTP, what it adds reaches the backend, and its absence is what the policy says", async () => {
  await using grpc = await startGrpcAuth();
  await using http = await startHttpAuth();
  const gone = await freePort();
  await using scene = await startScene({
    backends: 1,
    config: ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [by-grpc] }
services:
  one: { endpoints: ["${backends[0]}"] }
  grpc: { endpoints: ["${grpc.address}"], protocol: grpc, subsets: { all: { labels: {} } } }
  http: { endpoints: ["${http.address}"] }
  gone: { endpoints: ["127.0.0.1:${gone}"] }
policies:
  by-grpc: { extAuth: { grpc: { service: grpc, subset: all }, timeout: 5s } }
  by-http:
    extAuth:
      http: { service: http, pathPrefix: /check, headersToBackend: [x-user], headersToClient: [x-seen] }
      headersToExtAuth: [x-pass]
      timeout: 5s
routes:
  any:
    rules:
      - { matches: [{ path: /http }], policies: [by-http], backends: [{ service: one }] }
      - { matches: [{ path: /open }], filters: [{ extAuth: none }], backends: [{ service: one }] }
      - matches: [{ path: /body }]
        filters: [{ extAuth: { grpc: { service: grpc }, timeout: 5s, headersToExtAuth: [x-pass], bodyToExtAuth: { maxRequestBytes: 8 } } }]
        backends: [{ service: one }]
      - matches: [{ path: /part }]
        filters: [{ extAuth: { grpc: { service: grpc }, timeout: 5s, bodyToExtAuth: { maxRequestBytes: 8, allowPartial: true } } }]
        backends: [{ service: one }]
      - { matches: [{ path: /plain }], filters: [{ extAuth: { http: { service: http }, timeout: 5s } }], backends: [{ service: one }] }
      - matches: [{ path: /gone/closed }]
        filters: [{ extAuth: { http: { service: gone }, statusOnError: 503 } }]
        backends: [{ service: one }]
      - { matches: [{ path: /gone/open }], filters: [{ extAuth: { http: { service: gone }, failOpen: true } }], backends: [{ service: one }] }
      - { matches: [{ path: /gone }], filters: [{ extAuth: { http: { service: gone } } }], backends: [{ service: one }] }
      - { backends: [{ service: one }] }
`,
  });
  const origin = `http://127.0.0.1:${scene.port}`;
  const pass = { "x-pass": "yes" };

  const good = await ask(`${origin}/a?b=1`, { ...pass, "x-user": "forged" });
  expect(good.status).toBe(200);
  expect(good.seen?.headers["x-user"]).toBe("ann");
  expect(grpc.asked.at(-1)).toMatchObject({ path: "/a?b=1", headers: { "x-user": "forged" } });
  const bad = await ask(`${origin}/`);
  expect([bad.status, bad.headers["x-why"]], "the service's own answer").toEqual([402, "poor"]);
  const asked = grpc.asked.length;
  expect((await ask(`${origin}/open`)).status).toBe(200);
  expect(grpc.asked.length).toBe(asked);

  const byHttp = await ask(`${origin}/http/a`, { ...pass, "x-user": "forged", "x-other": "1" });
  expect(byHttp.status).toBe(200);
  expect(byHttp.seen?.headers["x-user"]).toBe("ann");
  expect(byHttp.headers["x-seen"]).toBe("1");
  expect(http.asked.at(-1)?.path).toBe("/check/http/a");
  expect(http.asked.at(-1)?.headers["x-other"], "only what is named is told").toBeUndefined();
  const sent = await ask(`${origin}/http`);
  expect([sent.status, sent.headers.location]).toEqual([302, "https://login.test/"]);

  await ask(`${origin}/plain`, { authorization: "Bearer a", cookie: "a=b", ...pass });
  expect(http.asked.at(-1)).toMatchObject({ path: "/plain", headers: { authorization: "Bearer a" } });
  expect(Object.keys(http.asked.at(-1)?.headers ?? {})).not.toContain("cookie");

  const post = async (path: string, body: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
    request(`${origin}${path}`, { method: "POST", headers: pass, agent: false }, (response) =>
      resolve(response.resume().statusCode),
    )
      .once("error", reject)
      .end(body);
    return promise;
  };
  expect(await post("/body", "12345678")).toBe(200);
  expect(grpc.asked.at(-1)?.body).toBe("12345678");
  expect(Object.keys(grpc.asked.at(-1)?.headers ?? {})).not.toContain("user-agent");
  expect(await post("/body", "123456789")).toBe(413);
  expect(await post("/part", "123456789")).toBe(200);
  expect(grpc.asked.at(-1)?.body).toBe("12345678");

  expect((await ask(`${origin}/gone`)).status).toBe(403);
  expect((await ask(`${origin}/gone/closed`)).status).toBe(503);
  expect((await ask(`${origin}/gone/open`)).status).toBe(200);
});
