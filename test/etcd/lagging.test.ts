/** A replica that is behind the others takes no real Envoy back to an older state, as long as it can be helped. */
import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { pushDocuments } from "../../src/config/push-documents.ts";
import { Load } from "../../demo/kit/load.ts";
import type { EtcdClient } from "../../src/etcd/etcd-client.ts";
import { eventually, throughout } from "../support/eventually.ts";
import { otherCheckout } from "./other-checkout.ts";
import { Replicas } from "./replicas.ts";

interface Mark {
  readonly version?: string;
  readonly revision?: number;
  readonly revisions?: Readonly<Record<string, number>>;
}

/** The mark of the only group, as it is in etcd. */
async function mark(client: EtcdClient): Promise<Mark> {
  const { entries } = await client.list("/fairway/served/");
  expect(entries.length).toBeLessThanOrEqual(1);
  return JSON.parse(Buffer.from(entries[0]?.value ?? Buffer.from("{}")).toString()) as Mark;
}

test("what is served is marked in etcd with the revisions that it was built from, and a mark is never lowered", async () => {
  await using replicas = await Replicas.start({ hasEnvoy: false });
  let before = await replicas.agree();
  let revisionBefore = 0;
  for (let round = 0; round < 5; round += 1) {
    const { revision } = await replicas.client.transact(
      [],
      [{ kind: "put", key: "/services/shop/two", value: Buffer.from(`10.0.0.1:${8000 + round}`) }],
    );
    before = await replicas.agree(before);
    await eventually("its mark", async () => `default ${(await mark(replicas.client)).version}` === before);
    const marked = (await mark(replicas.client)).revision ?? 0;
    expect(marked).toBeGreaterThanOrEqual(revision);
    expect(marked).toBeGreaterThan(revisionBefore);
    revisionBefore = marked;
  }
});

test("a change of the config is marked with its own revision", async () => {
  const config = (port: number) => `services: { shop: { endpoints: ["10.0.0.1:${port}"] } }`;
  await using replicas = await Replicas.start({ count: 1, hasEnvoy: false, config: () => config(80) });
  const before = await replicas.agree();
  const documents = new Map([["main.yaml", Buffer.from(config(81))]]);
  const pushed = await pushDocuments(replicas.client, { documents, by: "the test" });
  const version = await replicas.agree(before);
  await eventually("its mark", async () => `default ${(await mark(replicas.client)).version}` === version);
  expect((await mark(replicas.client)).revisions?.["/fairway/config/"]).toBe(pushed.revision);
});

describe.each(["delta", "sotw"] as const)("an Envoy (%s) whose replica dies", (api) => {
  test("is not taken back by one that has lost etcd and does not know it yet, and is served when that has caught up", async () => {
    await using replicas = await Replicas.start({ api, backends: 2 });
    const first = await replicas.onOne();
    const other = replicas.at(1 - first);
    other.wire.hold();
    await replicas.addBackend();
    await replicas.at(first).fairway.kill("SIGKILL");
    await other.fairway.waitForLog(/holds what it has never served/);
    await throughout("both endpoints", async () => (await replicas.membersCount()) === 2, 3_000);
    other.wire.release();
    expect(await replicas.onOne()).toBe(1 - first);
    await eventually("having caught up", async () => {
      const { nodes } = await other.fairway.get<{ nodes: readonly { status: string }[] }>("/v1/nodes");
      return nodes[0]?.status === "synced";
    });
    expect(await replicas.envoy.counter("cluster.shop.membership_change")).toBe(2);
    expect(await replicas.membersCount()).toBe(2);
  });
});

test("a replica that has lost etcd serves everybody after a while, because there may be nobody else", async () => {
  await using hasty = await otherCheckout({
    "xds/replica-gate.ts": [["const UNSURE_MS_MAX = 30_000;", "const UNSURE_MS_MAX = 6_000;"]],
  });
  await using replicas = await Replicas.start({ backends: 2, mainOf: () => hasty.main });
  const first = await replicas.onOne();
  const other = replicas.at(1 - first);
  other.wire.hold();
  await replicas.addBackend();
  await replicas.at(first).fairway.kill("SIGKILL");
  await other.fairway.waitForLog(/holds what it has never served/);
  const refusedAtMs = performance.now();
  await eventually("the older state", async () => (await replicas.membersCount()) === 1, { timeoutMs: 60_000 });
  expect(performance.now() - refusedAtMs).toBeGreaterThan(4_000);
});

