/** What follows from the events about a file. */
import { describe, expect, test } from "vitest";

import { HintLog } from "../../../src/config/hint-log.ts";

const stat = { dev: 1n, ino: 2n, size: 10n, mtimeNs: 100n, ctimeNs: 100n };

describe("a file is complete", () => {
  test("when its name appeared and nothing was written after", () => {
    expect(log("change", "rename").isComplete("a", stat)).toBe(true);
  });

  test("never when something was written after, or nothing is known of its name", () => {
    expect(log("rename", "change").isComplete("a", stat)).toBe(false);
    expect(log("change").isComplete("a", stat)).toBe(false);
    expect(log("rename").isComplete("b", stat)).toBe(false);
  });

  test("never while it is empty, because its first write may be on the way", () => {
    expect(log("rename").isComplete("a", { ...stat, size: 0n })).toBe(false);
  });

  test("at a size of whole pages only if its times tell of a rename after the last write", () => {
    expect(log("rename").isComplete("a", { ...stat, size: 8192n })).toBe(false);
    expect(log("rename").isComplete("a", { ...stat, size: 8192n, ctimeNs: 101n })).toBe(true);
  });
});

test("what is forgotten is older than the scan and belongs to nothing pending", () => {
  const hints = new HintLog();
  for (const [index, path] of ["old", "pending", "new"].entries()) hints.record(path, "rename", index);
  hints.forget(2, new Set(["pending"]));
  expect(["old", "pending", "new"].map((path) => hints.firstMs(path))).toEqual([undefined, 1, 2]);
});

test("a storm of names is bounded", () => {
  const hints = new HintLog();
  for (let index = 0; index < 50_000; index += 1) hints.record(`${index}`, "rename", index);
  expect(hints.firstMs("39999")).toBe(39_999);
  expect(hints.firstMs("40000")).toBeUndefined();
});

function log(...events: readonly ("rename" | "change")[]): HintLog {
  const hints = new HintLog();
  events.forEach((event, index) => hints.record("a", event, index));
  return hints;
}
