/** Services that register in a real etcd, as a real Envoy sees them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { ask } from "../../demo/kit/get.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { Write } from "../../src/etcd/etcd-port.ts";
import { systemClock } from "../../src/support/clock.ts";
import type { Scene } from "../envoy/scene.ts";
import { startScene } from "../envoy/scene.ts";
import { eventually } from "../support/eventually.ts";

/** The part of `/v1/events` that is looked at. */
interface EventsView {
  readonly events: readonly { readonly kind: string; readonly text: string }[];
}

let etcd: EtcdCluster;
let client: EtcdClient;
let scene: Scene;

beforeAll(async () => {
  etcd = await EtcdCluster.start();
  client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  scene = await startScene({
    backends: 3,
    config: ({ port }) => `
gateways:
  edge: { listeners: [{ name: http, port: ${port} }] }
services:
  shop:
    discovery: { etcd: {} }
    subsets: { v2: { labels: { version: v2 } } }
  elsewhere: { discovery: { etcd: { prefix: /teams/a/shop/ } } }
routes:
  all:
    rules:
      - { matches: [{ path: { prefix: /v2 } }], backends: [{ service: shop, subset: v2 }] }
      - { matches: [{ path: { prefix: /elsewhere } }], backends: [{ service: elsewhere }] }
      - { backends: [{ service: shop }] }
`,
    args: ["--etcd", etcd.endpoints.map((endpoint) => `http://${endpoint}`).join(",")],
  });
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  client.close();
  await etcd[Symbol.asyncDispose]();
});

async function write(...writes: readonly Write[]): Promise<void> {
  await client.transact([], writes);
}

function put(key: string, value: string, leaseId?: string): Write {
  return { kind: "put", key, value: Buffer.from(value), ...(leaseId === undefined ? {} : { leaseId }) };
}

async function status(path: string): Promise<number> {
  return (await fetch(`${scene.url}${path}`)).status;
}

function address(index: number): string {
  return scene.backends[index]?.address ?? "";
}

/** The status of a path once it is the wanted one, or what it is after all. */
async function statusAtLast(path: string, wanted: number): Promise<number> {
  await eventually(`status ${wanted} at ${path}`, async () => (await status(path)) === wanted);
  return wanted;
}

describe("an instance", () => {
  test("that registers gets requests, and its service's cluster is not sent again", async () => {
    expect(await status("/"), "nobody has registered").toBe(503);
    const clustersBefore = await scene.envoy.counter("cluster_manager.cds.update_success");
    await write(put("/services/shop/one", address(0)));
    expect(await statusAtLast("/", 200)).toBe(200);
    expect(await scene.envoy.counter("cluster_manager.cds.update_success")).toBe(clustersBefore);
  });

  test("that says labels in JSON is in the subset of these labels", async () => {
    expect(await status("/v2")).toBe(503);
    await write(put("/services/shop/two", JSON.stringify({ address: address(1), labels: { version: "v2" } })));
    expect(await statusAtLast("/v2", 200)).toBe(200);
  });

  test("that registers under a prefix of its service's own is found there", async () => {
    await write(put("/teams/a/shop/1", address(2)));
    expect(await statusAtLast("/elsewhere", 200)).toBe(200);
  });

  test("that goes gets no more requests", async () => {
    await write({ kind: "delete", key: "/services/shop/two" });
    expect(await statusAtLast("/v2", 503)).toBe(503);
  });

  test("of which the lease ends is gone for Envoy", async () => {
    const leaseId = await client.grantLease(2);
    await write(
      put("/services/shop/leased", JSON.stringify({ address: address(1), labels: { version: "v2" } }), leaseId),
    );
    await eventually("requests to come through, while the lease is kept", async () => {
      await client.keepAlive(leaseId);
      return (await status("/v2")) === 200;
    });
    expect(await statusAtLast("/v2", 503)).toBe(503);
  });
});

test.each([
  ["no-utf8", Buffer.from([0xff, 0xfe]), "is not valid UTF-8"],
  ["large", Buffer.alloc(64 * 1024, 0x20), "bytes; an instance has at most"],
  ["json", Buffer.from("{address"), "is not valid JSON"],
  ["unknown", Buffer.from('{"address":"10.0.0.1:80","adress":"x"}'), "unknown key `adress` (did you mean `address`?)"],
  ["port", Buffer.from("10.0.0.1:70000"), "70000"],
  ["name", Buffer.from("shop.internal:80"), "shop.internal"],
  ["below/another", Buffer.from("10.0.0.1:80"), 'the instance id "below/another" has a slash in it'],
])(
  "the value of %s is refused alone and told, and the rest of its service keeps working",
  async (id, value, message) => {
    await write({ kind: "put", key: `/services/shop/${id}`, value });
    await write(put("/services/shop/good", JSON.stringify({ address: address(1), labels: { version: "v2" } })));
    expect(await statusAtLast("/v2", 200)).toBe(200);
    await eventually(`an event about ${id}`, async () => {
      const { events } = await scene.fairway.get<EventsView>("/v1/events");
      return events.some(({ text }) => text.includes(`etcd:/services/shop/${id}@`) && text.includes(message));
    });
    expect(await scene.fairway.get("/v1/refused-instances")).toMatchObject({
      count: 1,
      instances: [{ key: `/services/shop/${id}`, message: expect.stringContaining(message) }],
    });
    expect(await gauge("fairway_instances_refused")).toBe(1);
    await write({ kind: "delete", key: `/services/shop/${id}` }, { kind: "delete", key: "/services/shop/good" });
    expect(await statusAtLast("/v2", 503)).toBe(503);
    expect(await gauge("fairway_instances_refused")).toBe(0);
  },
);

test("what registers below a name that no service of the config has is told, and listed while it is there", async () => {
  await write(put("/services/shp/one", address(0)), put("/services/shp/two", address(1)));
  await eventually("an event", async () => {
    const { events } = await scene.fairway.get<EventsView>("/v1/events");
    return events.some(({ text }) =>
      text.includes("registers below /services/shp/, which no service of the config names"),
    );
  });
  const listed = async () => await scene.fairway.get("/v1/refused-instances");
  expect(await listed()).toMatchObject({ count: 0, unnamed: { count: 2, prefixes: ["/services/shp/"] } });
  expect(await gauge("fairway_instances_unnamed")).toBe(2);
  await write({ kind: "delete", key: "/services/shp/one" }, { kind: "delete", key: "/services/shp/two" });
  await eventually("none to be listed", async () => (await gauge("fairway_instances_unnamed")) === 0);
  expect(await listed()).toMatchObject({ unnamed: { count: 0, prefixes: [] } });
});

async function gauge(name: string): Promise<number> {
  const { text } = await ask(scene.fairway.adminPort, "/metrics");
  return Number(new RegExp(String.raw`^${name} (\d+)$`, "m").exec(text)?.[1]);
}

test("an etcd that goes away takes no instance along, and what came meanwhile is there when it is back", async () => {
  await write(put("/services/shop/one", address(0)));
  expect(await statusAtLast("/", 200)).toBe(200);
  await etcd.first.killed();
  expect(await status("/")).toBe(200);
  await etcd.first.restart();
  expect(await status("/")).toBe(200);
  await eventually("a write", async () => {
    await write(put("/services/shop/two", JSON.stringify({ address: address(1), labels: { version: "v2" } })));
    return true;
  });
  await eventually("the new one", async () => (await status("/v2")) === 200, { timeoutMs: 30_000 });
});
