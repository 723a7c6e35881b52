/**
 * What is kept while a push goes out, and when it is taken.
 */
import { expect, test } from "vitest";
import { Backlog } from "../../../src/xds/backlog.ts";
import { eventually } from "../../support/eventually.ts";

/** A backlog with a clock of its own; `taken` has the messages in the order in which they were taken. */
function scene() {
  let nowMs = 0;
  const backlog = new Backlog({ nowMs: () => nowMs, monotonicMs: () => nowMs });
  const taken: string[] = [];
  const receiver = (name: string) => ({ receive: (bytes: Buffer) => void taken.push(`${name} ${bytes.toString()}`) });
  const clients = [receiver("a"), receiver("b")] as const;
  const say = (client: 0 | 1, text: string): boolean => backlog.keep(clients[client], Buffer.from(text));
  return { backlog, taken, say, pass: (ms: number) => void (nowMs += ms) };
}

test("nothing is kept while no push goes out", () => {
  const { say } = scene();
  expect(say(0, "1")).toBe(false);
});

test("what comes while a push goes out is taken afterwards, in the order in which it came", async () => {
  const { backlog, taken, say } = scene();
  backlog.open();
  expect([say(0, "1"), say(1, "1"), say(0, "2")]).toEqual([true, true, true]);
  expect(taken).toEqual([]);
  backlog.close();
  // The messages before it have not been taken yet, so it has to wait behind them.
  expect(say(0, "3")).toBe(true);
  await eventually("all of it", () => taken.length === 4);
  expect(taken).toEqual(["a 1", "b 1", "a 2", "a 3"]);
  expect(say(0, "4")).toBe(false);
});

test("the next push goes before what is left of the last one", async () => {
  const { backlog, taken, say } = scene();
  backlog.open();
  say(0, "1");
  backlog.close();
  backlog.open();
  await new Promise(setImmediate);
  expect(taken).toEqual([]);
  backlog.close();
  await eventually("the message", () => taken.length === 1);
});

test("a push that takes long keeps nobody waiting for its end", async () => {
  const { backlog, taken, say, pass } = scene();
  backlog.open();
  say(0, "1");
  pass(1_000);
  say(1, "1");
  await eventually("both", () => taken.length === 2);
  expect(taken).toEqual(["a 1", "b 1"]);
});

test("so many messages and so many bytes are kept, and then all are taken at once", () => {
  const { backlog, taken, say } = scene();
  backlog.open();
  let kept = 0;
  while (say(0, "x")) kept += 1;
  expect(kept).toBeLessThanOrEqual(10_000);
  expect(taken).toHaveLength(kept);
  taken.length = 0;
  const long = "y".repeat(1024 * 1024);
  kept = 0;
  while (say(1, long)) kept += 1;
  expect(kept).toBeLessThanOrEqual(8);
  expect(taken).toHaveLength(kept);
});

test("what a client said is taken before it ends", () => {
  const { backlog, taken, say } = scene();
  backlog.open();
  say(0, "1");
  backlog.takeAll();
  expect(taken).toEqual(["a 1"]);
});
