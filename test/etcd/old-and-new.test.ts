/** Two versions of Fairway side by side over one real etcd, as during every update: the new one is a checkout with other lines. */
import { writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { Envoy } from "../../demo/kit/envoy.ts";
import type { Fairway } from "../../demo/kit/fairway.ts";
import { ask } from "../../demo/kit/get.ts";
import { CONFIG_PREFIX } from "../../src/config/etcd-documents.ts";
import type { Entry } from "../../src/etcd/etcd-port.ts";
import { REPLICAS_PREFIX, readReplicaRecord } from "../../src/fleet/replica-record.ts";
import { eventually, throughout } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { ran } from "./fairway-command.ts";
import { otherCheckout } from "./other-checkout.ts";
import { Replicas } from "./replicas.ts";

interface ConvergenceView {
  readonly groups: readonly {
    readonly convergence?: { readonly acknowledged: number; readonly pending: number; readonly convergedAt?: string };
  }[];
}

interface NodesView {
  readonly nodes: readonly { readonly id: string; readonly status: string }[];
}

const SCHEMA_KEY = "/fairway/schema";

function textOf(entry: Entry | undefined): string {
  return Buffer.from(entry?.value ?? []).toString();
}

async function schema(replicas: Replicas): Promise<number | undefined> {
  const [entry] = (await replicas.client.list(SCHEMA_KEY)).entries;
  return entry && (JSON.parse(textOf(entry)) as { readonly schema: number }).schema;
}

/** What a replica says of itself. */
async function presence(replicas: Replicas, { adminPort }: Fairway): Promise<Entry | undefined> {
  const { entries } = await replicas.client.list(REPLICAS_PREFIX);
  return entries.find(({ value }) => readReplicaRecord(value)?.admin === `127.0.0.1:${adminPort}`);
}

async function metric({ adminPort }: Fairway): Promise<string | undefined> {
  return /^fairway_etcd_read_only (\d)$/m.exec((await ask(adminPort, "/metrics")).text)?.[1];
}

test("once a newer Fairway has raised the schema, an older one serves and reads on, writes nothing, and says why until that is over", async () => {
  await using newer = await otherCheckout({ "store/schema-guard.ts": [["const SCHEMA = 1;", "const SCHEMA = 2;"]] });
  await using replicas = await Replicas.start({
    backends: 2,
    mainOf: (index) => (index === 1 ? newer.main : undefined),
  });
  const [old, young] = [replicas.at(0).fairway, replicas.at(1).fairway];
  const refusal = /etcd holds schema 2 \(fairway [^)]*\), and this Fairway writes schema 1: .*; update this one/;
  await old.waitForLog(refusal);
  expect(await schema(replicas)).toBe(2);
  expect(JSON.parse((await ask(old.adminPort, "/readyz")).text)).toMatchObject({
    status: "degraded",
    reasons: [expect.stringMatching(refusal)],
  });
  expect(await Promise.all([metric(old), metric(young)])).toEqual(["1", "0"]);
  const own = await presence(replicas, old);
  const before = await replicas.agree();
  await replicas.addBackend();
  await replicas.agree(before);
  await eventually("the newer one to say so", async () => {
    const record = readReplicaRecord((await presence(replicas, young))?.value ?? Buffer.of());
    return (record?.acknowledgedRevision ?? 0) > (own?.modRevision ?? 0);
  });
  expect((await presence(replicas, old))?.modRevision, "nothing is written").toBe(own?.modRevision);

  await using config = await tempDir();
  await writeFile(config.join("main.yaml"), "services: { other: { endpoints: [10.0.0.9:80] } }");
  const etcd = ["--etcd", `http://${replicas.etcd.first.endpoint}`];
  const documents = async () => (await replicas.client.list(CONFIG_PREFIX)).entries.map(textOf);
  const documentsBefore = await documents();
  const pushed = await ran("push", config.path, ...etcd);
  expect(pushed).toMatchObject({ code: 1, text: expect.stringMatching(/\[ETCD_FAILED\] etcd holds schema 2 /) });
  expect(await documents()).toEqual(documentsBefore);

  await young.kill("SIGKILL");
  await replicas.remove(SCHEMA_KEY);
  await old.waitForLog(/this Fairway may write to etcd again/);
  // What it could not write it tries again every five seconds at most.
  await eventually("its record", async () => (await presence(replicas, old))?.modRevision !== own?.modRevision, {
    timeoutMs: 30_000,
  });
  expect(await schema(replicas)).toBe(1);
  await eventually(
    "being ready",
    async () => JSON.parse((await ask(old.adminPort, "/readyz")).text).status === "ready",
    { timeoutMs: 30_000 },
  );
});

