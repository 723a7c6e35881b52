/**
 * How a real Envoy treats the hosts of a service, as its users see it: which host answers, and how often a
 * request is tried.
 */
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { startScene } from "./scene.ts";

const HOSTS = 3;
/** Enough that all of them on one host is no accident: with three hosts it happens once in 10^14. */
const USERS = 30;

const config = (scene: { readonly port: number; readonly backends: readonly string[] }) => {
  const endpoints = JSON.stringify(scene.backends);
  return `
gateways:
  public: { listeners: [{ name: http, port: ${scene.port}, address: 127.0.0.1 }] }
services:
  carts:
    endpoints: ${endpoints}
    loadBalancer:
      policy: RING_HASH
      hashOn: [{ header: x-user }, { cookie: { name: cart-host, ttl: 60s, path: / } }]
  images:
    endpoints: ${endpoints}
    loadBalancer: { policy: MAGLEV, hashOn: [{ queryParam: id }, { sourceIp: true }] }
  pages:
    endpoints: ${endpoints}
    loadBalancer: { policy: LEAST_REQUEST, slowStart: { window: 1s, aggression: 2, minWeightPercent: 20 } }
  spent:
    endpoints: ${endpoints}
    circuitBreaker: { retryBudget: { percent: 0, minConcurrency: 0 } }
  checked:
    endpoints: ["${scene.backends[0]}"]
    healthCheck: { http: { path: /healthz }, port: ${scene.backends[1]?.split(":")[1]}, interval: 50ms }
  ample:
    endpoints: ${endpoints}
    circuitBreaker: { retryBudget: { percent: 100, minConcurrency: 10 } }
routes:
  shop:
    rules:
      - { matches: [{ path: /carts }], backends: [{ service: carts }] }
      - { matches: [{ path: /images }], backends: [{ service: images }] }
      - { matches: [{ path: /spent }], backends: [{ service: spent }], retry: { attempts: 2, on: [5xx] } }
      - { matches: [{ path: /ample }], backends: [{ service: ample }], retry: { attempts: 2, on: [5xx] } }
      - { matches: [{ path: /checked }], backends: [{ service: checked }] }
      - { backends: [{ service: pages }] }
`;
};

/** The host that answers. */
async function hostOf(url: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const answer = await fetch(url, { headers });
  await answer.arrayBuffer();
  return answer.headers.get("x-backend") ?? `status ${answer.status}`;
}

/** The distinct hosts that answer these requests, one after the other. */
async function hostsOf(requests: readonly (() => Promise<string>)[]): Promise<ReadonlySet<string>> {
  const hosts = new Set<string>();
  for (const request of requests) hosts.add(await request());
  return hosts;
}

test("sends equal requests to the same host, and spreads different ones", async () => {
  await using scene = await startScene({ backends: HOSTS, config });
  const [carts, images] = [new URL("/carts", scene.url).href, new URL("/images", scene.url).href];
  const again = <T>(item: T) => Array.from({ length: USERS }, () => item);
  const users = Array.from({ length: USERS }, (_, index) => `user-${index}`);

  expect(await hostsOf(again(() => hostOf(carts, { "x-user": "ann" })))).toHaveProperty("size", 1);
  const ofUsers = await hostsOf(users.map((user) => () => hostOf(carts, { "x-user": user })));
  expect(ofUsers.size).toBeGreaterThan(1);
  // The first key that a request has decides alone.
  let visit = 0;
  const withCookies = again(() => hostOf(carts, { "x-user": "ann", cookie: `cart-host=${(visit += 1)}` }));
  expect(await hostsOf(withCookies)).toHaveProperty("size", 1);

  const first = await fetch(carts);
  await first.arrayBuffer();
  const cookie = first.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/^cart-host="[0-9a-f]+"; Max-Age=60; Path=\/; HttpOnly$/);
  const withCookie = await hostsOf(again(() => hostOf(carts, { cookie: cookie.split(";")[0] ?? "" })));
  expect([...withCookie]).toEqual([first.headers.get("x-backend")]);

  expect(await hostsOf(again(() => hostOf(`${images}?id=7`)))).toHaveProperty("size", 1);
  expect((await hostsOf(users.map((id) => () => hostOf(`${images}?id=${id}`)))).size).toBeGreaterThan(1);
  // All of these requests come from the same address.
  expect(await hostsOf(users.map((id) => () => hostOf(`${images}?other=${id}`)))).toHaveProperty("size", 1);

  // Hosts that start slowly get requests from the beginning.
  expect((await hostsOf(again(() => hostOf(scene.url)))).size).toBeGreaterThan(1);
});

