/** Config in a real etcd: pushed and pulled by the commands, served, merged with files, and never half in force. */
import { spawnSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { CONFIG_PREFIX, PUSH_MARK } from "../../src/config/etcd-documents.ts";
import { pushDocuments } from "../../src/config/push-documents.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import { REPLICAS_PREFIX, isBehind, readReplicaRecord } from "../../src/fleet/replica-record.ts";
import { systemClock } from "../../src/support/clock.ts";
import { ask } from "../../demo/kit/get.ts";
import type { SnapshotsView } from "../envoy/scene.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { fairwayMain } from "../../demo/kit/program.ts";

interface ReadinessView {
  readonly status: string;
  readonly reasons: readonly string[];
}

let etcd: EtcdCluster;
let client: EtcdClient;

beforeAll(async () => {
  etcd = await EtcdCluster.start();
  client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
});

afterAll(async () => {
  client.close();
  await etcd[Symbol.asyncDispose]();
});

function fairway(...args: readonly string[]) {
  const all = [fairwayMain, ...args, "--etcd", `http://${etcd.first.endpoint}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: "utf8" });
  return { status, stdout, stderr };
}

async function keys(): Promise<readonly string[]> {
  const { entries } = await client.list(CONFIG_PREFIX);
  return entries.map(({ key }) => key.slice(CONFIG_PREFIX.length));
}

function service(name: string, port: number): string {
  return `services: { ${name}: { endpoints: ["10.0.0.1:${port}"] } }\n`;
}

/** Leaves nothing behind of another test. */
async function empty(): Promise<void> {
  await pushDocuments(client, { documents: new Map(), by: "the test" });
}

describe("a pushed directory", () => {
  test("is in etcd as it is, without what was there before, and comes back the same by pulling", async () => {
    await empty();
    await using from = await tempDir();
    await using to = await tempDir();
    await mkdir(from.join("deep"));
    expect(fairway("push", from.path).stderr).toContain("to have no config in etcd on purpose, push a file");
    await writeFile(from.join("a.yaml"), service("a", 80));
    await writeFile(from.join("deep/b.yaml"), service("b", 80));
    expect(fairway("push", from.path)).toMatchObject({ status: 0, stdout: expect.stringContaining("pushed 2 of 2") });
    expect(await keys()).toEqual(["a.yaml", "deep/b.yaml"]);
    await writeFile(from.join("a.yaml"), service("a", 81));
    expect(fairway("push", from.path).stderr).toContain("no Fairway that shares this etcd is running");
    await writeFile(to.join("mine.yaml"), service("mine", 80));
    const pulled = fairway("pull", to.path);
    expect(pulled).toMatchObject({ status: 0, stdout: expect.stringContaining("2 of them written") });
    expect(pulled.stderr).toMatch(/not in etcd, and left as they are.*\n {2}mine\.yaml\n$/);
    await rm(to.join("mine.yaml"));
    expect(await readFile(to.join("deep/b.yaml"), "utf8")).toBe(service("b", 80));
    expect(fairway("push", to.path).stdout).toMatch(
      /exactly this already: \d+ documents?, last changed at revision \d+, and is at \d+ now/,
    );
  });

  test("that is wrong is told with its line and not pushed", async () => {
    await empty();
    await using from = await tempDir();
    await writeFile(from.join("a.yaml"), "services: { a: { endpoints: [nonsense] } }\n");
    const pushed = fairway("push", from.path);
    expect(pushed.status).toBe(2);
    expect(pushed.stderr).toMatch(/a\.yaml:1:\d+/);
    expect(await keys()).toEqual([]);
  });

  test("that is one file is refused, because it would be all that is left", async () => {
    await empty();
    await using from = await tempDir();
    await writeFile(from.join("a.yaml"), service("a", 80));
    await writeFile(from.join("b.yaml"), service("b", 80));
    expect(fairway("push", from.path).status).toBe(0);
    const pushed = fairway("push", from.join("a.yaml"));
    expect(pushed).toMatchObject({ status: 2, stderr: expect.stringContaining(`such as ${from.path}\n`) });
    expect(await keys()).toEqual(["a.yaml", "b.yaml"]);
  });

  test("with --dry-run tells what would be added, changed and removed, and writes nothing", async () => {
    await empty();
    await using from = await tempDir();
    const before = ["a.yaml", "b.yaml", "c.yaml"].map(
      (path) => [path, Buffer.from(service(path[0] ?? "", 80))] as const,
    );
    await pushDocuments(client, { documents: new Map(before), by: "the test" });
    const { revision } = await client.list(CONFIG_PREFIX);
    await writeFile(from.join("b.yaml"), service("b", 80));
    await writeFile(from.join("c.yaml"), service("c", 81));
    await writeFile(from.join("d.yaml"), service("d", 80));
    const tried = fairway("push", from.path, "--dry-run");
    expect(tried).toMatchObject({ status: 0, stdout: "  added d.yaml\n  changed c.yaml\n  removed a.yaml\n" });
    expect(tried.stderr).toContain(`--since ${revision}\n`);
    expect((await client.list(CONFIG_PREFIX)).revision).toBe(revision);
    expect(await keys()).toEqual(["a.yaml", "b.yaml", "c.yaml"]);
    expect(fairway("push", from.path, "--since", String(revision)).status).toBe(0);
    expect(fairway("push", from.path, "--dry-run").stdout).toContain("exactly this already");
  });

  test("of somebody who has not seen the newest state changes nothing, and is told whose key it was", async () => {
    await empty();
    await using from = await tempDir();
    await writeFile(from.join("a.yaml"), service("a", 80));
    const { revision } = await client.list(CONFIG_PREFIX);
    await client.transact([], [{ kind: "put", key: `${CONFIG_PREFIX}other.yaml`, value: Buffer.from("{}") }]);
    const pushed = fairway("push", from.path, "--since", String(revision));
    expect(pushed).toMatchObject({ status: 6, stderr: expect.stringContaining(`${CONFIG_PREFIX}other.yaml`) });
    expect(await keys()).toEqual(["other.yaml"]);
  });

  test("of more documents than fit into one transaction is whole", async () => {
    await empty();
    const documents = new Map(
      Array.from({ length: 350 }, (_, index) => [`s${index}.yaml`, Buffer.from("{}")] as const),
    );
    expect(await pushDocuments(client, { documents, by: "the test" })).toMatchObject({ kind: "pushed" });
    expect((await keys()).length).toBe(350);
    expect(await keys()).not.toContain(PUSH_MARK.slice(CONFIG_PREFIX.length));
  });
});

test("fifty that push at the same time: one is in force whole, and all others are told", async () => {
  await empty();
  const pushes = Array.from({ length: 50 }, (_, index) => {
    const documents = new Map(["x.yaml", "y.yaml"].map((path) => [path, Buffer.from(`# ${index}\n`)] as const));
    return pushDocuments(client, { documents, by: `writer ${index}` });
  });
  const outcomes = await Promise.all(pushes);
  const winners = outcomes.flatMap((outcome, index) => (outcome.kind === "pushed" ? [index] : []));
  expect(winners.length).toBeGreaterThan(0);
  const { entries } = await client.list(CONFIG_PREFIX);
  const texts = new Set(entries.map(({ value }) => Buffer.from(value).toString()));
  expect(texts.size, "one writer's documents").toBe(1);
  expect(outcomes.every(({ kind }) => kind === "pushed" || kind === "conflict")).toBe(true);
});

