/**
 * How often a replica tells the others of its nodes, beside an etcd in which nothing else is.
 */
import { expect, test } from "vitest";
import type { EtcdPort } from "../../../src/etcd/etcd-port.ts";
import { FleetBoard } from "../../../src/store/fleet-board.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { eventually } from "../../support/eventually.ts";

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