test("asks another port how a host is, where that is written", async () => {
  await using scene = await startScene({ backends: HOSTS, config });
  const [own, asked] = scene.backends;
  own?.set({ failure: { answer: 503, pathPrefix: "/healthz" } });
  const passed = () => scene.envoy.counter("cluster.checked.health_check.success");
  const before = await passed();
  await waitUntil(async () => (await passed()) > before + 3, { what: "checks to pass" });
  expect([own?.requests, own?.failures]).toEqual([0, 0]);
  expect(asked?.requests).toBeGreaterThan(3);
  expect(await hostOf(new URL("/checked", scene.url).href)).toBe(own?.label);
});

test("retries as long as there is a budget", async () => {
  await using scene = await startScene({ backends: HOSTS, config });
  for (const backend of scene.backends) backend.set({ failure: { answer: 500 } });
  const count = async (name: string) => await scene.envoy.counter(`cluster.${name}`);
  expect(await hostOf(new URL("/ample", scene.url).href)).toMatch(/^v/);
  expect([await count("ample.upstream_rq_retry"), await count("ample.upstream_rq_retry_overflow")]).toEqual([2, 0]);
  expect(await hostOf(new URL("/spent", scene.url).href)).toMatch(/^v/);
  expect([await count("spent.upstream_rq_retry"), await count("spent.upstream_rq_retry_overflow")]).toEqual([0, 1]);
});

/** One service that everything goes to; `hosts` is how its hosts are found. */
const shop = (hosts: string) => (scene: { readonly port: number }) =>
  `
gateways:
  public: { listeners: [{ name: http, port: ${scene.port}, address: 127.0.0.1 }] }
services:
  shop: { ${hosts} }
routes:
  shop: { rules: [{ backends: [{ service: shop }] }] }
`;

test("moves a service from written endpoints to DNS and back without losing a request", async () => {
  const written = (backend: string) => shop(`endpoints: ["${backend}"]`);
  await using scene = await startScene({
    backends: 2,
    config: ({ port, backends }) => written(backends[0] ?? "")({ port }),
  });
  const [first, second] = scene.backends.map(({ port }) => port);
  const load = Load.start({ url: scene.url, concurrency: 4, requestsPerSecond: 200 });
  let version = await scene.served();
  for (const [label, next] of [
    ["v2", shop(`discovery: { dns: "localhost:${second}" }`)],
    ["v1", shop(`discovery: { dns: { name: localhost, port: ${first}, mode: logical, family: v4, refresh: 1s } }`)],
    ["v2", written(`127.0.0.1:${second}`)],
  ] as const) {
    await scene.save(next(scene));
    version = await scene.converged(version);
    await onlyFrom(label, load);
  }
  expect((await load.stop()).failed).toBe(0);
  expect(scene.envoy.complaints()).toEqual([]);
});

test("sends nothing new to a host that drains, and loses nothing on the way", async () => {
  const endpoint = (address: string, drained: string) =>
    `{ address: "${address}"${address === drained ? ", health: draining" : ""} }`;
  const hosts = (backends: readonly string[], drained: string) =>
    shop(`endpoints: [${backends.map((address) => endpoint(address, drained)).join(", ")}]`);
  await using scene = await startScene({
    backends: 2,
    config: ({ port, backends }) => hosts(backends, "")({ port }),
  });
  const [, drained] = scene.backends;
  const addresses = scene.backends.map(({ address }) => address);
  const load = Load.start({ url: scene.url, concurrency: 4, requestsPerSecond: 200 });
  await waitUntil(() => (drained?.requests ?? 0) > 5, { what: "requests to both hosts" });
  const version = await scene.served();
  await scene.save(hosts(addresses, drained?.address ?? "")(scene));
  await scene.converged(version);
  await onlyFrom("v1", load);
  expect((await load.stop()).failed).toBe(0);
});

/** Waits until so many answers in a row came from one host. */
async function onlyFrom(label: string, load: Load): Promise<void> {
  const counts = () => {
    const { byLabel } = load.report();
    const all = Object.values(byLabel).reduce((sum, count) => sum + count, 0);
    return { own: byLabel[label] ?? 0, others: all - (byLabel[label] ?? 0) };
  };
  let start = counts();
  await waitUntil(
    () => {
      const now = counts();
      if (now.others > start.others) start = now;
      return now.own >= start.own + 50;
    },
    { what: `50 answers of ${label} in a row` },
  );
}
