/** `fairway register`, `drain` and `undrain` on a real etcd, with a real Envoy under load. */
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Child } from "../../demo/kit/child.ts";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { Load } from "../../demo/kit/load.ts";
import { freePort } from "../../demo/kit/ports.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { Entry } from "../../src/etcd/etcd-port.ts";
import { REPLICAS_PREFIX } from "../../src/fleet/replica-record.ts";
import { systemClock } from "../../src/support/clock.ts";
import type { Scene } from "../envoy/scene.ts";
import { startScene } from "../envoy/scene.ts";
import { eventually, eventuallyValue } from "../support/eventually.ts";
import { fairway, ran } from "./fairway-command.ts";

const BACKEND = fileURLToPath(new URL("../../docker/backend.mjs", import.meta.url));
/** Answers nothing, and ends when it is asked to, with a code of its own. */
const IDLE = ["-e", "process.on('SIGTERM', () => process.exit(7)); setInterval(() => undefined, 1000)"] as const;

/** A drain waits for every Envoy, and behind an outage also for the replica to be back. */
const CLOSE_MS = 60_000;

let etcd: EtcdCluster;
let client: EtcdClient;
let scene: Scene;
let url: string;

beforeAll(async () => {
  etcd = await EtcdCluster.start();
  client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  url = etcd.endpoints.map((endpoint) => `http://${endpoint}`).join(",");
  scene = await startScene({
    backends: 2,
    config: ({ port }) => `
gateways:
  edge: { listeners: [{ name: http, port: ${port} }] }
services:
  shop: { discovery: { etcd: {} } }
routes:
  all: { rules: [{ backends: [{ service: shop }] }] }
`,
    args: ["--etcd", url],
  });
});

afterAll(async () => {
  await scene[Symbol.asyncDispose]();
  client.close();
  await etcd[Symbol.asyncDispose]();
});

beforeEach(async () => {
  const { entries } = await client.list("/services/");
  if (entries.length > 0) {
    await client.transact(
      [],
      entries.map(({ key }) => ({ kind: "delete", key })),
    );
  }
});

function register(address: string, ...rest: readonly string[]): Promise<Child> {
  return fairway("register", "--etcd", url, "--service", "shop", "--address", address, "--ttl", "5s", ...rest);
}

/** A wrapped backend, once it is registered. */
async function backend(label: string, port: number, ...options: readonly string[]): Promise<Child> {
  const child = await register(`127.0.0.1:${port}`, ...options, "--", process.execPath, BACKEND, label, String(port));
  await child.waitForLog(/is registered/, 30_000);
  return child;
}

async function entryOf(id: string): Promise<Entry | undefined> {
  const key = `/services/shop/${id}`;
  return (await client.list(key)).entries.find((entry) => entry.key === key);
}

function textOf(entry: Entry | undefined): string {
  return Buffer.from(entry?.value ?? []).toString();
}

async function status(): Promise<number> {
  return (await fetch(scene.url)).status;
}

