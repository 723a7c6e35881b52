/** What a running Fairway says of itself in a real etcd, with a real Envoy that keeps up or does not. */
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { ReplicaRecord } from "../../src/fleet/replica-record.ts";
import { REPLICAS_PREFIX, readReplicaRecord } from "../../src/fleet/replica-record.ts";
import { systemClock } from "../../src/support/clock.ts";
import type { Scene } from "../envoy/scene.ts";
import { startScene } from "../envoy/scene.ts";
import { eventually, throughout } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { ran } from "./fairway-command.ts";

let etcd: EtcdCluster;
let client: EtcdClient;
let scene: Scene;

beforeAll(async () => {
  etcd = await EtcdCluster.start();
  client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  scene = await startScene({
    backends: 2,
    config: ({ port }) => `
gateways:
  edge: { listeners: [{ name: http, port: ${port} }] }
services:
  shop: { discovery: { etcd: {} } }
  elsewhere: { discovery: { etcd: { prefix: /teams/a/shop/ } } }
routes:
  all:
    rules:
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

async function records(): Promise<readonly (ReplicaRecord | undefined)[]> {
  return (await client.list(REPLICAS_PREFIX)).entries.map(({ value }) => readReplicaRecord(value));
}

async function put(key: string, value: string): Promise<number> {
  return (await client.transact([], [{ kind: "put", key, value: Buffer.from(value) }])).revision;
}

async function acknowledged(prefix: string): Promise<number> {
  return (await records())[0]?.prefixes[prefix]?.acknowledgedRevision ?? 0;
}

test("a replica says where its admin API is and up to where its Envoys have what registered", async () => {
  const revision = await put("/services/shop/one", scene.backends[0]?.address ?? "");
  await eventually("the acknowledgement", async () => (await acknowledged("/services/")) >= revision);
  const [record] = await records();
  expect(record?.admin).toBe(`127.0.0.1:${scene.fairway.adminPort}`);
  expect(record?.startedAtMs).toBeGreaterThan(Date.now() - 600_000);
  expect(Object.keys(record?.prefixes ?? {}).toSorted()).toEqual(["/fairway/config/", "/services/", "/teams/a/shop/"]);
});

test("what is below a prefix of its own is acknowledged for that prefix", async () => {
  const revision = await put("/teams/a/shop/one", scene.backends[1]?.address ?? "");
  await eventually("the acknowledgement", async () => (await acknowledged("/teams/a/shop/")) >= revision);
});

test("a key of a service that the config does not name needs no build to be acknowledged", async () => {
  const revision = await put("/services/unknown/one", "10.0.0.1:80");
  await eventually("the acknowledgement", async () => (await acknowledged("/services/")) >= revision);
});

test("what is wrong for the moment is not acknowledged before the config is mended", async () => {
  const good = `
gateways:
  edge: { listeners: [{ name: http, port: ${scene.port} }] }
services:
  shop: { discovery: { etcd: {} } }
routes:
  all: { rules: [{ backends: [{ service: shop }] }] }
`;
  await scene.save("services: [");
  await eventually("the refusal", async () => (await scene.snapshots()).refused !== undefined);
  const revision = await put("/services/shop/two", scene.backends[1]?.address ?? "");
  await throughout("nothing is acknowledged", async () => (await acknowledged("/services/")) < revision, 1_000);
  await scene.save(good);
  await eventually("the acknowledgement", async () => (await acknowledged("/services/")) >= revision);
});

test("a push waits until all Envoys have it, and says who has not and where to look when the time is over", async () => {
  await using pushed = await tempDir();
  const save = (port: number) =>
    writeFile(
      pushed.join("pushed.yaml"),
      `services: { pushed: { endpoints: ["10.0.0.1:${port}"] } }
routes: { pushed: { hostnames: [pushed.example], rules: [{ backends: [{ service: pushed }] }] } }
`,
    );
  const push = (timeout: string) => {
    const flags = ["--no-check", "--wait", "--timeout", timeout, "--etcd", `http://${etcd.first.endpoint}`];
    return ran("push", pushed.path, ...flags);
  };
  await save(80);
  expect(await push("20s")).toMatchObject({
    code: 0,
    text: expect.stringContaining("all Envoys of one replica have it"),
  });
  expect(await scene.envoy.counter("cluster.pushed.membership_change")).toBe(1);
  scene.envoy.kill("SIGSTOP");
  await save(81);
  const late = await push("1s");
  scene.envoy.kill("SIGCONT");
  expect(late.code).toBe(5);
  expect(late.text).toMatch(/not all Envoys of \S+ have it[^]*\/v1\/snapshots/);
  expect((await push("20s")).text).toMatch(/exactly this already[^]*all Envoys of one replica have it/);
  await save(99_999);
  expect(await push("1s"), "what is refused").toMatchObject({ code: 5 });
  await save(82);
  expect(await push("20s")).toMatchObject({ code: 0 });
});

test("an Envoy that hangs holds it, and one that is gone does not", async () => {
  scene.envoy.kill("SIGSTOP");
  const revision = await put("/services/shop/three", "127.0.0.1:9");
  await eventually("the replica to know", async () => ((await records())[0]?.registryRevision ?? 0) >= revision);
  expect(await acknowledged("/services/")).toBeLessThan(revision);
  scene.envoy.kill("SIGCONT");
  await eventually("the acknowledgement", async () => (await acknowledged("/services/")) >= revision);
  scene.envoy.kill("SIGSTOP");
  const next = await put("/services/shop/three", "127.0.0.1:10");
  scene.envoy.kill("SIGKILL");
  await eventually("the acknowledgement of the rest", async () => (await acknowledged("/services/")) >= next);
});

test("the record is gone when the replica has ended, and another start has another", async () => {
  const before = (await client.list(REPLICAS_PREFIX)).entries[0]?.key;
  await scene.fairway.kill("SIGTERM");
  expect((await client.list(REPLICAS_PREFIX)).entries).toEqual([]);
  await scene.fairway.restart();
  await eventually("the record", async () => (await records()).length === 1);
  expect((await client.list(REPLICAS_PREFIX)).entries[0]?.key).not.toBe(before);
});