test("a replica that refuses what the others serve sends Envoys to them, and takes them when it is mended", async () => {
  const file = 'services: { filed: { endpoints: ["10.0.0.9:80"] } }';
  // On a disk that takes its time there is one between what is decided and what Envoys are given.
  const save = "this.#options.saved.served(accepted, state.groups)";
  const slowly = `new Promise((done) => setTimeout(done, 1_500)).then(() => ${save})`;
  await using slow = await otherCheckout({ "cli/publisher.ts": [[save, slowly]] });
  await using replicas = await Replicas.start({ backends: 2, file, mainOf: () => slow.main });
  const first = await replicas.onOne();
  const other = replicas.at(1 - first);
  await writeFile(other.filePath, "services: { filed: { endpoints: [nonsense] } }");
  await other.fairway.waitForLog(/config-refused/);
  await replicas.addBackend();
  await other.fairway.waitForLog(/replica-lagging/);
  await replicas.at(first).fairway.kill("SIGKILL");
  await other.fairway.waitForLog(/stream-closed.*this replica is behind/);
  expect(await replicas.membersCount()).toBe(2);
  await writeFile(other.filePath, file);
  await other.fairway.waitForLog(/replica-caught-up/);
  expect(await replicas.onOne()).toBe(1 - first);
  expect(await replicas.membersCount()).toBe(2);
  // From nothing to one and to two; a way back to one and forth would be two more.
  expect(await replicas.envoy.counter("cluster.shop.membership_change")).toBeLessThan(4);
});

test("a replica that is behind for longer than its bound serves all the same, because there may be nobody else", async () => {
  const file = 'services: { filed: { endpoints: ["10.0.0.9:80"] } }';
  // As many times longer than the wait of an Envoy as they are.
  await using hasty = await otherCheckout({
    "cli/replica-standing.ts": [["const LAG_MS_MAX = 60_000;", "const LAG_MS_MAX = 8_000;"]],
    "xds/replica-gate.ts": [["const WAIT_MS_MAX = 3_000;", "const WAIT_MS_MAX = 400;"]],
  });
  await using replicas = await Replicas.start({ backends: 2, file, mainOf: () => hasty.main });
  const first = await replicas.onOne();
  const other = replicas.at(1 - first);
  await writeFile(other.filePath, "services: { filed: { endpoints: [nonsense] } }");
  await other.fairway.waitForLog(/config-refused/);
  const behindAtMs = performance.now();
  await replicas.addBackend();
  await replicas.at(first).fairway.kill("SIGKILL");
  await other.fairway.waitForLog(/stream-closed.*this replica is behind/);
  expect(await replicas.membersCount(), "before that").toBe(2);
  await eventually("the older state", async () => (await replicas.membersCount()) === 1, { timeoutMs: 60_000 });
  expect(performance.now() - behindAtMs).toBeGreaterThan(7_900);
  expect(other.fairway.logs().join("\n")).not.toContain("replica-caught-up");
});

test("a replica that dies between a push and its mark: the next one serves what it knows, follows, and no request is lost", async () => {
  await using replicas = await Replicas.start({ backends: 2 });
  await replicas.agree();
  const first = await replicas.onOne();
  const [dying, other] = [replicas.at(first), replicas.at(1 - first)];
  await eventually("a mark", async () => (await mark(replicas.client)).version !== undefined);
  const before = await mark(replicas.client);
  const load = Load.start({ url: replicas.url, concurrency: 2, requestsPerSecond: 100 });
  await eventually("traffic", () => load.report().sent > 20);
  // One hears of the change and cannot tell that it has pushed it; the other one hears of nothing for a while.
  process.kill(other.fairway.pid, "SIGSTOP");
  dying.wire.holdRequests();
  await replicas.addBackend();
  await dying.fairway.kill("SIGKILL");
  expect(await mark(replicas.client), "nobody has marked what the Envoy has").toEqual(before);
  process.kill(other.fairway.pid, "SIGCONT");
  expect(await replicas.onOne()).toBe(1 - first);
  await eventually("the mark", async () => (await mark(replicas.client)).version !== before.version);
  await eventually("both endpoints", async () => (await replicas.membersCount()) === 2);
  // Added once; taken away and added again when the next replica was asked before it had read what it missed.
  expect([2, 4]).toContain(await replicas.envoy.counter("cluster.shop.membership_change"));
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});

test("a mark that is no mark, or comes from another etcd, holds nobody up and is written over", async () => {
  await using replicas = await Replicas.start({ backends: 2 });
  for (const text of ["{", '{"version":"x","revisions":{"/services/":999999999}}', '{"version":7}']) {
    await replicas.put("/fairway/served/default", text);
    await replicas.put("/services/shop/two", `10.0.0.1:${8000 + text.length}`);
    await eventually(
      "a mark again",
      async () => (await mark(replicas.client).catch(() => ({ version: "x" }))).version?.length === 16,
    );
  }
  expect((await replicas.on()).length).toBe(1);
});
