/** Marks of groups that are gone are removed from a real etcd, and never while somebody may need them. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { EtcdPort } from "../../src/etcd/etcd-port.ts";
import { MarkSweep } from "../../src/store/mark-sweep.ts";
import { ReplicaKeys } from "../../src/store/replica-keys.ts";
import { ServedMarks } from "../../src/store/served-marks.ts";
import { systemClock } from "../../src/support/clock.ts";
import { eventually, throughout } from "../support/eventually.ts";
import { Replicas } from "./replicas.ts";

const times = { everyMs: 50, graceMs: 200 };
/** Many times the grace. */
const STAYS_MS = 1_500;

let cluster: EtcdCluster;
let client: EtcdClient;

beforeAll(async () => {
  cluster = await EtcdCluster.start();
  client = new EtcdClient({ endpoints: cluster.endpoints, clock: systemClock });
});

beforeEach(async () => {
  const all = await client.list("/fairway/");
  await client.transact(
    [],
    all.entries.map(({ key }) => ({ kind: "delete", key })),
  );
});

afterAll(async () => {
  client.close();
  await cluster[Symbol.asyncDispose]();
});

/** A replica as far as marks go, which has these groups once it has said so. */
function replica(id: string, etcd: EtcdPort = client, sweepTimes = times) {
  const ports = { etcd, clock: systemClock, random: Math.random };
  const ignore = () => undefined;
  const keys = new ReplicaKeys({ ...ports, id, onContact: ignore });
  let own: ReadonlySet<string> = new Set();
  const reports = { onChange: ignore, onContact: ignore, onWarning: ignore };
  const marks = new ServedMarks({ ...ports, ...reports, by: id, has: (group) => own.has(group) });
  const sweep = new MarkSweep({ ...ports, keys, marks, replicasPrefix: "/fairway/replicas/", times: sweepTimes });
  return {
    marks,
    /** What it serves is marked as of the first revision, which every mark comes after. */
    has: (...groups: readonly string[]) => {
      own = new Set(groups);
      sweep.has(own);
      const changed = new Map([["/services/", 1]]);
      marks.raise(new Map(groups.map((group) => [group, { version: `${group} of ${id}`, changed, reached: changed }])));
    },
    stop: async () => {
      sweep.close();
      marks.close();
      await keys.close();
    },
    async [Symbol.asyncDispose]() {
      await this.stop();
    },
  };
}

async function names(prefix: string): Promise<readonly string[]> {
  return (await client.list(prefix)).entries.map(({ key }) => key.slice(prefix.length));
}

async function hasMark(group: string): Promise<boolean> {
  return (await names("/fairway/served/")).includes(group);
}

function put(key: string, value: string) {
  return client.transact([], [{ kind: "put", key, value: Buffer.from(value) }]);
}

test("the mark of a group that nobody has goes, and the others stay", async () => {
  await using one = replica("one");
  one.has("edge", "old");
  await eventually("both marks", async () => (await names("/fairway/served/")).join() === "edge,old");
  one.has("edge");
  await eventually("one mark", async () => (await names("/fairway/served/")).join() === "edge");
});

test("a mark stays while another replica has its group, and goes when that one does", async () => {
  await using one = replica("one");
  const older = replica("older");
  one.has("edge", "old");
  older.has("edge", "old");
  await eventually("both", async () => (await names("/fairway/groups/")).length === 2);
  await eventually("both marks", async () => (await names("/fairway/served/")).join() === "edge,old");
  one.has("edge");
  await throughout("the mark of the older one", () => hasMark("old"), STAYS_MS);
  await older.stop();
  await eventually("its end", async () => (await names("/fairway/served/")).join() === "edge");
});

test("nothing goes while there is a replica that has not said what it has", async () => {
  await using one = replica("one");
  await put("/fairway/replicas/starting", "{}");
  one.has("edge", "old");
  await eventually("both marks", async () => (await names("/fairway/served/")).join() === "edge,old");
  one.has("edge");
  await throughout("the mark", () => hasMark("old"), STAYS_MS);
  await put("/fairway/groups/starting", '["edge"]');
  await eventually("its end", async () => (await names("/fairway/served/")).join() === "edge");
});

test("a mark that is raised meanwhile is not what was looked at, and its time begins anew", async () => {
  // A busy machine must not make a pause between two raises that is as long as the grace.
  await using one = replica("one", client, { ...times, graceMs: 1_000 });
  one.has("edge", "old");
  await eventually("both marks", async () => (await names("/fairway/served/")).join() === "edge,old");
  one.has("edge");
  const raised = async () => {
    await put("/fairway/served/old", '{"version":"x","revisions":{}}');
    return hasMark("old");
  };
  await throughout("the mark", raised, 2 * STAYS_MS);
});

test("who has the group keeps its mark in mind, whoever removes it", async () => {
  await using one = replica("one");
  await put("/fairway/served/edge", '{"version":"newer","revisions":{"/services/":1}}');
  await eventually("the mark", () => one.marks.of("edge")?.version === "newer");
  one.has("edge");
  await client.transact([], [{ kind: "delete", key: "/fairway/served/edge" }]);
  await put("/fairway/served/other", "{}");
  await eventually("what came after", () => one.marks.all.has("other"));
  expect(one.marks.of("edge")).toMatchObject({ version: "newer" });
});

test("a replica that gets the group in the last moment keeps its mark", async () => {
  const late: EtcdPort = {
    list: (prefix) => client.list(prefix),
    watch: (...args) => client.watch(...args),
    grantLease: (seconds) => client.grantLease(seconds),
    keepAlive: (lease) => client.keepAlive(lease),
    revokeLease: (lease) => client.revokeLease(lease),
    close: () => undefined,
    async transact(conditions, writes) {
      if (writes.some(({ kind }) => kind === "delete")) await put("/fairway/groups/late", '["old"]');
      return client.transact(conditions, writes);
    },
  };
  await using one = replica("one", late);
  one.has("edge", "old");
  await eventually("both marks", async () => (await names("/fairway/served/")).join() === "edge,old");
  one.has("edge");
  await eventually("the late one", async () => (await names("/fairway/groups/")).includes("late"));
  await throughout("the mark", () => hasMark("old"), STAYS_MS);
});

test("a running replica says which groups it has, and marks a group no more that has left its config", async () => {
  const config = (groups: readonly string[]) => `
nodes: { ${groups.map((name) => `${name}: { match: { cluster: ${name} }, removalGuard: off }`).join(", ")} }
services: { shop: { discovery: { etcd: {} } } }
`;
  await using replicas = await Replicas.start({ count: 1, hasEnvoy: false, config: () => config(["a", "b"]) });
  const etcd = replicas.client;
  const listed = async (prefix: string) => (await etcd.list(prefix)).entries;
  const said = async () => (await listed("/fairway/groups/")).map(({ value }) => Buffer.from(value).toString());
  await eventually("its groups", async () => (await said()).join() === '["a","b"]');
  await eventually("both marks", async () => (await listed("/fairway/served/")).length === 2);
  await replicas.push(config(["a"]));
  await eventually("one group", async () => (await said()).join() === '["a"]');
  await replicas.remove("/fairway/served/b");
  const before = (await listed("/fairway/served/"))[0]?.modRevision ?? 0;
  await replicas.put("/services/shop/two", "10.0.0.1:80");
  await eventually("the next mark", async () => ((await listed("/fairway/served/"))[0]?.modRevision ?? 0) > before);
  expect((await listed("/fairway/served/")).map(({ key }) => key)).toEqual(["/fairway/served/a"]);
});
