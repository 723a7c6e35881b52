/** A key under a lease that is kept alive, on a real etcd that is not always there. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { Entry } from "../../src/etcd/etcd-port.ts";
import type { KeyContact } from "../../src/etcd/leased-key.ts";
import { KeptLease } from "../../src/etcd/kept-lease.ts";
import { LeasedKey } from "../../src/etcd/leased-key.ts";
import { systemClock } from "../../src/support/clock.ts";
import { eventually, eventuallyValue } from "../support/eventually.ts";

/** Looked at every second then; three times as long as etcd's own least. */
const TTL_SECONDS = 3;

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

function keptLease(): KeptLease {
  return new KeptLease({ etcd: client, ttlSeconds: TTL_SECONDS, clock: systemClock });
}

function open(
  key: string,
  onContact?: (contact: KeyContact) => void,
  lease: KeptLease = keptLease(),
  isOurs?: (value: Uint8Array) => boolean,
): LeasedKey & AsyncDisposable {
  const leased = new LeasedKey({
    etcd: client,
    key,
    lease,
    clock: systemClock,
    random: Math.random,
    ...(onContact === undefined ? {} : { onContact }),
    ...(isOurs === undefined ? {} : { isOurs }),
  });
  return Object.assign(leased, {
    [Symbol.asyncDispose]: async () => {
      await leased.close();
    },
  });
}

async function entryOf(key: string): Promise<Entry | undefined> {
  return (await client.list(key)).entries.find((entry) => entry.key === key);
}

async function put(key: string, value: string): Promise<void> {
  await client.transact([], [{ kind: "put", key, value: Buffer.from(value) }]);
}

function eventuallyIs(key: string, value: string): Promise<void> {
  return eventually(`${key} to be ${value}`, async () => {
    const entry = await entryOf(key);
    return entry !== undefined && Buffer.from(entry.value).toString() === value;
  });
}

