/** What a control plane does when etcd is away from the start, slow, full, or will not have it any more. */
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { ask } from "../../demo/kit/get.ts";
import { Load } from "../../demo/kit/load.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import { EtcdStateStore } from "../../src/store/etcd-state-store.ts";
import { systemClock } from "../../src/support/clock.ts";
import type { SnapshotsView } from "../envoy/scene.ts";
import { eventually, throughout } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { makeCertificates } from "./certificates.ts";
import { ran } from "./fairway-command.ts";
import { FollowedPrefix } from "./followed-prefix.ts";
import { postToEtcd } from "./gateway.ts";
import { Replicas } from "./replicas.ts";

interface ReadinessView {
  readonly status: string;
  readonly reasons: readonly string[];
}

async function readiness(fairway: Fairway): Promise<ReadinessView> {
  return JSON.parse((await ask(fairway.adminPort, "/readyz")).text) as ReadinessView;
}

async function put(etcd: EtcdCluster, key: string, value: Buffer): Promise<void> {
  const client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  await client.transact([], [{ kind: "put", key, value }]);
  client.close();
}

test("etcd is away at the start: the last known good is served and told as such, and without one Envoys are told to come again", async () => {
  await using replicas = await Replicas.start({ count: 1, argsOf: () => ["--soak", "100ms"] });
  const { fairway } = replicas.at(0);
  const before = await replicas.versions(0);
  await fairway.waitForLog(/"kind":"lkg-promoted"/);
  await replicas.etcd.first.killed();
  await fairway.kill("SIGKILL");
  await fairway.restart();
  expect(await replicas.versions(0)).toBe(before);
  expect(await readiness(fairway)).toMatchObject({
    status: "degraded",
    reasons: expect.arrayContaining([expect.stringContaining("last known good")]),
  });
  expect((await fetch(replicas.url)).status, "an Envoy that it knows").toBe(200);

  await using state = await tempDir();
  const args = ["--etcd", `http://${replicas.etcd.first.endpoint}`];
  await using without = await Fairway.start({ configDir: [], stateDir: state.path, args, waitForReady: false });
  await without.waitForLog(/"kind":"config-waiting"/);
  expect(await readiness(without)).toMatchObject({
    status: "not_ready",
    reasons: expect.arrayContaining([expect.stringMatching(/^config waits for etcd since .* goes on by itself/)]),
  });
  const { text } = await ask(without.adminPort, "/metrics");
  expect(text, "nobody has written anything wrong").toContain("fairway_config_refused_total 0");
  await using stranger = await Envoy.start({ xdsPort: without.xdsPort, nodeId: "edge-2" });
  await without.waitForLog(/"kind":"stream-refused".*edge-2.*no valid snapshot/);
  const { text: early } = await ask(without.adminPort, "/metrics");
  expect(early, "nothing is wrong with the Envoy").not.toContain('status="refused"');
  expect(early).toMatch(/^fairway_streams_refused_total [1-9]/m);
  expect(await stranger.counter("cluster_manager.cds.update_success"), "nothing, not even nothing at all").toBe(0);
  await replicas.etcd.first.restart();
  await without.ready(30_000);
  await stranger.ready(40_000);
  await eventually("the config again", async () => (await readiness(fairway)).status === "ready", {
    timeoutMs: 30_000,
  });
  expect(await replicas.versions(0)).toBe(before);
});

test("etcd is away at the start: what was served last is served, though something older has proven itself", async () => {
  await using replicas = await Replicas.start({ backends: 2, count: 1, argsOf: () => ["--soak", "4s"] });
  const { fairway } = replicas.at(0);
  await fairway.waitForLog(/"kind":"lkg-promoted"/);
  const proven = await replicas.versions(0);
  await replicas.put("/services/shop/two", replicas.backends[1]?.address ?? "");
  await eventually("both endpoints", async () => (await replicas.membersCount()) === 2);
  const newest = await replicas.versions(0);
  await replicas.etcd.first.killed();
  await fairway.kill("SIGKILL");
  await fairway.restart();
  expect(newest).not.toBe(proven);
  expect(await replicas.versions(0)).toBe(newest);
  expect(await replicas.membersCount()).toBe(2);
});

