/**
 * What is kept while a push goes out or the event loop has done enough, and when it is taken.
 */
import { expect, test } from "vitest";
import { Backlog } from "../../../src/xds/backlog.ts";
import { eventually } from "../../support/eventually.ts";

/** A backlog with a clock of its own; `taken` has the messages in the order in which they were taken. */
function scene({ msPerMessage = 0 } = {}) {
  let nowMs = 0;
  const backlog = new Backlog({ nowMs: () => nowMs, monotonicMs: () => nowMs });
  const taken: string[] = [];
  const receiver = (name: string) => ({
    receive: (bytes: Buffer) => {
      taken.push(`${name} ${bytes.toString()}`);
      nowMs += msPerMessage;
    },
  });
  const clients = [receiver("a"), receiver("b")] as const;
  const say = (client: 0 | 1, text: string): void => backlog.accept(clients[client], Buffer.from(text));
  return { backlog, taken, say, pass: (ms: number) => void (nowMs += ms) };
}

test("while no push goes out a message is taken at once", () => {
  const { say, taken } = scene();
  say(0, "1");
  say(1, "1");
  expect(taken).toEqual(["a 1", "b 1"]);
});

test("what comes while a push goes out is taken afterwards, in the order in which it came", async () => {
  const { backlog, taken, say } = scene();
  backlog.open();
  say(0, "1");
  say(1, "1");
  say(0, "2");
  await new Promise(setImmediate);
  expect(taken).toEqual([]);
  backlog.close();
  // The messages before it have not been taken yet, so it has to wait behind them.
  say(0, "3");
  expect(taken).toEqual([]);
  await eventually("all of it", () => taken.length === 4);
  expect(taken).toEqual(["a 1", "b 1", "a 2", "a 3"]);
  say(0, "4");
  expect(taken.at(-1)).toBe("a 4");
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

test("so much is taken in one turn of the event loop, and the rest in the next ones, in order", async () => {
  const { taken, say } = scene({ msPerMessage: 2 });
  const said = Array.from({ length: 20 }, (_, index) => (index % 2) as 0 | 1);
  for (const [index, client] of said.entries()) say(client, String(index));
  expect(taken).toHaveLength(3);
  await new Promise(setImmediate);
  expect(taken).toHaveLength(6);
  await eventually("the rest", () => taken.length === 20);
  expect(taken).toEqual(said.map((client, index) => `${client === 0 ? "a" : "b"} ${index}`));
});

test("so many messages and so many bytes are kept; then the oldest make room for the next", () => {
  const { backlog, taken, say } = scene();
  backlog.open();
  for (let index = 0; index < 10_001; index += 1) say(0, String(index));
  expect(taken).toEqual(["a 0"]);
  backlog.takeAll();
  expect(taken).toHaveLength(10_001);
  taken.length = 0;
  for (let index = 0; index < 9; index += 1) say(1, "y".repeat(1024 * 1024));
  expect(taken).toHaveLength(1);
  say(1, "z".repeat(9 * 1024 * 1024));
  expect(taken).toHaveLength(10);
});

test("what a client said can be taken before it ends", () => {
  const { backlog, taken, say } = scene();
  backlog.open();
  say(0, "1");
  backlog.takeAll();
  expect(taken).toEqual(["a 1"]);
});
