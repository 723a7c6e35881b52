/**
 * `fairway help`, with a command or one below another, and what is said of a command that there is not.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { fairwayMain } from "../../../demo/kit/program.ts";

const help = (...words: readonly string[]): string =>
  execFileSync(process.execPath, [fairwayMain, "help", ...words], { encoding: "utf8" });

test.each([
  [[], "Usage: fairway [options] [command]"],
  [["plan"], "Usage: fairway plan "],
  [["split"], "Usage: fairway split "],
  [["split", "set"], "Usage: fairway split set "],
])("help %j", (words, usage) => {
  expect(help(...words)).toContain(usage);
});

test.each([
  ["lint", "check"],
  ["validate", "check"],
  ["chek", "check"],
])("the command %s leads to %s", (word, meant) => {
  const { status, stderr } = spawnSync(process.execPath, [fairwayMain, word, "dir"], { encoding: "utf8" });
  expect(status).toBe(2);
  expect(stderr).toContain(`error: unknown command '${word}'\n(Did you mean ${meant}?)`);
});
