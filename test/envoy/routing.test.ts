/**
 * What a real Envoy does to real requests for the sake of filters and policies.
 *
 * The backends answer with the path, the host and the headers that they saw.
 */
import { expect, test } from "vitest";
import { freePort } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { ask } from "./ask.ts";
import { startScene } from "./scene.ts";

type Config = Parameters<typeof startScene>[0]["config"];

test("redirects, rewrites and answers as Gateway API says", async () => {
  const config: Config = ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  one: { endpoints: ["${backends[0]}"] }
routes:
  any:
    rules:
      - { matches: [{ path: /moved }], filters: [{ redirect: { path: { prefix: /new }, status: 308 } }] }
      - { matches: [{ path: /up }], filters: [{ redirect: { path: { prefix: / } } }] }
      - { matches: [{ path: /away }], filters: [{ redirect: { scheme: https, hostname: b.test, path: { full: /x } } }] }
      - { matches: [{ path: /secure }], filters: [{ redirect: { scheme: https } }] }
      - { matches: [{ path: /v1 }, { path: /v2/ }], filters: [{ rewrite: { path: { prefix: /api/ } } }], backends: [{ service: one }] }
      - { matches: [{ path: /strip }], filters: [{ rewrite: { path: { prefix: / } } }], backends: [{ service: one }] }
      - { matches: [{ path: { regex: "/full.*" } }], filters: [{ rewrite: { hostname: in.test, path: { full: "/a\\\\1" } } }], backends: [{ service: one }] }
      - matches: [{ path: /closed }]
        filters: [{ respond: { status: 503, body: "{}" } }, { responseHeaders: { set: { content-type: application/json } } }]
  named:
    hostnames: [named.test]
    rules: [{ filters: [{ redirect: { scheme: https } }] }]
`;
  await using scene = await startScene({ backends: 1, config });
  const origin = `http://127.0.0.1:${scene.port}`;
  const location = async (path: string, host?: string) => {
    const answer = await ask(`${origin}${path}`, host === undefined ? {} : { host });
    return [answer.status, answer.headers.location];
  };
  expect(await location("/moved")).toEqual([308, `${origin}/new`]);
  expect(await location("/moved/a?b=c")).toEqual([308, `${origin}/new/a?b=c`]);
  expect(await location("/moved", "portless.test")).toEqual([308, `http://portless.test:${scene.port}/new`]);
  expect(await location("/up/a")).toEqual([302, `${origin}/a`]);
  expect(await location("/up")).toEqual([302, `${origin}/`]);
  expect(await location("/away/a?b")).toEqual([302, "https://b.test/x?b"]);
  expect(await location("/secure/a")).toEqual([302, "https://127.0.0.1:443/secure/a"]);
  expect(await location("/a", `named.test:${scene.port}`)).toEqual([302, "https://named.test/a"]);

  const path = async (asked: string) => (await ask(`${origin}${asked}`)).seen?.path;
  expect(await path("/v1/a?b=c")).toBe("/api/a?b=c");
  expect(await path("/v1")).toBe("/api");
  expect(await path("/v2/a")).toBe("/api/a");
  expect(await path("/strip/a/b")).toBe("/a/b");
  expect(await path("/strip/")).toBe("/");
  expect(await path("/strip")).toBe("/");
  expect((await ask(`${origin}/fuller?b=c`)).seen).toMatchObject({ path: "/a\\1?b=c", host: "in.test" });

  const closed = await ask(`${origin}/closed`);
  expect(closed).toMatchObject({ status: 503, headers: { "content-type": "application/json" }, seen: {} });
});

