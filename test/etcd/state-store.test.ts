/** Live state by its contract, in a directory and in a real etcd. */
import { readdir, truncate } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { EtcdPort } from "../../src/etcd/etcd-port.ts";
import { DirectoryStateStore } from "../../src/store/directory-state-store.ts";
import { EtcdStateStore } from "../../src/store/etcd-state-store.ts";
import type { StateStore } from "../../src/store/state-store.ts";
import { updateState } from "../../src/store/state-store.ts";
import { systemClock } from "../../src/support/clock.ts";
import { eventually } from "../support/eventually.ts";
import { tempDir } from "../support/temp-dir.ts";
import { methodsOf } from "./etcd-methods.ts";

const bytes = (text: string) => Buffer.from(text);
const text = (of: { readonly bytes: Uint8Array } | undefined) => of && Buffer.from(of.bytes).toString();
const options = { clock: systemClock, random: Math.random };

let etcd: EtcdCluster;
let client: EtcdClient;
let directory: Awaited<ReturnType<typeof tempDir>>;
let inDirectory: DirectoryStateStore;
let inEtcd: EtcdStateStore;

beforeAll(async () => {
  etcd = await EtcdCluster.start();
  client = new EtcdClient({ endpoints: etcd.endpoints, clock: systemClock });
  directory = await tempDir();
  inDirectory = await DirectoryStateStore.open({ directory: directory.path });
  inEtcd = new EtcdStateStore({ ...options, etcd: client });
});

afterAll(async () => {
  await inDirectory.close();
  await directory[Symbol.asyncDispose]();
  client.close();
  await etcd[Symbol.asyncDispose]();
});

describe.each([
  ["a directory", (): StateStore => inDirectory],
  ["etcd", (): StateStore => inEtcd],
])("in %s", (_name, open) => {
  test("a document is there as it was put, until it is removed", async () => {
    const store = open();
    expect(await store.get("a/1")).toBeUndefined();
    const first = await store.put("a/1", bytes("one"), { revision: 0 });
    expect(first.kind).toBe("written");
    await store.put("a/2", bytes("two"), { revision: 0 });
    await store.put("b/1", bytes("beside"), { revision: 0 });
    expect((await store.list("a/")).map((document) => [document.key, text(document)])).toEqual([
      ["a/1", "one"],
      ["a/2", "two"],
    ]);
    const { revision = 0 } = (await store.get("a/1")) ?? {};
    expect(await store.delete("a/1", { revision })).toMatchObject({ kind: "written" });
    expect(await store.get("a/1")).toBeUndefined();
  });

  test("a stale writer is told what is there now, and writes nothing", async () => {
    const store = open();
    await store.put("stale", bytes("one"), { revision: 0 });
    const seen = await store.get("stale");
    await store.put("stale", bytes("two"), { revision: seen?.revision ?? 0 });
    for (const revision of [seen?.revision ?? 0, 0]) {
      for (const lost of [
        await store.put("stale", bytes("mine"), { revision }),
        await store.delete("stale", { revision }),
      ]) {
        expect(lost.kind).toBe("conflict");
        const current = lost.kind === "conflict" ? lost.current : undefined;
        expect(text(current)).toBe("two");
        expect(current?.revision).toBe((await store.get("stale"))?.revision);
      }
    }
    expect(await store.put("nothing", bytes("x"), { revision: 7 })).toEqual({ kind: "conflict", current: undefined });
  });

  test("a revision that was removed does not come back", async () => {
    const store = open();
    const first = await store.put("aba", bytes("x"), { revision: 0 });
    const revision = first.kind === "written" ? first.revision : 0;
    await store.delete("aba", { revision });
    await store.put("aba", bytes("x"), { revision: 0 });
    expect((await store.put("aba", bytes("late"), { revision })).kind).toBe("conflict");
  });

  test("a large document is whole, and another takes its place", async () => {
    const store = open();
    const large = Buffer.alloc(5_000_000, "0123456789");
    await store.put("large", large, { revision: 0 });
    const read = await store.get("large");
    expect(large.equals(read?.bytes ?? Buffer.alloc(0))).toBe(true);
    await store.put("large", Buffer.alloc(3_000_000, "x"), { revision: read?.revision ?? 0 });
    expect((await store.get("large"))?.bytes.byteLength).toBe(3_000_000);
    await store.put("large", bytes("small"), { revision: (await store.get("large"))?.revision ?? 0 });
    expect(text((await store.list("large"))[0])).toBe("small");
    await expect(store.put("huge", Buffer.alloc(40_000_000), { revision: 0 })).rejects.toThrow(/STATE_UNWRITABLE/);
  });

  test("who watches is told what there is, and what becomes of it", async () => {
    const store = open();
    await store.put("w/1", bytes("there"), { revision: 0 });
    const told: string[] = [];
    const watch = store.watch("w/", (change) =>
      told.push(change.kind === "put" ? `${change.document.key}=${text(change.document)}` : `${change.key} gone`),
    );
    await eventually("what is there", () => told.length === 1);
    await store.put("w/2", Buffer.alloc(600_000, "y"), { revision: 0 });
    await eventually("what came", () => told.length === 2);
    await store.delete("w/1", { revision: (await store.get("w/1"))?.revision ?? 0 });
    await eventually("what went", () => told.includes("w/1 gone"));
    watch.close();
    await store.put("w/3", bytes("unheard"), { revision: 0 });
    const later: string[] = [];
    const other = store.watch("w/", ({ kind }) => later.push(kind));
    await eventually("another one to be told of what is there", () => later.length === 2);
    other.close();
    expect(told.length).toBe(3);
  });

  // On a busy machine it takes most of a minute.
  test("fifty writers that add two hundred times each lose nothing", { timeout: 300_000 }, async () => {
    const store = open();
    const add = () =>
      updateState(store, "sum", (current) => bytes(String(Number(text(current) ?? 0) + 1)), Math.random);
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        for (let time = 0; time < 200; time += 1) await add();
      }),
    );
    expect(text(await store.get("sum"))).toBe("10000");
  });
});

