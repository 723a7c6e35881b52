/**
 * Rate limits, as a real Envoy counts real requests.
 */
import { request } from "node:http";
import { expect, test } from "vitest";
import { Load } from "../../demo/kit/load.ts";
import { ask } from "./ask.ts";
import { RateLimitService } from "./rate-limit-service.ts";
import { startScene } from "./scene.ts";

type Config = Parameters<typeof startScene>[0]["config"];

/** The status for a client that connects from an address of its own; every 127.x is this machine. */
async function statusFrom(address: string, url: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const client = request(url, { localAddress: address, agent: false }, (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  client.once("error", reject);
  client.end();
  return promise;
}

// An hour is never over, so that what is counted does not depend on how fast the machine is.
const local =
  (first: string): Config =>
  ({ port, backends }) =>
    `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }], policies: [shared] }
services:
  one: { endpoints: ["${backends[0]}"] }
policies:
  shared: { rateLimit: { local: { requests: 2, per: 1h } } }
  watched: { rateLimit: { local: { requests: 1, per: 1h, shadow: true } } }
  tenants:
    rateLimit:
      local:
        requests: 1
        per: 1h
        buckets:
          - { when: { header: X-Tenant, equals: gold }, requests: 3, per: 1h }
          - { when: { header: x-tenant, equals: silver }, each: { header: x-user }, requests: 1, per: 1h }
  clients: { rateLimit: { local: { buckets: [{ each: { clientAddress: true }, requests: 1, per: 1h }, { requests: 3, per: 1h }] } } }
  forgetful: { rateLimit: { local: { buckets: [{ each: { header: x-user }, requests: 1, per: 1h }], maxValues: 1 } } }
routes:
  any:
    rules:
      - { matches: [{ path: /own }], filters: [{ rateLimit: { local: { ${first}, rateLimitHeaders: true, retryAfterHeader: true } } }], backends: [{ service: one }] }
      - { matches: [{ path: /free }], filters: [{ rateLimit: none }], backends: [{ service: one }] }
      - { matches: [{ path: /watched }], policies: [watched], backends: [{ service: one }] }
      - { matches: [{ path: /tenants }], policies: [tenants], backends: [{ service: one }] }
      - { matches: [{ path: /clients }], policies: [clients], backends: [{ service: one }] }
      - { matches: [{ path: /forgetful }], policies: [forgetful], backends: [{ service: one }] }
      - { matches: [{ path: /said }], filters: [{ respond: { status: 200 } }] }
      - { backends: [{ service: one }] }
`;

test("local limits: each bucket lets through what it holds, and no request takes from another's", async () => {
  await using scene = await startScene({ backends: 1, config: local("requests: 1, per: 1h, burst: 2") });
  const url = (path: string) => `http://127.0.0.1:${scene.port}${path}`;
  const statuses = async (path: string, ...requests: readonly Readonly<Record<string, string>>[]) => {
    const found: (number | undefined)[] = [];
    for (const headers of requests) found.push((await ask(url(path), headers)).status);
    return found;
  };

  // All that a rule does not say otherwise is the gateway's, in one bucket.
  expect(await statuses("/", {})).toEqual([200]);
  expect(await statuses("/said", {}, {})).toEqual([200, 429]);
  expect(await statuses("/free", {}, {}, {}, {})).toEqual([200, 200, 200, 200]);

  const first = await ask(url("/own"));
  expect(first.headers).toMatchObject({ "x-ratelimit-limit": "2", "x-ratelimit-remaining": "1" });
  expect((await ask(url("/own"))).status).toBe(200);
  const refused = await ask(url("/own"));
  expect(refused.status).toBe(429);
  expect(refused.headers).toMatchObject({ "x-ratelimit-remaining": "0" });
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  const grpc = await ask(url("/own"), { "content-type": "application/grpc" }, "POST");
  expect(grpc.headers["grpc-status"], "RESOURCE_EXHAUSTED").toBe("8");

  expect(await statuses("/watched", {}, {}, {})).toEqual([200, 200, 200]);
  expect(await scene.envoy.counter("watched.http_local_rate_limit.rate_limited")).toBe(2);
  expect(await scene.envoy.counter("watched.http_local_rate_limit.enforced")).toBe(0);

  const [gold, silver] = [{ "x-tenant": "gold" }, { "x-tenant": "silver" }];
  expect(await statuses("/tenants", gold, {}, gold, {}, gold, gold)).toEqual([200, 200, 200, 429, 200, 429]);
  const [ann, ben] = [
    { ...silver, "x-user": "ann" },
    { ...silver, "x-user": "ben" },
  ];
  expect(await statuses("/tenants", ann, ben, ann, ben)).toEqual([200, 200, 429, 429]);
  expect(await statuses("/tenants", silver), "no user, so what is for all others").toEqual([429]);

  const from = (address: string) => statusFrom(address, url("/clients"));
  expect([await from("127.0.0.1"), await from("127.0.0.2"), await from("127.0.0.1")]).toEqual([200, 200, 429]);
  expect([await from("127.0.0.3"), await from("127.0.0.4")], "and three for all").toEqual([200, 429]);

  const [one, two] = [{ "x-user": "one" }, { "x-user": "two" }];
  expect(await statuses("/forgetful", one, one, two, one)).toEqual([200, 429, 200, 200]);

  const before = await scene.served();
  const parts = { port: scene.port, backends: scene.backends.map(({ address }) => address) };
  const listeners = await scene.envoy.counter("listener_manager.lds.update_success");
  await scene.save(local("requests: 4, per: 1h")(parts));
  await scene.converged(before);
  expect(await scene.envoy.counter("listener_manager.lds.update_success"), "a limit is in routes only").toBe(listeners);
  expect(await statuses("/own", {}, {}, {}, {}, {})).toEqual([200, 200, 200, 200, 429]);
  expect(await statuses("/", {}), "changed routes begin with full buckets").toEqual([200]);
});

const global =
  (limiter: string, isUsed: boolean): Config =>
  ({ port, backends }) =>
    `
gateways:
  public: { listeners: [{ name: http, port: ${port}, address: 127.0.0.1 }] }
services:
  one: { endpoints: ["${backends[0]}"] }
  limiter: { protocol: grpc, endpoints: ["${limiter}"] }
policies:
  counted:
    rateLimit:
      global:
        service: limiter
        domain: shop
        timeout: 10s
        descriptors:
          - [{ header: X-Tenant, key: tenant }, { method: true }]
          - [{ path: true }]
          - [{ clientAddress: true }, { key: part, value: "100 %" }]
        rateLimitHeaders: true
        failOpen: false
  open: { rateLimit: { global: { service: limiter, domain: open, timeout: 10s, descriptors: [[{ path: true }]] } } }
  watched: { rateLimit: { global: { service: limiter, domain: watched, timeout: 10s, descriptors: [[{ path: true }]], shadow: true } } }
routes:
  any:
    ${isUsed ? "policies: [counted]" : ""}
    rules:
      - { matches: [{ path: /free }], filters: [{ rateLimit: none }], backends: [{ service: one }] }
      - { matches: [{ path: /open }], policies: [open], backends: [{ service: one }] }
      - { matches: [{ path: /watched }], policies: [watched], backends: [{ service: one }] }
      - { backends: [{ service: one }] }
`;

test("global limits: the service is asked what is written, and without its answer requests go through or not", async () => {
  await using service = await RateLimitService.start({
    "tenant=gold,method=GET": 1,
    "path=/open": 1,
    "path=/watched": 0,
  });
  await using scene = await startScene({ backends: 1, config: global(service.address, false) });
  const url = (path: string) => `http://127.0.0.1:${scene.port}${path}`;
  const status = async (path: string, headers = {}) => (await ask(url(path), headers)).status;

  // The listener that asks comes to a running Envoy: no request meets it before the service's cluster is there.
  expect(await status("/")).toBe(200);
  await using load = Load.start({ url: url("/free"), concurrency: 2 });
  const before = await scene.served();
  const parts = { port: scene.port, backends: scene.backends.map(({ address }) => address) };
  await scene.save(global(service.address, true)(parts));
  await scene.converged(before);

  const first = await ask(url("/a?b=1"), { "x-tenant": "gold" });
  expect(first.status).toBe(200);
  expect(first.headers).toMatchObject({
    "x-ratelimit-limit": expect.stringMatching(/^1\b/),
    "x-ratelimit-reset": "60",
  });
  expect(service.asked.at(-1)).toBe("shop: tenant=gold,method=GET | path=/a | remote_address=127.0.0.1,part=100 %");
  expect(await status("/a", { "x-tenant": "gold" })).toBe(429);
  const asked = service.asked.length;
  expect(await status("/free", { "x-tenant": "gold" })).toBe(200);
  expect(service.asked).toHaveLength(asked);
  expect(await status("/a"), "without the header its descriptor is not sent").toBe(200);
  expect(service.asked.at(-1)).toBe("shop: path=/a | remote_address=127.0.0.1,part=100 %");

  expect([await status("/open"), await status("/open")]).toEqual([200, 429]);
  expect(await status("/watched")).toBe(200);
  expect(service.asked.at(-1)).toBe("watched: path=/watched");

  service.close();
  expect(await status("/open"), "open when the service is down").toBe(200);
  expect(await status("/a"), "closed when the service is down").toBe(500);
  expect((await load.stop()).failures).toEqual([]);
});