test("changes headers on both ways, a backend's after its rule's", async () => {
  const config: Config = ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  one: { endpoints: ["${backends[0]}"] }
  two: { endpoints: ["${backends[1]}"] }
routes:
  any:
    rules:
      - filters:
          - requestHeaders: { set: { x-set: "100 %", x-own: rule }, add: { x-add: rule }, remove: [x-gone] }
          - responseHeaders: { set: { x-own: rule }, add: { x-more: rule }, remove: [x-backend] }
        backends:
          - { service: one, weight: 0 }
          - service: two
            filters:
              - requestHeaders: { set: { x-own: backend }, add: { x-add: backend }, remove: [x-set] }
              - responseHeaders: { set: { x-own: backend } }
      - { matches: [{ path: /one }], filters: [{ requestHeaders: { set: { x-set: "100 %" }, add: { x-add: rule }, remove: [x-gone] } }], backends: [{ service: one }] }
      - { matches: [{ path: /absent, headers: { x-a: { present: false } }, queryParams: { q: { present: false } } }], backends: [{ service: one }] }
      - { matches: [{ path: /absent, headers: { x-a: { suffix: z } } }, { path: /absent, headers: { x-a: { contains: "y" } } }], filters: [{ respond: { status: 204 } }] }
`;
  await using scene = await startScene({ backends: 2, config });
  const sent = { "x-set": "client", "x-add": "client", "x-gone": "client" };
  const one = await ask(`${scene.url}one`, sent);
  expect(one.seen?.headers).toMatchObject({ "x-set": "100 %", "x-add": "client, rule" });
  expect(one.seen?.headers).not.toHaveProperty("x-gone");
  expect(one.headers).toHaveProperty("x-backend");

  const two = await ask(scene.url, sent);
  expect(two.seen?.headers).toMatchObject({ "x-own": "backend", "x-add": "client, rule, backend" });
  expect(two.seen?.headers).not.toHaveProperty("x-gone");
  expect(two.seen?.headers).not.toHaveProperty("x-set");
  expect(two.headers).toMatchObject({ "x-own": "backend", "x-more": "rule" });
  expect(two.headers).not.toHaveProperty("x-backend");

  const backendOf = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
    const { status, headers: answered } = await ask(`${scene.url}${path}`, headers);
    return answered["x-backend"] ?? status;
  };
  expect(await backendOf("absent")).toBe("v1");
  expect(await backendOf("absent?q=")).toBe(200);
  expect(await backendOf("absent", { "x-a": "xyz" })).toBe(204);
  expect(await backendOf("absent", { "x-a": "ya" })).toBe(204);
});

test("mirrors requests, all of them or a share, in a cluster of their own that comes and goes while requests flow", async () => {
  const config =
    (share: string): Config =>
    ({ port, backends }) =>
      `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  shop:
    endpoints:
      - { address: "${backends[0]}", labels: { version: v1 } }
      - { address: "${backends[1]}", labels: { version: v2 } }
    outlierDetection: { consecutive5xx: 3, maxEjectionPercent: 100, baseEjectionTime: 300s }
    subsets: { stable: { labels: { version: v1 } }, next: { labels: { version: v2 } } }
routes:
  any:
    rules:
      - { matches: [{ path: /copied }], ${share} backends: [{ service: shop, subset: stable }] }
      - { matches: [{ path: /next }], backends: [{ service: shop, subset: next }] }
      - { backends: [{ service: shop, subset: stable }] }
`;
  const mirror = (percent: number) => `filters: [{ mirror: { service: shop, subset: next, percent: ${percent} } }],`;
  await using scene = await startScene({ backends: 2, config: config("") });
  const parts = { port: scene.port, backends: scene.backends.map(({ address }) => address) };
  const change = async (next: Config) => {
    const before = await scene.served();
    await scene.save(next(parts));
    await scene.converged(before);
  };
  const copies = () => scene.backends[1]?.requests ?? 0;
  const copied = async () => {
    for (let count = 0; count < 10; count += 1) {
      expect(await ask(`${scene.url}copied`)).toMatchObject({ status: 200, headers: { "x-backend": "v1" } });
    }
  };
  const counted = (cluster: string, name: string) => scene.envoy.counter(`cluster.shop|${cluster}.${name}`);
  await change(config(mirror(0)));
  await copied();
  expect(copies()).toBe(0);
  const began = performance.now();
  await change(config(mirror(100)));
  expect(performance.now() - began, "the endpoints are known, and come again").toBeLessThan(5_000);
  scene.backends[1]?.set({ failure: { answer: 500 } });
  await copied();
  await waitUntil(() => copies() >= 3, { what: "the copies" });
  const ejected = async () => (await counted("next|mirror", "outlier_detection.ejections_active")) === 1;
  await waitUntil(ejected, { what: "the ejection for the sake of copies" });
  scene.backends[1]?.set({});
  // Whatever the copies did, the subset's own requests are neither counted with them nor kept away.
  expect(await ask(`${scene.url}next`)).toMatchObject({ status: 200, headers: { "x-backend": "v2" } });
  expect(await counted("next", "upstream_rq_total")).toBe(1);
  expect(await counted("next", "outlier_detection.ejections_total")).toBe(0);
  expect(await counted("next|mirror", "upstream_rq_5xx")).toBeGreaterThanOrEqual(3);
  await change(config(""));
  await copied();
  expect(await ask(`${scene.url}next`)).toMatchObject({ status: 200 });
});

test("keeps to the nearest policy, and to that of the gateway that a request came in by", async () => {
  const second = await freePort();
  const config: Config = ({ port, backends }) => `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [short, tagged] }
  inside: { listeners: [{ name: http, port: ${second}, address: 127.0.0.1 }] }
services:
  slow: { endpoints: ["${backends[0]}"] }
policies:
  short: { timeouts: { request: 0.1s } }
  try: { timeouts: { backendRequest: 0.1s } }
  long: { timeouts: { request: 20s } }
  tagged: { requestHeaders: { set: { x-tag: gateway } } }
routes:
  any:
    rules:
      - { matches: [{ path: /gateway }], backends: [{ service: slow }] }
      - { matches: [{ path: /rule }], policies: [long], backends: [{ service: slow }] }
      - { matches: [{ path: /inline }], policies: [long], timeouts: { request: 0.1s }, backends: [{ service: slow }] }
      - { matches: [{ path: /untagged }], policies: [long], filters: [{ requestHeaders: {} }], backends: [{ service: slow }] }
  tried:
    policies: [try]
    rules:
      - { matches: [{ path: /try }], backends: [{ service: slow }] }
`;
  await using scene = await startScene({ backends: 1, config });
  const inside = `http://127.0.0.1:${second}/`;
  // Five times the short limit, so that only a limit that does not hold can be missed.
  scene.backends[0]?.set({ delayMs: 500 });
  const answers = await Promise.all(
    [`${scene.url}gateway`, `${inside}gateway`, `${scene.url}rule`, `${scene.url}inline`, `${inside}inline`].map(
      async (url) => (await ask(url)).status,
    ),
  );
  expect(answers).toEqual([504, 200, 200, 504, 504]);
  expect((await ask(`${inside}try`)).status).toBe(504);
  expect((await ask(`${scene.url}rule`)).seen?.headers["x-tag"]).toBe("gateway");
  expect((await ask(`${scene.url}untagged`)).seen?.headers).not.toHaveProperty("x-tag");
});