describe("a leased key", () => {
  test("has the value that was set last, and goes with its lease when it is closed", async () => {
    const leased = open("/leased/plain");
    leased.set(Buffer.from("one"));
    leased.set(Buffer.from("two"));
    const revision = await leased.held();
    const entry = await entryOf("/leased/plain");
    expect(Buffer.from(entry?.value ?? []).toString()).toBe("two");
    expect(entry?.modRevision).toBe(revision);
    expect(entry?.leaseId).toBeDefined();
    expect(await leased.close()).toBe(true);
    expect(await entryOf("/leased/plain")).toBeUndefined();
  });

  test("is absent while nothing is wanted, and there again when something is", async () => {
    await using leased = open("/leased/absent");
    leased.set(Buffer.from("one"));
    await leased.held();
    leased.set(undefined);
    await eventually("it to go", async () => (await entryOf("/leased/absent")) === undefined);
    leased.set(Buffer.from("one"));
    await eventuallyIs("/leased/absent", "one");
  });

  test("outlives its lease's time many times over", async () => {
    await using leased = open("/leased/kept");
    leased.set(Buffer.from("one"));
    await leased.held();
    const first = await entryOf("/leased/kept");
    const granted = performance.now();
    await eventually("four seconds", () => performance.now() - granted > TTL_SECONDS * 1_000 + 1_000);
    expect(await entryOf("/leased/kept")).toEqual(first);
  });

  test("is written anew, under a new lease, when its lease is lost", async () => {
    await using leased = open("/leased/lost");
    leased.set(Buffer.from("one"));
    await leased.held();
    const before = (await entryOf("/leased/lost"))?.leaseId ?? "";
    await client.revokeLease(before);
    await eventuallyIs("/leased/lost", "one");
    expect((await entryOf("/leased/lost"))?.leaseId).not.toBe(before);
  });

  test("is under the next lease before the one before it has ended", async () => {
    const lease = keptLease();
    await using leased = open("/leased/next", undefined, lease);
    leased.set(Buffer.from("one"));
    const revision = await leased.held();
    const before = (await entryOf("/leased/next"))?.leaseId ?? "";
    const kinds: string[] = [];
    const watch = client.watch("/leased/next", revision + 1, {
      changed: (changes) => kinds.push(...changes.map(({ kind }) => kind)),
      heard: () => undefined,
      ended: () => undefined,
    });
    lease.distrust(before);
    await eventually("another lease", async () => (await entryOf("/leased/next"))?.leaseId !== before);
    await eventually("the change", () => kinds.length > 0);
    expect(kinds).toEqual(["put"]);
    watch.close();
  });

  test("is written anew when somebody deletes it", async () => {
    await using leased = open("/leased/deleted");
    leased.set(Buffer.from("one"));
    await leased.held();
    await client.transact([], [{ kind: "delete", key: "/leased/deleted" }]);
    await eventuallyIs("/leased/deleted", "one");
  });

  test("keeps what somebody else wrote under its lease, also under the next lease", async () => {
    const contacts: KeyContact[] = [];
    await using leased = open("/leased/adopted", (contact) => contacts.push(contact));
    leased.set(Buffer.from("one"));
    await leased.held();
    const leaseId = (await entryOf("/leased/adopted"))?.leaseId ?? "";
    await client.transact([], [{ kind: "put", key: "/leased/adopted", value: Buffer.from("drained"), leaseId }]);
    await eventually("it to be noticed", () => contacts.some(({ kind }) => kind === "changed"));
    expect(Buffer.from(leased.value ?? []).toString()).toBe("drained");
    await client.revokeLease(leaseId);
    await eventuallyIs("/leased/adopted", "drained");
  });

  test("is taken under its lease, as it is, when somebody wrote it without any, and goes with it", async () => {
    const contacts: KeyContact[] = [];
    const leased = open("/leased/unleased", (contact) => contacts.push(contact));
    leased.set(Buffer.from("one"));
    await leased.held();
    const leaseId = (await entryOf("/leased/unleased"))?.leaseId;
    for (const value of ["other", "other", "third"]) {
      await put("/leased/unleased", value);
      await leased.look();
      expect(await entryOf("/leased/unleased")).toMatchObject({ leaseId, value: Buffer.from(value) });
      expect(contacts.at(-1)).toMatchObject({ kind: "changed", isTakenOver: true });
    }
    expect(Buffer.from(leased.value ?? []).toString()).toBe("third");
    await put("/leased/unleased", "last");
    await leased.close();
    expect(await entryOf("/leased/unleased"), "although nobody had seen it").toBeUndefined();
  });

  test("goes when it is to be absent, also when somebody wrote it without a lease a moment ago", async () => {
    await using leased = open("/leased/unwanted");
    leased.set(Buffer.from("one"));
    await leased.held();
    await put("/leased/unwanted", "other");
    leased.set(undefined);
    await eventually("it to go", async () => (await entryOf("/leased/unwanted")) === undefined);
  });

  test("stays whose it is when what was written without a lease is somebody else's", async () => {
    const contacts: KeyContact[] = [];
    const isOurs = (value: Uint8Array) => Buffer.from(value).toString().startsWith("our");
    const leased = open("/leased/whose", (contact) => contacts.push(contact), keptLease(), isOurs);
    leased.set(Buffer.from("our one"));
    await leased.held();
    await put("/leased/whose", "theirs");
    await leased.look();
    expect(leased.isTaken).toBe(true);
    expect(contacts.at(-1)).toMatchObject({ kind: "lost", reason: expect.stringContaining("without a lease") });
    await leased.close();
    await eventuallyIs("/leased/whose", "theirs");
  });

  test("takes over at once what somebody else wrote, when it is asked to look", async () => {
    await using leased = open("/leased/looked");
    leased.set(Buffer.from("one"));
    await leased.held();
    const leaseId = (await entryOf("/leased/looked"))?.leaseId ?? "";
    for (const value of ["drained", "one", "drained"]) {
      await client.transact([], [{ kind: "put", key: "/leased/looked", value: Buffer.from(value), leaseId }]);
      await leased.look();
      expect(Buffer.from(leased.value ?? []).toString()).toBe(value);
    }
    leased.set(undefined);
    await leased.look();
  });

  test("is left to another lease that took it, and taken back when that one is gone", async () => {
    await using old = open("/leased/taken");
    old.set(Buffer.from("old"));
    await old.held();
    const next = open("/leased/taken");
    next.set(Buffer.from("next"));
    await next.held();
    await eventually("the old one to notice", () => old.isTaken);
    await eventuallyIs("/leased/taken", "next");
    await next.close();
    await eventuallyIs("/leased/taken", "old");
  });

  test("is written when etcd comes, or comes back", async () => {
    const contacts: KeyContact[] = [];
    await cluster.first.killed();
    await using leased = open("/leased/late", (contact) => contacts.push(contact));
    leased.set(Buffer.from("one"));
    await eventually("it to be told", () => contacts.some(({ kind }) => kind === "lost"));
    await cluster.first.restart();
    const entry = await eventuallyValue("the key", () => entryOf("/leased/late"), { timeoutMs: 30_000 });
    expect(Buffer.from(entry.value).toString()).toBe("one");
  });

  test("is told as held again when it was there all the time", async () => {
    const contacts: KeyContact[] = [];
    await using leased = open("/leased/still", (contact) => contacts.push(contact));
    leased.set(Buffer.from("one"));
    const revision = await leased.held();
    await cluster.first.killed();
    await eventually("it to be told", () => contacts.at(-1)?.kind === "lost");
    await cluster.first.restart();
    await eventually("its end", () => contacts.at(-1)?.kind === "held", { timeoutMs: 30_000 });
    expect((await entryOf("/leased/still"))?.modRevision).toBe(revision);
  });

  test("is closed in a few seconds when etcd is away", async () => {
    const leased = open("/leased/away");
    leased.set(Buffer.from("one"));
    await leased.held();
    cluster.first.kill("SIGSTOP");
    const startedMs = performance.now();
    expect(await leased.close()).toBe(false);
    cluster.first.kill("SIGCONT");
    expect(performance.now() - startedMs).toBeLessThan(6_000);
  });
});