describe("a control plane", () => {
  test("serves what is in etcd, follows it, and takes a push that somebody has left half done with the next one", async () => {
    await empty();
    await using state = await tempDir();
    await pushDocuments(client, { documents: new Map([["a.yaml", Buffer.from(service("a", 80))]]), by: "the test" });
    await using plane = await serve({ stateDir: state.path });
    const first = await served(plane);
    await pushDocuments(client, { documents: new Map([["a.yaml", Buffer.from(service("a", 81))]]), by: "the test" });
    await eventually("another version", async () => (await served(plane)) !== first);
    await client.transact([], [{ kind: "put", key: PUSH_MARK, value: Buffer.from("somebody who died") }]);
    await client.transact([], [{ kind: "delete", key: `${CONFIG_PREFIX}a.yaml` }]);
    await client.transact([], [{ kind: "put", key: `${CONFIG_PREFIX}b.yaml`, value: Buffer.from(service("b", 80)) }]);
    await pushDocuments(client, { documents: new Map([["a.yaml", Buffer.from(service("a", 80))]]), by: "the next" });
    await eventually("the whole of the next push", async () => (await served(plane)) === first);
    await using pushed = await tempDir();
    await writeFile(pushed.join("a.yaml"), service("a", 79));
    const where = `each replica says: curl http://127.0.0.1:${plane.adminPort}/v1/snapshots`;
    expect(fairway("push", pushed.path).stderr).toContain(where);
  });

  test("serves nothing half of a push that has died and says what to do, and a new replica waits and is waited for", async () => {
    await empty();
    await using state = await tempDir();
    await using first = await tempDir();
    await using plane = await serve({ stateDir: state.path, waitForReady: false });
    await plane.waitForLog(/"kind":"config-waiting".*nothing has been pushed yet: run `fairway push/);
    await writeFile(first.join("a.yaml"), service("a", 80));
    const pushed = fairway("push", first.path, "--wait");
    expect(pushed).toMatchObject({ status: 0, stdout: expect.stringContaining("no Envoy that takes changes is") });
    await plane.ready();
    const whole = await served(plane);
    const value = Buffer.from("ann@host, process 7, since 2026-11-28T21:00:00.000Z");
    await client.transact([], [{ kind: "put", key: PUSH_MARK, value }]);
    await client.transact([], [{ kind: "put", key: `${CONFIG_PREFIX}b.yaml`, value: Buffer.from(service("b", 80)) }]);
    const text = /is not finished \(ann@host, process 7, begun 2026-11-28T21:00:00.000Z\).*run `fairway push` again/;
    await plane.waitForLog(new RegExp(`"level":"warn".*"kind":"etcd-push-unfinished".*${text.source}`), 20_000);
    // It is told seconds later.
    expect(await served(plane)).toBe(whole);
    const readiness = async () => await plane.get<ReadinessView>("/readyz");
    expect(await readiness()).toMatchObject({ status: "degraded", reasons: [expect.stringMatching(text)] });
    expect((await ask(plane.adminPort, "/metrics")).text).toContain("fairway_etcd_push_unfinished 1");

    await using none = await tempDir();
    await using fresh = await serve({ stateDir: none.path, waitForReady: false });
    await fresh.waitForLog(/"kind":"config-waiting".*is not finished/);
    const change = { key: CONFIG_PREFIX, revision: 1 };
    await eventually("the record of the one that has taken nothing", async () => {
      const { entries } = await client.list(REPLICAS_PREFIX);
      const behind = entries.filter(({ value: record }) => isBehind(readReplicaRecord(record) ?? never(), change));
      return entries.length === 2 && behind.length === 1;
    });
    expect(fairway("push", first.path, "--wait").stdout).toMatch(/^revision \d+: 2 replicas took it/m);
    await fresh.ready();
    expect(await readiness()).toEqual({ status: "ready", reasons: [] });
    await plane.waitForLog(/"kind":"etcd-push-ended"/);
    expect(plane.logs().filter((line) => line !== "" && !line.startsWith("{"))).toEqual([]);
  });

  test("merges files and etcd, and a name that both have is an error that names both", async () => {
    await empty();
    await using state = await tempDir();
    await using config = await tempDir();
    await writeFile(config.join("files.yaml"), service("a", 80));
    await pushDocuments(client, { documents: new Map([["etcd.yaml", Buffer.from(service("b", 80))]]), by: "the test" });
    await using plane = await serve({ stateDir: state.path, configDir: config.path });
    const good = await served(plane);
    await pushDocuments(client, { documents: new Map([["etcd.yaml", Buffer.from(service("a", 81))]]), by: "the test" });
    const message = await eventuallyRefused(plane);
    expect(message).toMatch(/files\.yaml/);
    expect(message).toMatch(/etcd:\/fairway\/config\/etcd\.yaml@\d+/);
    expect(await served(plane)).toBe(good);
  });
});

async function serve(options: {
  readonly stateDir: string;
  readonly configDir?: string;
  readonly waitForReady?: boolean;
}): Promise<Fairway> {
  return Fairway.start({
    stateDir: options.stateDir,
    configDir: options.configDir === undefined ? [] : options.configDir,
    args: ["--etcd", `http://${etcd.first.endpoint}`],
    waitForReady: options.waitForReady ?? true,
  });
}

function never(): never {
  throw new Error("a record that cannot be read");
}

async function served(plane: Fairway): Promise<string | undefined> {
  return (await plane.get<SnapshotsView>("/v1/snapshots")).groups[0]?.current?.version;
}

async function eventuallyRefused(plane: Fairway): Promise<string> {
  let text = "";
  await eventually("a refusal", async () => {
    const { refused } = await plane.get<SnapshotsView>("/v1/snapshots");
    text = JSON.stringify(refused ?? {});
    return refused !== undefined;
  });
  return text;
}
