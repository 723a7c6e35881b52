/** What a replica has in a real etcd: one id, one lease, and all of it again after the lease was lost. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import { EtcdError } from "../../src/etcd/etcd-error.ts";
import type { EtcdPort } from "../../src/etcd/etcd-port.ts";
import type { Contact } from "../../src/etcd/follow-prefix.ts";
import { ReplicaKeys } from "../../src/store/replica-keys.ts";
import { systemClock } from "../../src/support/clock.ts";
import { eventually } from "../support/eventually.ts";
import { methodsOf } from "./etcd-methods.ts";
import { Replicas } from "./replicas.ts";

let cluster: EtcdCluster;
let client: EtcdClient;

beforeAll(async () => {
  cluster = await EtcdCluster.start();
  client = new EtcdClient({ endpoints: cluster.endpoints, clock: systemClock });
});

afterAll(async () => {
  client.close();
  await cluster[Symbol.asyncDispose]();
});

function open(id: string, etcd: EtcdPort = client) {
  const contacts: string[] = [];
  const onContact = ({ kind }: Contact) => contacts.push(kind);
  const keys = new ReplicaKeys({ etcd, clock: systemClock, random: Math.random, id, onContact });
  return { keys, contacts, [Symbol.asyncDispose]: () => keys.close() };
}

async function found(etcd: EtcdClient, prefixes: readonly string[]) {
  const listings = await Promise.all(prefixes.map((prefix) => etcd.list(prefix)));
  const entries = listings.flatMap((listing) => listing.entries);
  return {
    values: entries.map(({ key, value }) => `${key} ${Buffer.from(value).toString()}`),
    leases: new Set(entries.map(({ leaseId }) => leaseId)),
    count: entries.length,
  };
}

test("all keys of a replica are under one lease, and are gone together when it ends", async () => {
  const { keys } = open("one");
  keys.open("/a/", { gapMs: 0 }).set(Buffer.from("1"));
  keys.open("/b/", { gapMs: 0 }).set(Buffer.from("2"));
  await eventually("both keys", async () => (await found(client, ["/a/", "/b/"])).count === 2);
  const { values, leases } = await found(client, ["/a/", "/b/"]);
  expect(values).toEqual(["/a/one 1", "/b/one 2"]);
  expect([leases.size, leases.has(undefined)]).toEqual([1, false]);
  await keys.close();
  expect((await found(client, ["/a/", "/b/"])).count).toBe(0);
});

test("what is lost with the lease is written again under one other, also what has not changed for long", async () => {
  await using opened = open("two");
  const [a, b] = ["/c/", "/d/"].map((prefix) => opened.keys.open(prefix, { gapMs: 0 }));
  a?.set(Buffer.from("1"));
  b?.set(Buffer.from("2"));
  await eventually("both keys", async () => (await found(client, ["/c/", "/d/"])).count === 2);
  const [before] = (await found(client, ["/c/", "/d/"])).leases;
  await client.revokeLease(before ?? "");
  a?.set(Buffer.from("3"));
  await eventually("both keys again", async () => (await found(client, ["/c/", "/d/"])).count === 2);
  const after = await found(client, ["/c/", "/d/"]);
  expect(after.values).toEqual(["/c/two 3", "/d/two 2"]);
  expect([after.leases.size, after.leases.has(before)]).toEqual([1, false]);
});

test("an outage of etcd is told once for all keys, and its end, and the keys are there again after it", async () => {
  await using opened = open("three");
  const [a, b] = ["/e/", "/f/"].map((prefix) => opened.keys.open(prefix, { gapMs: 0 }));
  a?.set(Buffer.from("1"));
  b?.set(Buffer.from("2"));
  await eventually("both keys", async () => (await found(client, ["/e/", "/f/"])).count === 2);
  await cluster.first.killed();
  a?.set(Buffer.from("3"));
  b?.set(Buffer.from("4"));
  await eventually("the outage", () => opened.contacts.length > 0, { timeoutMs: 20_000 });
  await cluster.first.restart();
  await eventually(
    "both values",
    async () => (await found(client, ["/e/", "/f/"])).values.join() === "/e/three 3,/f/three 4",
    { timeoutMs: 30_000 },
  );
  await eventually("its end", () => opened.contacts.length > 1);
  expect(opened.contacts).toEqual(["behind", "current"]);
});

test("what a newer Fairway keeps it from writing is no outage", async () => {
  let refusals = 0;
  const transact = () => {
    refusals += 1;
    return Promise.reject(new EtcdError("newer", "etcd holds schema 2"));
  };
  await using opened = open("four", { ...methodsOf(client), transact });
  opened.keys.open("/g/", { gapMs: 0 }).set(Buffer.from("1"));
  await eventually("a second try", () => refusals > 1);
  expect(opened.contacts).toEqual([]);
});

test("a running replica has one id and one lease below all prefixes, and its marks have the id and no lease", async () => {
  await using replicas = await Replicas.start({ count: 1 });
  const prefixes = ["/fairway/replicas/", "/fairway/fleet/"];
  await eventually("both keys", async () => (await found(replicas.client, prefixes)).count === 2);
  const [record, fleet] = await Promise.all(prefixes.map((prefix) => replicas.client.list(prefix)));
  const id = record?.entries[0]?.key.slice("/fairway/replicas/".length);
  expect(fleet?.entries[0]?.key).toBe(`/fairway/fleet/${id}`);
  expect(fleet?.entries[0]?.leaseId).toBe(record?.entries[0]?.leaseId);
  await eventually("its mark", async () => (await found(replicas.client, ["/fairway/served/"])).count === 1);
  const { entries } = await replicas.client.list("/fairway/served/");
  expect(entries.map(({ leaseId }) => leaseId)).toEqual([undefined]);
  expect(JSON.parse(Buffer.from(entries[0]?.value ?? []).toString())).toMatchObject({ by: id });
});