test("a Fairway that makes other bytes of the same config, and writes fields that are new, moves no Envoy and is not taken for converged", async () => {
  await using other = await otherCheckout({
    "translate/cluster.ts": [["const connectTimeoutMs = 5_000;", "const connectTimeoutMs = 6_000;"]],
    "store/schema-guard.ts": [["{ schema: SCHEMA, by }", "{ schema: SCHEMA, by, future: 1 }"]],
    "store/served-marks.ts": [["      by: this.#options.by,\n", "      by: this.#options.by, future: { a: [1] },\n"]],
    "fleet/replica-record.ts": [["    ...self,\n", "    ...self, future: 1,\n"]],
    "fleet/fleet-summary.ts": [["JSON.stringify({ nodes,", "JSON.stringify({ future: 1, nodes,"]],
  });
  await using replicas = await Replicas.start({
    backends: 2,
    mainOf: (index) => (index === 1 ? other.main : undefined),
  });
  const first = await replicas.onOne();
  const [here, there] = [replicas.at(first).fairway, replicas.at(1 - first).fairway];
  await using second = await Envoy.start({ xdsPort: there.xdsPort, nodeId: "edge-2" });
  await second.ready();
  await replicas.addBackend();
  const nodes = async (fairway: Fairway) => (await fairway.get<NodesView>("/v1/nodes")).nodes;
  await eventually("both nodes, synced, on both", async () => {
    const views = await Promise.all([nodes(here), nodes(there)]);
    return views.every((view) => view.length === 2 && view.every(({ status }) => status === "synced"));
  });
  expect(await replicas.versions(0)).not.toBe(await replicas.versions(1));

  const convergence = async (fairway: Fairway) =>
    (await fairway.get<ConvergenceView>("/v1/snapshots")).groups[0]?.convergence;
  for (const fairway of [here, there]) {
    const found = await convergence(fairway);
    expect(found).toMatchObject({ acknowledged: 1, pending: 1 });
    expect(found?.convergedAt).toBeUndefined();
  }
  // Both have decided by now, and neither of them takes what the other one marks for news.
  const served = async () => (await replicas.client.list("/fairway/served/")).entries;
  const updates = async () =>
    (
      await Promise.all([replicas.envoy, second].map((envoy) => envoy.counter("cluster_manager.cds.update_success")))
    ).join();
  const versions = await Promise.all([0, 1].map((index) => replicas.versions(index)));
  await eventually("the mark of what one of them serves", async () => {
    const [mark] = await served();
    const { version } = JSON.parse(textOf(mark) || "{}") as { readonly version?: string };
    return versions.includes(`default ${version}`);
  });
  const updatesBefore = await updates();
  let markedCount = 0;
  const watch = replicas.client.watch("/fairway/served/", (await replicas.client.list("/")).revision + 1, {
    changed: (changes) => void (markedCount += changes.length),
    heard: () => undefined,
    ended: () => undefined,
  });
  const etcd = ["--etcd", `http://${replicas.etcd.first.endpoint}`, "--service", "shop", "--id", "two", "--wait"];
  expect((await ran("drain", ...etcd)).text, "also with fields that are new").toContain(
    "all Envoys of 2 replicas have it",
  );
  await eventually("a mark of that", () => markedCount > 0);
  await throughout("one mark for one change", () => markedCount === 1, 1_500);
  watch.close();
  expect(await updates()).toBe(updatesBefore);
  expect(await replicas.on()).toEqual([first]);
});