describe("a directory", () => {
  test("that is opened again has everything with its revisions, and what is damaged as it was before", async () => {
    await using state = await tempDir();
    const first = await DirectoryStateStore.open({ directory: state.path });
    await first.put("kept", bytes("old"), { revision: 0 });
    await first.put("kept", bytes("new"), { revision: (await first.get("kept"))?.revision ?? 0 });
    await first.put("gone", bytes("x"), { revision: 0 });
    await first.delete("gone", { revision: (await first.get("gone"))?.revision ?? 0 });
    await expect(DirectoryStateStore.open({ directory: state.path })).rejects.toThrow(/STATE_UNWRITABLE/);
    await first.close();
    const second = await DirectoryStateStore.open({ directory: state.path });
    expect((await second.list("")).map(text)).toEqual(["new"]);
    const next = await second.put("more", bytes("y"), { revision: 0 });
    expect(next).toMatchObject({ kind: "written", revision: 5 });
    await second.close();
    const newest =
      (await readdir(state.path))
        .filter((name) => name.startsWith("kept-"))
        .toSorted()
        .at(-1) ?? "";
    await truncate(state.join(newest), 60);
    const warnings: string[] = [];
    const third = await DirectoryStateStore.open({ directory: state.path, onWarning: (line) => warnings.push(line) });
    expect(text(await third.get("kept"))).toBe("old");
    expect(warnings).toEqual([expect.stringContaining(newest)]);
    await third.close();
  });
});

describe("etcd", () => {
  test("a writer that dies between the parts leaves the old document whole, and its parts are cleared away later", async () => {
    const nowMs = Date.now() - 60 * 60_000;
    const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
    let partsLeft = 3;
    const dying: EtcdPort = {
      ...methodsOf(client),
      transact: (conditions, writes) => {
        if (writes.some(({ key }) => key.includes("/parts/")) && (partsLeft -= 1) < 0) throw new Error("it died");
        return client.transact(conditions, writes);
      },
    };
    const old = Buffer.alloc(2_000_000, "old");
    await inEtcd.put("torn", old, { revision: 0 });
    const { revision = 0 } = (await inEtcd.get("torn")) ?? {};
    const writer = new EtcdStateStore({ ...options, clock, etcd: dying });
    await expect(writer.put("torn", Buffer.alloc(3_000_000, "new"), { revision })).rejects.toThrow("it died");
    expect(old.equals((await inEtcd.get("torn"))?.bytes ?? Buffer.alloc(0))).toBe(true);
    const partsOf = async () => (await client.list("/fairway/state/parts/torn/")).entries.length;
    expect(await partsOf()).toBe(4 + 3);
    expect((await inEtcd.put("torn", Buffer.alloc(1_000_000, "next"), { revision })).kind).toBe("written");
    expect(await partsOf()).toBe(2);
  });

  test("who reads while others write large documents never has a torn one", async () => {
    const size = 1_200_000;
    await inEtcd.put("turning", Buffer.alloc(size, 0), { revision: 0 });
    let isDone = false;
    const writers = [1, 2].map(async (mark) => {
      for (let time = 0; time < 5; time += 1) {
        await updateState(inEtcd, "turning", () => Buffer.alloc(size, mark), Math.random);
      }
    });
    const reader = (async () => {
      let reads = 0;
      while (!isDone) {
        const read = (await inEtcd.get("turning"))?.bytes ?? Buffer.alloc(0);
        expect(Buffer.alloc(size, read[0]).equals(read)).toBe(true);
        reads += 1;
      }
      return reads;
    })();
    await Promise.all(writers);
    isDone = true;
    expect(await reader).toBeGreaterThan(3);
  });

  test("that does not answer makes a write an error that says so", async () => {
    const nobody = new EtcdClient({ endpoints: ["127.0.0.1:1"], clock: systemClock, timeoutMs: 300 });
    const store = new EtcdStateStore({ ...options, etcd: nobody });
    await expect(store.put("a", bytes("x"), { revision: 0 })).rejects.toThrow(
      /\[STATE_UNWRITABLE\] a cannot be written: etcd at 127\.0\.0\.1:1/,
    );
    await expect(store.get("a")).rejects.toThrow(/\[STATE_UNREADABLE\]/);
    nobody.close();
  });
});