test("an outage of etcd is told in two lines, whatever it affects, and nothing else is", async () => {
  await using replicas = await Replicas.start({ count: 1, hasEnvoy: false });
  const { fairway } = replicas.at(0);
  await fairway.waitForLog(/"contact":"followed"/);
  await eventually("what a start writes", async () => {
    const keys = await Promise.all(
      ["/fairway/served/", "/fairway/state/"].map((prefix) => replicas.client.list(prefix)),
    );
    const written = keys.flatMap(({ entries }) => entries.map(({ key }) => key)).join(" ");
    return ["/served/", "history/", "baseline/"].every((part) => written.includes(part));
  });
  const before = fairway.logs().length;
  await replicas.etcd.first.killed();
  await fairway.waitForLog(/"contact":"lost"/);
  await eventually("the replica's own keys among it", async () => {
    const { reasons } = await readiness(fairway);
    return reasons.some((reason) => reason.includes("/fairway/replicas/"));
  });
  await replicas.etcd.first.restart();
  await fairway.waitForLog(/"contact":"back"/);
  const lines = fairway.logs().slice(before);
  expect(lines.map((line) => /"contact":"(.*?)"/.exec(line)?.[1])).toEqual(["lost", "back"]);
  const affected = ["config", "fleet", "replicas", "served"].map((name) => `"/fairway/${name}/"`).join(",");
  expect(lines[1]).toContain(`"prefixes":[${affected},"/services/"]`);
});

test("another cluster behind the same flag is told as that, and nothing is taken from it", async () => {
  await using mine = await EtcdCluster.start();
  await using other = await EtcdCluster.start();
  const service = (port: number) => Buffer.from(`services: { a: { endpoints: ["10.0.0.1:${port}"] } }`);
  await put(mine, "/fairway/config/a.yaml", service(80));
  await put(other, "/fairway/config/a.yaml", service(81));
  await using state = await tempDir();
  const args = ["--etcd", `http://${mine.first.endpoint},http://${other.first.endpoint}`];
  await using fairway = await Fairway.start({ configDir: [], stateDir: state.path, args });
  await fairway.waitForLog(/"contact":"followed"/);
  const served = async () => (await fairway.get<SnapshotsView>("/v1/snapshots")).groups[0]?.current?.version;
  const version = await served();
  await mine.first.killed();
  await fairway.waitForLog(/"contact":"other".*etcd is another cluster than before/, 20_000);
  expect(await served()).toBe(version);
});

