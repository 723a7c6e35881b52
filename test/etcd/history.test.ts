/** The history of what was served, as every replica and every later one has it. */
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { Fairway } from "../../demo/kit/fairway.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import { systemClock } from "../../src/support/clock.ts";
import { eventually } from "../support/eventually.ts";
import { examplesDir } from "../support/examples.ts";
import { tempDir } from "../support/temp-dir.ts";
import { otherCheckout } from "./other-checkout.ts";
import { Replicas } from "./replicas.ts";

interface HistoryView {
  readonly groups: readonly { readonly history: readonly { readonly version: string; readonly cause: string }[] }[];
}

interface SnapshotView {
  readonly types: Readonly<Record<string, { readonly resources: readonly { readonly name: string }[] }>>;
}

async function history(fairway: Fairway): Promise<readonly string[]> {
  return (
    (await fairway.get<HistoryView>("/v1/snapshots?history=50")).groups[0]?.history.map((past) => past.version) ?? []
  );
}

/** The document in etcd; its first byte says that it is whole. */
async function entryOf(replicas: Replicas): Promise<{ readonly key: string; readonly text: string }> {
  const [entry] = (await replicas.client.list("/fairway/state/documents/history/")).entries;
  return { key: entry?.key ?? "", text: Buffer.from(entry?.value.subarray(1) ?? "[]").toString() };
}

/** Past entries in etcd; the newest is written behind the push. */
async function written(replicas: Replicas): Promise<readonly string[]> {
  const read = JSON.parse((await entryOf(replicas)).text) as readonly { readonly version: string }[];
  return read.map(({ version }) => version);
}

/** Gives all entries a field that is not known yet. */
async function sayMore(replicas: Replicas): Promise<void> {
  const { key, text } = await entryOf(replicas);
  await replicas.put(key, `\0${text.replaceAll('{"version"', '{"future":[1],"version"')}`);
}

test("a new replica shows what others have served before, and what was in it", async () => {
  await using replicas = await Replicas.start({ hasEnvoy: false, count: 1 });
  const first = (await replicas.agree()).split(" ")[1] ?? "";
  await eventually("the first entry", async () => (await written(replicas)).includes(first));
  await sayMore(replicas);
  await replicas.put("/services/shop/two", "10.0.0.2:80");
  const second = (await replicas.agree(`default ${first}`)).split(" ")[1] ?? "";
  await eventually("the second entry", async () => (await written(replicas))[0] === second, { timeoutMs: 20_000 });
  expect((await entryOf(replicas)).text, "what a newer Fairway has said stays").toContain('"future":[1]');
  await replicas.at(0).fairway.close();
  await using state = await tempDir();
  await using later = await Fairway.start({
    configDir: [],
    stateDir: state.path,
    args: ["--etcd", `http://${replicas.etcd.first.endpoint}`],
  });
  await eventually("the history", async () => (await history(later)).length === 2);
  expect(await history(later)).toEqual([second, first]);
  const { types } = await later.get<SnapshotView>(`/v1/snapshots/${first}`);
  expect(types["clusters"]?.resources.map(({ name }) => name)).toEqual(["shop"]);
});

test("of a group that changes all the time ten entries are kept, with as many snapshots", async () => {
  await using hasty = await otherCheckout({
    "cli/shared-history.ts": [["const WRITE_EVERY_MS = 5_000;", "const WRITE_EVERY_MS = 200;"]],
  });
  await using replicas = await Replicas.start({ hasEnvoy: false, mainOf: () => hasty.main });
  let before = await replicas.agree();
  for (let round = 0; round < 12; round += 1) {
    await replicas.put("/services/shop/two", `10.0.0.2:${8000 + round}`);
    before = await replicas.agree(before);
    const newest = before.split(" ")[1] ?? "";
    await eventually("its entry", async () => (await written(replicas))[0] === newest, { timeoutMs: 20_000 });
  }
  const versions = await written(replicas);
  expect(new Set(versions).size).toBe(10);
  await eventually("no more than that", async () => {
    const { entries } = await replicas.client.list("/fairway/state/documents/snapshots/");
    return entries.length === 10;
  });
});

test("no secret is in it", async () => {
  await using etcd = await EtcdCluster.start();
  await using state = await tempDir();
  const args = ["--etcd", `http://${etcd.first.endpoint}`];
  await using fairway = await Fairway.start({ configDir: join(examplesDir, "tls"), stateDir: state.path, args });
  const [version = ""] = await history(fairway);
  const client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  const kept = async () => (await client.list("/fairway/state/documents/snapshots/")).entries;
  await eventually("the snapshot", async () => (await kept()).length === 1);
  const text = gunzipSync((await kept())[0]?.value.subarray(1) ?? "").toString();
  client.close();
  const { tables } = JSON.parse(text) as { readonly tables: readonly { readonly typeUrl: string }[] };
  const kinds = tables.map(({ typeUrl }) => typeUrl.slice(typeUrl.lastIndexOf(".") + 1));
  expect(kinds).toContain("Listener");
  expect(kinds).not.toContain("Secret");
  const { types } = await fairway.get<SnapshotView>(`/v1/snapshots/${version}`);
  expect(types["secrets"]?.resources.length, "which there are").toBeGreaterThan(0);
});
