/** A prefix of a real etcd is followed through everything that happens to an etcd, and nothing of it is missed or lost. */
import { cp, rm } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { EtcdCluster } from "../../demo/kit/etcd.ts";
import { EtcdClient } from "../../src/etcd/etcd-client.ts";
import type { EtcdPort } from "../../src/etcd/etcd-port.ts";
import { systemClock } from "../../src/support/clock.ts";
import { eventually, throughout } from "../support/eventually.ts";
import { FollowedPrefix } from "./followed-prefix.ts";
import { compact } from "./compact.ts";
import { methodsOf } from "./etcd-methods.ts";

/** Writes with a client of its own. */
class Writer {
  readonly #client: EtcdClient;

  constructor(endpoints: readonly string[]) {
    this.#client = new EtcdClient({ endpoints, clock: systemClock, timeoutMs: 3_000 });
  }

  /** Sets keys under `/p/`, or removes those that are undefined. */
  async set(values: Readonly<Record<string, string | undefined>>): Promise<number> {
    const writes = Object.entries(values).map(([name, value]) =>
      value === undefined
        ? ({ kind: "delete", key: `/p/${name}` } as const)
        : ({ kind: "put", key: `/p/${name}`, value: Buffer.from(value) } as const),
    );
    return (await this.#client.transact([], writes)).revision;
  }

  /** Waits until a write goes through, whatever it takes. */
  async setAtLast(values: Readonly<Record<string, string | undefined>>): Promise<void> {
    await eventually("a write that goes through", async () => (await this.set(values)) > 0, { timeoutMs: 30_000 });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }
}

describe("a single etcd", () => {
  test("whatever is put and removed is there, each state whole", async () => {
    await using etcd = await EtcdCluster.start();
    using writer = new Writer(etcd.endpoints);
    await writer.set({ a: "1" });
    using followed = new FollowedPrefix({ endpoints: etcd.endpoints, prefix: "/p/" });
    await followed.has({ "/p/a": "1" });
    await writer.set({ a: "2", b: "1" });
    await followed.has({ "/p/a": "2", "/p/b": "1" });
    expect(
      followed.states.filter((state) => state.get("/p/a") === "2" && !state.has("/p/b")),
      "half a write",
    ).toEqual([]);
    await writer.set({ a: undefined });
    await followed.has({ "/p/b": "1" });
    expect(followed.contacts.map(({ kind }) => kind)).toEqual(["current"]);
  });

  test("that is killed and comes back is followed on, and what was written in between is there", async () => {
    await using etcd = await EtcdCluster.start();
    using writer = new Writer(etcd.endpoints);
    await writer.set({ a: "1" });
    using followed = new FollowedPrefix({ endpoints: etcd.endpoints, prefix: "/p/" });
    await followed.has({ "/p/a": "1" });
    await etcd.first.killed();
    await followed.reaches("behind");
    await throughout("what was known stays", () => followed.state["/p/a"] === "1", 300);
    await etcd.first.restart();
    await writer.setAtLast({ b: "1" });
    await followed.has({ "/p/a": "1", "/p/b": "1" });
    await followed.reaches("current");
    expect(followed.lostCount).toBe(0);
  });

  test("that hangs is given up in time, and followed on when it goes on", async () => {
    await using etcd = await EtcdCluster.start();
    using writer = new Writer(etcd.endpoints);
    await writer.set({ a: "1" });
    using followed = new FollowedPrefix({ endpoints: etcd.endpoints, prefix: "/p/" });
    await followed.has({ "/p/a": "1" });
    etcd.first.kill("SIGSTOP");
    await followed.reaches("behind", 5_000);
    etcd.first.kill("SIGCONT");
    await writer.setAtLast({ a: undefined, b: "2" });
    await followed.has({ "/p/b": "2" });
    await followed.reaches("current");
    expect(followed.lostCount).toBe(0);
  });

  test("to which nobody writes anything is followed all the time, because it answers that it is there", async () => {
    await using etcd = await EtcdCluster.start();
    using followed = new FollowedPrefix({ endpoints: etcd.endpoints, prefix: "/p/", times: { silentMs: 1_500 } });
    await followed.reaches("current");
    await throughout("no doubt", () => followed.contacts.length === 1, 3_500);
  });

  test("that has compacted what happened while nobody watched is listed anew, and equal content is told to nobody", async () => {
    await using etcd = await EtcdCluster.start();
    using writer = new Writer(etcd.endpoints);
    await writer.set({ a: "1", b: "1" });
    // The watch breaks, and what it would go on from is not kept any more.
    let breakWatch: (() => void) | undefined;
    const through = (port: EtcdPort): EtcdPort => ({
      ...methodsOf(port),
      watch: (prefix, fromRevision, listener) => {
        const watch = port.watch(prefix, fromRevision, listener);
        breakWatch = () => {
          watch.close();
          listener.ended("cut", { compacted: false });
        };
        return watch;
      },
    });
    using followed = new FollowedPrefix({ endpoints: etcd.endpoints, prefix: "/p/", through });
    await followed.has({ "/p/a": "1", "/p/b": "1" });
    const statesBefore = followed.states.length;
    breakWatch?.();
    await compact(etcd.first.endpoint, await writer.set({ a: "1" }));
    await followed.reaches("current");
    await writer.set({ b: undefined });
    await followed.has({ "/p/a": "1" });
    expect(followed.states.length).toBeLessThanOrEqual(statesBefore + 2);
  });

  test("of which a watch loses changes is put right by the next listing, which counts what was lost", async () => {
    await using etcd = await EtcdCluster.start();
    using writer = new Writer(etcd.endpoints);
    await writer.set({ a: "1", b: "1" });
    // A listing between the writes and what the watch tells of them would find what nobody can say was lost.
    let gate = Promise.resolve();
    let listings = 0;
    const through = (port: EtcdPort): EtcdPort => ({
      ...methodsOf(port),
      list: async (prefix) => {
        await gate;
        listings += 1;
        return port.list(prefix).finally(() => (listings -= 1));
      },
      watch: (prefix, fromRevision, listener) =>
        port.watch(prefix, fromRevision, {
          ...listener,
          changed: (changes, revision) => {
            const kept = changes.filter((change) => change.kind === "put" && change.entry.key === "/p/c");
            if (kept.length > 0) listener.changed(kept, revision);
          },
        }),
    });
    using followed = new FollowedPrefix({
      endpoints: etcd.endpoints,
      prefix: "/p/",
      through,
      times: { relistMs: 400 },
    });
    await followed.has({ "/p/a": "1", "/p/b": "1" });
    const opens = Promise.withResolvers<void>();
    gate = opens.promise;
    await eventually("no listing to be under way", () => listings === 0);
    await writer.set({ a: "2" });
    await writer.set({ b: undefined });
    await writer.set({ c: "1" });
    await followed.has({ "/p/a": "1", "/p/b": "1", "/p/c": "1" });
    opens.resolve();
    await followed.has({ "/p/a": "2", "/p/c": "1" });
    expect(followed.lostCount).toBe(2);
  });

  test("that was restored from an older state is not followed until somebody says so", async () => {
    await using etcd = await EtcdCluster.start();
    using writer = new Writer(etcd.endpoints);
    await writer.set({ a: "1" });
    await etcd.first.close();
    const { dataDir } = etcd.first;
    await cp(dataDir, `${dataDir}-backup`, { recursive: true });
    await etcd.first.restart();
    using followed = new FollowedPrefix({ endpoints: etcd.endpoints, prefix: "/p/" });
    await writer.setAtLast({ a: "2" });
    await writer.set({ b: "2" });
    await followed.has({ "/p/a": "2", "/p/b": "2" });
    await etcd.first.close();
    await rm(dataDir, { recursive: true });
    await cp(`${dataDir}-backup`, dataDir, { recursive: true });
    await etcd.first.restart();
    await followed.reaches("older");
    await throughout("nothing older is taken", () => followed.state["/p/b"] === "2", 500);
    followed.acceptOlder();
    await followed.has({ "/p/a": "1" });
    await followed.reaches("current");
    await writer.set({ a: "3" });
    await followed.has({ "/p/a": "3" });
  });
});

describe("a cluster of three", () => {
  test("is followed through the loss of any member, its leader included", async () => {
    await using etcd = await EtcdCluster.start({ members: 3 });
    using writer = new Writer(etcd.endpoints);
    await writer.set({ n: "0" });
    using followed = new FollowedPrefix({ endpoints: etcd.endpoints, prefix: "/p/" });
    await followed.has({ "/p/n": "0" });
    for (const [index, member] of etcd.members.entries()) {
      await member.killed();
      await writer.setAtLast({ n: `without ${index}` });
      await followed.has({ "/p/n": `without ${index}` }, 20_000);
      await member.restart();
    }
    expect(followed.lostCount).toBe(0);
  });

  test("that has no majority any more is not taken for current", async () => {
    await using etcd = await EtcdCluster.start({ members: 3 });
    using writer = new Writer(etcd.endpoints);
    await writer.set({ a: "1" });
    using followed = new FollowedPrefix({ endpoints: etcd.endpoints, prefix: "/p/", times: { relistMs: 500 } });
    await followed.has({ "/p/a": "1" });
    await Promise.all(etcd.members.slice(1).map((member) => member.killed()));
    await followed.reaches("behind", 20_000);
    expect(followed.state).toEqual({ "/p/a": "1" });
    await Promise.all(etcd.members.slice(1).map((member) => member.launch()));
    await writer.setAtLast({ a: "2" });
    await followed.has({ "/p/a": "2" }, 20_000);
    await followed.reaches("current");
  });
});