describe("fairway register", () => {
  test("has the service in etcd when it answers, with what was said of it, and takes it away at its end", async () => {
    const port = await freePort();
    const options = [
      "--id",
      "one",
      "--label",
      "version=v2",
      "--label",
      "rack=7",
      "--locality",
      "eu/a",
      "--weight",
      "3",
    ];
    const child = await backend("one", port, ...options);
    const entry = await entryOf("one");
    expect(JSON.parse(textOf(entry))).toEqual({
      address: `127.0.0.1:${port}`,
      labels: { version: "v2", rack: "7" },
      locality: "eu/a",
      weight: 3,
    });
    expect(entry?.leaseId).toBeDefined();
    await eventually("requests to come through", async () => (await status()) === 200);
    expect((await child.close(CLOSE_MS)).code).toBe(0);
    expect(await entryOf("one")).toBeUndefined();
  });

  test("drains before the command is told to end, and ends with its exit code", async () => {
    const address = scene.backends[0]?.address ?? "";
    const child = await register(address, "--id", "idle", "--", process.execPath, ...IDLE);
    await child.waitForLog(/is registered/);
    const { code } = await child.close(CLOSE_MS);
    expect(code).toBe(7);
    expect(child.logs().join("\n")).toMatch(/drains since revision \d+: all Envoys of one replica have it/);
    expect(child.logs().join("\n"), "and is not kept from it").toMatch(/idle is the only instance of its service/);
  });

  test("takes the instance away at once when the command ends by itself, with its code", async () => {
    const address = scene.backends[0]?.address ?? "";
    const child = await register(address, "--id", "brief", "--", "sh", "-c", "sleep 2; exit 3");
    await child.waitForLog(/is registered/);
    expect((await child.exited).code).toBe(3);
    expect(await entryOf("brief")).toBeUndefined();
  });

  test("says that no Envoy is told when no config names the service", async () => {
    const address = scene.backends[0]?.address ?? "";
    const said = "no config names a service below /services/shpo/, so no Envoy is told";
    const flags = ["--etcd", url, "--service", "shpo"];
    const child = await fairway("register", ...flags, "--address", address, "--id", "typo");
    await child.waitForLog(new RegExp(`/services/shpo/typo: ${said}`));
    const drained = await ran("drain", ...flags, "--id", "typo", "--last", "--wait");
    expect([drained.code, drained.text]).toEqual([0, expect.stringMatching(`typo drains, revision .*: ${said}`)]);
    expect((await ran("undrain", ...flags, "--id", "typo")).text).toContain(`fairway: ${said}`);
    const elsewhere = ["drain", "--etcd", url, "--service", "shop", "--prefix", "/teams/a/", "--id", "one", "--last"];
    await client.transact([], [{ kind: "put", key: "/teams/a/one", value: Buffer.from(address) }]);
    expect((await ran(...elsewhere, "--wait")).text).toContain("no config names a service below /teams/a/");
    expect((await child.close(CLOSE_MS)).code).toBe(0);
    expect(child.logs().join("\n")).toMatch(new RegExp(`typo drains since revision \\d+: ${said}`));
    const named = await register(address, "--id", "right");
    await named.waitForLog(/is registered/);
    expect((await named.close(CLOSE_MS)).code).toBe(0);
    expect(named.logs().join("\n")).not.toContain("no config names");
  });

  test("ends like a shell when the command is not there, or is killed", async () => {
    const address = scene.backends[0]?.address ?? "";
    expect((await (await register(address, "--", "no-such-program")).exited).code).toBe(127);
    expect((await (await register(address, "--", "sh", "-c", "kill -9 $$")).exited).code).toBe(137);
  });

  test("waits until the health path answers, and takes it out while it does not", async () => {
    const [one] = scene.backends;
    one?.set({ failure: { answer: 503 } });
    const child = await register(
      one?.address ?? "",
      "--id",
      "ill",
      "--health-path",
      "/healthz",
      "--health-interval",
      "100ms",
    );
    await eventually("some questions", () => (one?.failures ?? 0) > 3);
    await child.waitForLog(/ill is not registered yet, because the service does not answer: \/healthz answers 503/);
    expect(await entryOf("ill")).toBeUndefined();
    one?.set({});
    await eventually("it to register", async () => (await entryOf("ill")) !== undefined);
    one?.set({ failure: { answer: 503 } });
    await eventually("it to be taken out", async () => (await entryOf("ill")) === undefined);
    one?.set({});
    await eventually("it to register again", async () => (await entryOf("ill")) !== undefined);
    expect((await child.close(CLOSE_MS)).code).toBe(0);
    expect(child.logs().filter((line) => line.includes("not registered yet"))).toHaveLength(1);
  });

  test("registers anew when its lease is lost, and stays drained when somebody drained it", async () => {
    const child = await register(scene.backends[0]?.address ?? "", "--id", "lost");
    const before = await eventuallyValue("the instance", () => entryOf("lost"));
    expect((await ran("drain", "--etcd", url, "--service", "shop", "--id", "lost", "--last")).code).toBe(0);
    await child.waitForLog(/was changed by somebody else/);
    await client.revokeLease(before.leaseId ?? "");
    const after = await eventuallyValue("a new lease", () => entryOf("lost"));
    expect(after.leaseId).not.toBe(before.leaseId);
    expect(JSON.parse(textOf(await entryOf("lost")))).toMatchObject({ draining: true });
    await child.close();
  });

  test("drains at its end also when somebody took a drain back a moment ago", async () => {
    const child = await register(scene.backends[0]?.address ?? "", "--id", "back");
    const { leaseId = "", value } = await eventuallyValue("the instance", () => entryOf("back"));
    const key = "/services/shop/back";
    const drained = Buffer.from(JSON.stringify({ address: scene.backends[0]?.address, draining: true }));
    await client.transact([], [{ kind: "put", key, value: drained, leaseId }]);
    await child.waitForLog(/was changed by somebody else/);
    const { revision } = await client.transact([], [{ kind: "put", key, value, leaseId }]);
    expect((await child.close(CLOSE_MS)).code).toBe(0);
    const drains = /drains since revision (\d+)/.exec(child.logs().join("\n"))?.[1];
    expect(Number(drains)).toBeGreaterThan(revision);
  });

  test("takes a key that somebody wrote without a lease into its own, drains it and takes it away", async () => {
    const address = scene.backends[0]?.address ?? "";
    const child = await register(address, "--id", "put");
    const { leaseId } = await eventuallyValue("the instance", () => entryOf("put"));
    const value = JSON.stringify({ address, labels: { version: "v2" } });
    await client.transact([], [{ kind: "put", key: "/services/shop/put", value: Buffer.from(value) }]);
    await child.waitForLog(/put was written without a lease by somebody else, .* under the lease of this process/);
    const entry = await entryOf("put");
    expect([textOf(entry), entry?.leaseId]).toEqual([value, leaseId]);
    expect((await child.close(CLOSE_MS)).code).toBe(0);
    expect(child.logs().join("\n")).toMatch(/put drains since revision \d+: all Envoys of one replica have it/);
    expect(await entryOf("put")).toBeUndefined();
  });

  test("says that it does not drain what is somebody else's by now", async () => {
    const child = await register(scene.backends[0]?.address ?? "", "--id", "theirs");
    await child.waitForLog(/is registered/);
    const put = { kind: "put", key: "/services/shop/theirs", value: Buffer.from("127.0.0.1:1") } as const;
    await client.transact([], [put]);
    expect((await child.close(CLOSE_MS)).code).toBe(0);
    expect(child.logs().join("\n")).toMatch(/theirs was written without a lease as another one/);
    expect(child.logs().join("\n")).toMatch(/theirs is somebody else's by now, and is not drained/);
    expect(textOf(await entryOf("theirs"))).toBe("127.0.0.1:1");
  });

  test("goes on with the command while etcd is away, and registers when it is there", async () => {
    await etcd.first.killed();
    const port = await freePort();
    const args = ["--id", "late", "--", process.execPath, BACKEND, "late", String(port)];
    const child = await register(`127.0.0.1:${port}`, ...args);
    await child.waitForLog(/is not registered yet: .*; it is tried again, and the service goes on/, 30_000);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
    await etcd.first.restart();
    await child.waitForLog(/is registered/, 30_000);
    await eventually("a request", async () => (await status()) === 200, { timeoutMs: 30_000 });
    expect((await child.close(CLOSE_MS)).code).toBe(0);
  });

  test("does not wait for ever for what is not acknowledged, nor after a second signal", async () => {
    const key = `${REPLICAS_PREFIX}stuck`;
    const prefixes = { "/services/": { registryRevision: 1, acknowledgedRevision: 1 } };
    const record = { startedAtMs: 1, admin: "x", registryRevision: 1, acknowledgedRevision: 1, prefixes };
    await client.transact([], [{ kind: "put", key, value: Buffer.from(JSON.stringify(record)) }]);
    const address = scene.backends[0]?.address ?? "";
    const hasty = await register(address, "--drain-timeout", "500ms");
    await hasty.waitForLog(/is registered/);
    expect((await hasty.close(CLOSE_MS)).code).toBe(0);
    expect(hasty.logs().join("\n")).toContain("not all Envoys of stuck have it");
    const patient = await register(address, "--drain-timeout", "10m");
    await patient.waitForLog(/is registered/);
    patient.kill("SIGINT");
    await patient.waitForLog(/drains$/);
    patient.kill("SIGINT");
    expect((await patient.exited).code).toBe(0);
    expect(patient.logs().join("\n")).toMatch(/the drain is cut short/);
    expect(patient.logs().at(-1)).toBe(`fairway: /services/shop/${address} is deleted`);
    await client.transact([], [{ kind: "delete", key }]);
  });

  test.each([
    [["--address", "shop.internal:80"], "endpoints are IP addresses; write the IP address that it has"],
    [["--address", "127.0.0.1:80", "--label", "v2"], "write key=value"],
    [["--address", "127.0.0.1:80", "--weight", "0"], "`weight` must be at least 1, but is 0"],
    [["--address", "127.0.0.1:80", "--ttl", "1s"], "at least 5s"],
    [["--address", "127.0.0.1:80", "--prefix", "/teams/a"], "slash at its end"],
    [["--address", "127.0.0.1:80", "--id", "a/b"], "not an id"],
    [["--address", "127.0.0.1:80", "--health-tcp", "--health-path", "/"], "either"],
  ])("refuses %j before anything is started", async (flags, message) => {
    const { code, text } = await ran(
      "register",
      "--etcd",
      url,
      "--service",
      "shop",
      ...flags,
      "--",
      "touch",
      "/nowhere/x",
    );
    expect(code).toBe(2);
    expect(text).toContain(message);
  });
});

test("an Envoy (sotw) gets, drains and loses an instance as one on delta does", async () => {
  await using sotw = await startScene({
    backends: 0,
    api: "sotw",
    config: ({ port }) => `
gateways:
  edge: { listeners: [{ name: http, port: ${port} }] }
services:
  shop: { discovery: { etcd: {} } }
routes:
  all: { rules: [{ backends: [{ service: shop }] }] }
`,
    args: ["--etcd", url],
  });
  const flags = ["--etcd", url, "--service", "shop", "--id", "one", "--wait"];
  const health = async () => {
    const { cluster_statuses: clusters = [] } = await sotw.envoy.clusters();
    const hosts = clusters.find(({ name }) => name === "shop")?.host_statuses ?? [];
    return hosts.map((host) => host.health_status?.["eds_health_status"]);
  };
  const [one, two] = [await backend("one", await freePort(), "--id", "one"), await backend("two", await freePort())];
  await eventually("both", async () => (await health()).join() === "HEALTHY,HEALTHY");
  const load = Load.start({ url: sotw.url, concurrency: 4, requestsPerSecond: 200 });
  expect((await ran("drain", ...flags)).text).toContain("all Envoys of 2 replicas have it");
  expect(new Set(await health())).toEqual(new Set(["DRAINING", "HEALTHY"]));
  expect((await ran("undrain", ...flags)).text).toContain("all Envoys of 2 replicas have it");
  expect(await health()).toEqual(["HEALTHY", "HEALTHY"]);
  const { code } = await one.close(60_000);
  expect(code).toBe(0);
  expect(one.logs().join("\n")).toMatch(/drains since revision \d+: all Envoys of 2 replicas have it/);
  await eventually("one", async () => (await health()).join() === "HEALTHY");
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
  await two.close();
});

describe("backends that are rolled one after the other", () => {
  test("under load lose no request", async () => {
    const ports = [await freePort(), await freePort(), await freePort()];
    const children = new Map<number, Child>();
    for (const port of ports) children.set(port, await backend(`b${port}`, port));
    await eventually("a request", async () => (await status()) === 200);
    const load = Load.start({ url: scene.url, concurrency: 8, requestsPerSecond: 400 });
    for (let round = 1; round <= 3; round += 1) {
      for (const port of ports) {
        const ended = await children.get(port)?.close(60_000);
        expect(ended?.code).toBe(0);
        children.set(port, await backend(`b${port}-${round}`, port));
      }
    }
    const report = await load.stop();
    for (const child of children.values()) await child.close();
    expect(report.failed).toBe(0);
    expect(report.sent).toBeGreaterThan(1_000);
  });
});

describe("fairway drain", () => {
  const flags = () => ["--etcd", url, "--service", "shop"];
  const last = () => [...flags(), "--last"];
  const put = (id: string, value: string, leaseId?: string) =>
    client.transact(
      [],
      [
        {
          kind: "put",
          key: `/services/shop/${id}`,
          value: Buffer.from(value),
          ...(leaseId === undefined ? {} : { leaseId }),
        },
      ],
    );

  test("keeps value and lease, waits for all Envoys, and is taken back by undrain", async () => {
    const leaseId = await client.grantLease(60);
    const value = JSON.stringify({
      address: scene.backends[0]?.address,
      labels: { version: "v1" },
      metadata: { a: [1] },
    });
    await put("one", value, leaseId);
    const drained = await ran("drain", ...last(), "--id", "one", "--wait");
    expect(drained.code).toBe(0);
    expect(drained.text).toMatch(/\/services\/shop\/one drains, revision \d+: all Envoys of one replica have it/);
    const entry = await entryOf("one");
    expect(JSON.parse(textOf(entry))).toEqual({ ...(JSON.parse(value) as object), draining: true });
    expect(entry?.leaseId).toBe(leaseId);
    const revision = entry?.modRevision;
    expect((await ran("drain", ...last(), "--id", "one")).code, "twice is once").toBe(0);
    expect((await entryOf("one"))?.modRevision).toBe(revision);
    expect((await ran("undrain", ...flags(), "--id", "one", "--wait")).code).toBe(0);
    expect(textOf(await entryOf("one"))).toBe(value);
    await client.revokeLease(leaseId);
  });

  test("finds an instance by its address, also one that is nothing else", async () => {
    await put("plain", "127.0.0.1:9");
    expect((await ran("drain", ...last(), "--address", "127.0.0.1:9")).code).toBe(0);
    expect(textOf(await entryOf("plain"))).toBe('{"address":"127.0.0.1:9","draining":true}');
  });

  test("of the last that takes requests is refused unless that is meant, also when two drain at the same time", async () => {
    const pair = ["--etcd", url, "--service", "pair"];
    for (const id of ["a", "b"]) {
      const value = Buffer.from(id === "a" ? "127.0.0.1:1" : "127.0.0.1:2");
      await client.transact([], [{ kind: "put", key: `/services/pair/${id}`, value }]);
    }
    const both = await Promise.all(["a", "b"].map((id) => ran("drain", ...pair, "--id", id)));
    expect(new Set(both.map(({ code }) => code))).toEqual(new Set([0, 3]));
    const refused = both.find(({ code }) => code === 3);
    expect(refused?.text).toMatch(/\/services\/pair\/[ab] is the last of 2 that takes requests: .* say --last/);
    const left = both[0]?.code === 3 ? "a" : "b";
    const meant = await ran("drain", ...pair, "--id", left, "--last");
    expect([meant.code, meant.text]).toEqual([0, expect.stringContaining("when it ends they fail")]);
  });

  test("drains the key that Envoys have when two have one address, and never says that of the other", async () => {
    const [address = ""] = scene.backends.map((each) => each.address);
    await put("z-old", address);
    await eventually("requests to come through", async () => (await status()) === 200);
    // By its name it would be the first.
    const newcomer = await register(address, "--id", "a-new");
    await newcomer.waitForLog(/a-new is not in force: \/services\/shop\/z-old has the same address and came first/);
    const refused = await ran("drain", ...last(), "--id", "a-new", "--wait");
    expect([refused.code, refused.text]).toEqual([2, expect.stringContaining("nothing was written, say --id z-old")]);
    const drained = await ran("drain", ...last(), "--address", address, "--wait");
    expect(drained.text).toMatch(/z-old drains, revision \d+: all Envoys of one replica have it/);
    expect(drained.text).toContain("a-new has the same address as /services/shop/z-old, and gets its requests");
    const { cluster_statuses: clusters = [] } = await scene.envoy.clusters();
    const hosts = clusters.find(({ name }) => name === "shop")?.host_statuses ?? [];
    expect(hosts.map((host) => host.health_status?.["eds_health_status"])).toEqual(["DRAINING"]);
    await put("wrong", JSON.stringify({ address, wieght: 1 }));
    expect((await ran("drain", ...last(), "--id", "wrong", "--wait")).text).toMatch(
      /not in force: unknown key `wieght`/,
    );
    await newcomer.close(CLOSE_MS);
    expect(newcomer.logs().join("\n")).toMatch(/a-new drains since revision \d+: Envoys have \/services\/shop\/z-old/);
  });

  test("says with an exit code what is not there and what does not come", async () => {
    const missing = await ran("drain", ...flags(), "--id", "nobody");
    expect(missing.code).toBe(2);
    expect(missing.text).toContain("there is no instance nobody below /services/shop/");
    expect((await ran("drain", ...flags())).code).toBe(2);
    const plain = await ran("drain", "--etcd", url.replaceAll("http:", "https:"), "--service", "shop", "--id", "one");
    expect(plain.code).toBe(1);
    expect(plain.text).toContain("it speaks without TLS: write http://");
    expect(plain.text).not.toMatch(/deprecat/i);
    await put("one", "127.0.0.1:11");
    scene.envoy.kill("SIGSTOP");
    const late = await ran("drain", ...last(), "--id", "one", "--wait", "--timeout", "1s");
    scene.envoy.kill("SIGCONT");
    expect(late.text).toContain("not all Envoys of");
    expect(late.code).toBe(5);
  });
});
