/**
 * Who is let in when many nodes come at once.
 */
import { expect, test } from "vitest";
import { Admission } from "../../../src/xds/admission.ts";
import { StreamRate } from "../../../src/xds/stream-rate.ts";
import { eventually } from "../../support/eventually.ts";

/** Nodes of which all but the first few wait; `admitted` has their numbers in order. */
function crowd(count: number, isEmpty: (index: number) => boolean) {
  let nowMs = 0;
  const admission = new Admission({ nowMs: () => nowMs, monotonicMs: () => nowMs });
  const admitted: number[] = [];
  const nodes = Array.from({ length: count }, (_, index) => ({ admitted: () => void admitted.push(index) }));
  const verdicts = nodes.map((node, index) => admission.enter(node, { holdsNothing: isEmpty(index) }));
  const atOnce = verdicts.filter((verdict) => verdict === "now").length;
  return { admission, admitted, nodes, verdicts, atOnce, pass: (ms: number) => void (nowMs += ms) };
}

test("so many are let in at once, the others as places become free, nodes that hold nothing first", async () => {
  const { admission, admitted, nodes, atOnce } = crowd(400, (index) => index % 2 === 1);
  expect(atOnce).toBeLessThan(200);
  expect(admitted).toEqual([]);
  for (const node of nodes.slice(0, atOnce)) admission.leave(node);
  await eventually("as many to be let in", () => admitted.length === atOnce);
  expect(admitted.every((index) => index % 2 === 1)).toBe(true);
  expect(admitted).toEqual(admitted.toSorted((a, b) => a - b));
  for (const node of nodes) admission.leave(node);
  await eventually("nobody to wait", () => admission.waitingCount === 0);
});

test("all get in when each leaves in turn, however many there are, and nobody twice", async () => {
  const { admission, admitted, nodes, atOnce } = crowd(2_000, () => true);
  for (const node of nodes.slice(0, atOnce)) admission.leave(node);
  await eventually("the last one", () => {
    for (const index of admitted) admission.leave(nodes[index]!);
    return admitted.length === 2_000 - atOnce;
  });
  expect(new Set(admitted).size).toBe(admitted.length);
});

test("who has waited and goes is not called", async () => {
  const { admission, admitted, nodes, atOnce } = crowd(200, () => true);
  for (const node of nodes.slice(atOnce)) admission.leave(node);
  for (const node of nodes.slice(0, atOnce)) admission.leave(node);
  await new Promise(setImmediate);
  expect(admitted).toEqual([]);
  expect(admission.enter(nodes[0]!, { holdsNothing: false })).toBe("now");
});

test("nodes that never get done give up their places after a while", async () => {
  const { admission, admitted, atOnce, pass } = crowd(200, () => true);
  pass(60_000);
  admission.enter({ admitted: () => undefined }, { holdsNothing: false });
  await eventually("the others to be let in", () => admitted.length === 200 - atOnce);
});

test("the line has an end", () => {
  const { verdicts } = crowd(30_000, () => false);
  expect(verdicts.at(-1)).toBe("refused");
});

test("streams may be opened in a burst, and then at a rate", () => {
  const rate = new StreamRate();
  const taken = (atMs: number) => Array.from({ length: 20_000 }, () => rate.take(atMs)).filter(Boolean).length;
  const burst = taken(0);
  expect(burst).toBeGreaterThan(5_000);
  expect(taken(0)).toBe(0);
  expect(taken(1_000)).toBe(taken(2_000));
  expect(taken(3_600_000)).toBe(burst);
});
