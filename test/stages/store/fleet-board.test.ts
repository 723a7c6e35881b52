/**
 * How often a replica tells the others of its nodes, beside an etcd in which nothing else is.
 */
import { expect, test } from "vitest";
import type { EtcdPort } from "../../../src/etcd/etcd-port.ts";
import type { FleetBoardOptions } from "../../../src/store/fleet-board.ts";
import { FleetBoard } from "../../../src/store/fleet-board.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { eventually, throughout } from "../../support/eventually.ts";
import { entry, listedEtcd } from "../config/listed-etcd.ts";

/** The times at which something was written. */
async function writesOf(bytesCount: number, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  const etcd: EtcdPort = {
    list: () => Promise.resolve({ clusterId: "1", revision: 10, entries: [] }),
    watch: () => ({ ping: () => undefined, close: () => undefined }),
    transact: () => Promise.resolve({ ok: true, revision: 11 }),
    grantLease: () => Promise.resolve("1"),
    keepAlive: () => Promise.resolve(10),
    revokeLease: () => Promise.resolve(),
    close: () => undefined,
  };
  const board = new FleetBoard({
    etcd,
    clock: systemClock,
    random: () => 0.5,
    keys: { id: "one", open: () => ({ set: () => void times.push(performance.now()) }) },
    summary: () => {
      // Something has changed again.
      board.changed();
      return Promise.resolve(Buffer.alloc(bytesCount));
    },
    onContact: () => undefined,
    onReplicas: () => undefined,
  });
  await eventually("the writes", () => times.length >= count, { timeoutMs: 20_000 });
  board.close();
  return times;
}

test("what is small is told once a second, and what is large so rarely that etcd is not filled", async () => {
  const [small, large] = await Promise.all([writesOf(1_024, 3), writesOf(96 * 1_024, 2)]);
  const between = ([first = 0, second = 0]: readonly number[]) => second - first;
  expect(between(small)).toBeGreaterThan(900);
  expect(between(small)).toBeLessThan(2_900);
  expect(between(large)).toBeGreaterThan(2_900);
});

/** A board that tells nothing, with what it hears of the other replicas. */
async function openWatched(leftAfterMs: number) {
  const { port, watched } = listedEtcd([entry("/fairway/fleet/two", 5)]);
  const heard: string[] = [];
  const onReplicas: FleetBoardOptions["onReplicas"] = ({ joined, left }) =>
    heard.push(...joined.map((replica) => `${replica} joined`), ...left.map((replica) => `${replica} left`));
  const board = new FleetBoard({
    etcd: port,
    clock: systemClock,
    random: () => 0.5,
    leftAfterMs,
    keys: { id: "one", open: () => ({ set: () => undefined }) },
    summary: () => Promise.resolve(undefined),
    onContact: () => undefined,
    onReplicas,
  });
  await eventually("the watch", () => watched.has("/fairway/fleet/"));
  const watch = () => watched.get("/fairway/fleet/");
  const key = "/fairway/fleet/two";
  return {
    board,
    heard,
    go: (revision: number) => watch()?.changed([{ kind: "delete", key, modRevision: revision }], revision),
    come: (revision: number) => watch()?.changed([{ kind: "put", entry: entry(key, revision) }], revision),
    [Symbol.dispose]: () => board.close(),
  };
}

test("a replica that is gone is told when it has been so for a while, and then that it is back", async () => {
  using watched = await openWatched(50);
  watched.go(11);
  expect(watched.board.others, "its nodes are gone at once").toEqual([]);
  expect(watched.heard).toEqual([]);
  await eventually("it to be told", () => watched.heard.length > 0);
  watched.come(12);
  expect(watched.heard).toEqual(["two left", "two joined"]);
});

test("a replica that is there again soon, because its lease had ended while etcd was away, has not left", async () => {
  using watched = await openWatched(300);
  watched.go(11);
  watched.come(12);
  await throughout("nothing is told", () => watched.heard.length === 0, 500);
});