test("etcd goes while everything runs: Envoys stay as they are, new ones get the same, and writes are refused and say why", async () => {
  await using replicas = await Replicas.start({ count: 1 });
  const { fairway } = replicas.at(0);
  const version = await replicas.versions(0);
  await using config = await tempDir();
  await writeFile(config.join("main.yaml"), "services: { other: { endpoints: [10.0.0.9:80] } }");
  const load = Load.start({ url: replicas.url, concurrency: 2, requestsPerSecond: 100 });
  await eventually("traffic", () => load.report().sent > 20);
  await replicas.etcd.first.killed();
  await fairway.waitForLog(/"contact":"lost"/);
  await using late = await Envoy.start({ xdsPort: fairway.xdsPort, nodeId: "edge-2" });
  await late.ready();
  expect(await late.counter("cluster.shop.membership_total")).toBe(1);
  expect(await replicas.versions(0)).toBe(version);
  expect(await readiness(fairway)).toMatchObject({
    status: "degraded",
    reasons: [expect.stringMatching(/what is in etcd may be behind since .*etcd at 127/)],
  });
  const etcd = ["--etcd", `http://${replicas.etcd.first.endpoint}`];
  for (const command of [
    ["push", config.path],
    ["drain", "--service", "shop", "--id", "one"],
  ]) {
    const refused = await ran(...command, ...etcd);
    expect(refused.code).toBe(1);
    expect(refused.text).toMatch(/\[ETCD_FAILED\] etcd at 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
  }
  await replicas.etcd.first.restart();
  await eventually("all of it again", async () => (await readiness(fairway)).status === "ready", { timeoutMs: 30_000 });
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  expect(await replicas.envoy.counter("cluster.shop.membership_change")).toBe(1);
});

test("etcd that answers seconds late is followed all the same, and what cannot be written for it does not pile up", async () => {
  await using replicas = await Replicas.start({ backends: 2, count: 1 });
  replicas.at(0).wire.delay(1_000);
  await replicas.put("/services/shop/two", replicas.backends[1]?.address ?? "");
  await eventually("both endpoints", async () => (await replicas.membersCount()) === 2, { timeoutMs: 20_000 });
  await replicas.remove("/services/shop/two");
  await eventually("one endpoint", async () => (await replicas.membersCount()) === 1, { timeoutMs: 20_000 });
  // Every answer comes after more than five seconds and every call has been given up by then; the watches go on.
  const { fairway, wire } = replicas.at(0);
  wire.delay(2_600);
  const address = replicas.backends[1]?.address;
  for (let weight = 1; weight <= 30; weight += 1) {
    await replicas.put("/services/shop/two", JSON.stringify({ address, weight }));
  }
  await eventually("both endpoints", async () => (await replicas.membersCount()) === 2, { timeoutMs: 20_000 });
  await fairway.waitForLog(/what is served cannot be marked for other replicas: .*it did not answer in time/, 20_000);
  expect(wire.waitingBytes).toBeLessThan(64 * 1024);
  expect((await fetch(replicas.url)).status, "by the instance that there is").toBe(200);
});

test("etcd that is full is read on, and a write says why there is none", async () => {
  await using etcd = await EtcdCluster.start({ args: ["--quota-backend-bytes", String(8 * 1024 * 1024)] });
  const client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  const store = new EtcdStateStore({ etcd: client, clock: systemClock, random: Math.random });
  await store.put("before", Buffer.from("x"), { revision: 0 });
  using followed = new FollowedPrefix({ endpoints: etcd.endpoints, prefix: "/p/" });
  await followed.reaches("current");
  const fill = async () => {
    for (let index = 0; index < 100; index += 1)
      await store.put(`fill-${index}`, Buffer.alloc(400_000, index), { revision: 0 });
  };
  await expect(fill()).rejects.toThrow(/\[STATE_UNWRITABLE\] fill-\d+ cannot be written: .*database space exceeded/);
  expect(Buffer.from((await store.get("before"))?.bytes ?? []).toString()).toBe("x");
  await throughout("still followed", () => followed.contact === "current", 500);
  client.close();
});

test("a user that etcd does not let in any more keeps what it has read, and goes on when it is let in again", async () => {
  await using etcd = await EtcdCluster.start();
  const { endpoint } = etcd.first;
  const root = { name: "root", password: "secret" };
  const client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock, user: root });
  const guest = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  await guest.transact([], [{ kind: "put", key: "/p/a", value: Buffer.from("1") }]);
  using followed = new FollowedPrefix({ endpoints: etcd.endpoints, prefix: "/p/", times: { relistMs: 200 } });
  await followed.has({ "/p/a": "1" });
  await postToEtcd(endpoint, "auth/user/add", root);
  await postToEtcd(endpoint, "auth/role/add", { name: "root" });
  await postToEtcd(endpoint, "auth/user/grant", { user: "root", role: "root" });
  await postToEtcd(endpoint, "auth/enable", {});
  await followed.reaches("behind");
  await expect(guest.list("/p/")).rejects.toMatchObject({ kind: "denied" });
  await client.transact([], [{ kind: "put", key: "/p/a", value: Buffer.from("2") }]);
  // etcd does not look again at who has an open watch.
  await followed.has({ "/p/a": "2" });
  await etcd.first.killed();
  await etcd.first.restart();
  await client.transact([], [{ kind: "put", key: "/p/a", value: Buffer.from("3") }]);
  await throughout("what was read stays", () => followed.state["/p/a"] === "2", 500);
  expect(followed.contact).toBe("behind");
  const { token } = await postToEtcd(endpoint, "auth/authenticate", root);
  await postToEtcd(endpoint, "auth/disable", {}, token);
  await followed.has({ "/p/a": "3" });
  await followed.reaches("current");
  guest.close();
  client.close();
});

test("etcd that asks for certificates is spoken to with one, and says no without", async () => {
  await using directory = await tempDir();
  const tls = await makeCertificates(directory.path);
  await using etcd = await EtcdCluster.start({ tls });
  const [ca, certificate, key] = [tls.caFile, tls.certFile, tls.keyFile].map((path) => readFileSync(path));
  if (ca === undefined || certificate === undefined || key === undefined) throw new Error("three files were read");
  const options = { endpoints: etcd.endpoints, clock: systemClock, timeoutMs: 2_000 };
  const client = new EtcdClient({ ...options, tls: { ca, certificate, key } });
  await client.transact([], [{ kind: "put", key: "/services/shop/one", value: Buffer.from("10.0.0.1:80") }]);
  for (const others of [{ ca }, {}]) {
    const stranger = new EtcdClient({ ...options, tls: others });
    await expect(stranger.list("/services/")).rejects.toMatchObject({ kind: "unavailable" });
    stranger.close();
  }
  const config = "services: { shop: { discovery: { etcd: {} } } }";
  await writeFile(directory.join("main.yaml"), config);
  await using fairway = await Fairway.start({
    configDir: directory.join("main.yaml"),
    stateDir: directory.join("state"),
    args: [
      ["--etcd", `https://${etcd.first.endpoint}`, "--etcd-ca", tls.caFile],
      ["--etcd-cert", tls.certFile, "--etcd-key", tls.keyFile],
    ].flat(),
  });
  expect((await readiness(fairway)).status).toBe("ready");
  await eventually("its mark", async () => (await client.list("/fairway/served/")).entries.length === 1);
  client.close();
});
