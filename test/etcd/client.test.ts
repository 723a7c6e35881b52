/** The client against a real etcd: what it reads, writes and leases, and what it says when etcd does not want to. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { Change } from "../../src/etcd/etcd-port.ts";
import { systemClock } from "../../src/support/clock.ts";
import { eventually } from "../support/eventually.ts";
import { compact } from "./compact.ts";

const text = (value: Uint8Array) => Buffer.from(value).toString();

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

function put(key: string, value: string) {
  return { kind: "put", key, value: Buffer.from(value) } as const;
}

describe("a listing", () => {
  test("has everything under the prefix at one revision, sorted, and nothing beside it", async () => {
    await client.transact([], [put("/a/2", "two"), put("/a/1", "one"), put("/a", "above"), put("/b/1", "beside")]);
    const listing = await client.list("/a/");
    expect(listing.entries.map(({ key, value }) => [key, text(value)])).toEqual([
      ["/a/1", "one"],
      ["/a/2", "two"],
    ]);
    expect(listing.revision).toBeGreaterThan(1);
    expect(listing.entries.map(({ modRevision }) => modRevision)).toEqual([listing.revision, listing.revision]);
  });

  test("of more keys than fit into one answer is whole", async () => {
    for (let page = 0; page < 52; page += 1) {
      const keys = Array.from({ length: 100 }, (_, index) => `/many/${String(page * 100 + index).padStart(5, "0")}`);
      await client.transact(
        [],
        keys.map((key) => put(key, "x")),
      );
    }
    const { entries } = await client.list("/many/");
    expect(new Set(entries.map(({ key }) => key)).size).toBe(5_200);
  });
});

describe("a transaction", () => {
  test("writes only if nobody has changed the key since, and says what it is now", async () => {
    const first = await client.transact([{ kind: "revision", key: "/t/k", modRevision: 0 }], [put("/t/k", "mine")]);
    expect(first.ok).toBe(true);
    const lost = await client.transact([{ kind: "revision", key: "/t/k", modRevision: 0 }], [put("/t/k", "theirs")]);
    expect(lost.ok).toBe(false);
    const current = lost.ok ? undefined : lost.current.get("/t/k");
    expect(current && text(current.value)).toBe("mine");
    const next = await client.transact(
      [{ kind: "revision", key: "/t/k", modRevision: current?.modRevision ?? -1 }],
      [{ kind: "delete", key: "/t/k" }],
    );
    expect(next.ok).toBe(true);
    expect((await client.list("/t/")).entries).toEqual([]);
  });

  test("that is too large is refused as such", async () => {
    const write = client.transact([], [put("/t/large", "x".repeat(2 * 1024 * 1024))]);
    await expect(write).rejects.toMatchObject({ name: "EtcdError", kind: "too-large" });
  });
});

describe("a watch", () => {
  test("tells what happened from a revision on, all of one revision together", async () => {
    const { revision } = await client.list("/w/");
    await client.transact([], [put("/w/1", "a"), put("/w/2", "b")]);
    const batches: (readonly Change[])[] = [];
    const watch = client.watch("/w/", revision + 1, {
      changed: (changes) => void batches.push(changes),
      heard: () => undefined,
      ended: () => undefined,
    });
    await eventually("both puts", () => batches.length > 0);
    expect(batches[0]?.map((change) => change.kind === "put" && change.entry.key)).toEqual(["/w/1", "/w/2"]);
    await client.transact([], [{ kind: "delete", key: "/w/1" }]);
    await eventually("the removal", () => batches.length > 1);
    expect(batches[1]).toMatchObject([{ kind: "delete", key: "/w/1" }]);
    watch.close();
  });

  test("from a revision that is not kept any more ends and says so", async () => {
    const { revision } = await client.transact([], [put("/c/1", "a")]);
    await client.transact([], [put("/c/1", "b")]);
    await compact(cluster.first.endpoint, revision + 1);
    const ended = new Promise<{ readonly compacted: boolean }>((resolve) => {
      client.watch("/c/", revision, {
        changed: () => undefined,
        heard: () => undefined,
        ended: (_reason, how) => resolve(how),
      });
    });
    expect(await ended).toEqual({ compacted: true });
  });

  test("answers when it is asked whether it is alive", async () => {
    let heard = 0;
    const ends: string[] = [];
    // One that was compacted would end the watch, and that is heard as well; of one that is still to come etcd says nothing.
    const { revision } = await client.list("/quiet/");
    const watch = client.watch("/quiet/", revision, {
      changed: () => undefined,
      heard: () => void (heard += 1),
      ended: (reason) => void ends.push(reason),
    });
    await eventually("its creation", () => heard === 1);
    await eventually("its answer", () => {
      // A server that has not caught up yet does not answer.
      watch.ping();
      return heard > 1;
    });
    expect(ends).toEqual([]);
    watch.close();
  });
});

describe("a lease", () => {
  test("takes its keys along when it is not kept alive, and keeps them as long as it is", async () => {
    // Long enough for what is looked at before it ends, however busy the machine is.
    const leaseId = await client.grantLease(5);
    await client.transact([], [{ ...put("/lease/k", "v"), leaseId }]);
    expect((await client.list("/lease/")).entries[0]?.leaseId).toBe(leaseId);
    expect(await client.keepAlive(leaseId)).toBeGreaterThan(0);
    await eventually("the end of the lease", async () => (await client.list("/lease/")).entries.length === 0, {
      timeoutMs: 30_000,
    });
    expect(await client.keepAlive(leaseId)).toBe(0);
  });

  test("that is revoked takes its keys along at once", async () => {
    const leaseId = await client.grantLease(60);
    await client.transact([], [{ ...put("/lease/r", "v"), leaseId }]);
    await client.revokeLease(leaseId);
    expect((await client.list("/lease/")).entries).toEqual([]);
  });
});

test("nobody answers: the error says where and that it is not there", async () => {
  const nobody = new EtcdClient({ endpoints: ["127.0.0.1:1"], clock: systemClock, timeoutMs: 500 });
  await expect(nobody.list("/a/")).rejects.toMatchObject({ kind: "unavailable" });
  await expect(nobody.list("/a/")).rejects.toThrow(/127\.0\.0\.1:1/);
  nobody.close();
});
