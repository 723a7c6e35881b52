/**
 * `fairway help`, with a command or one below another.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const main = join(import.meta.dirname, "../../../src/cli/main.ts");
const help = (...words: readonly string[]): string =>
  execFileSync(process.execPath, [main, "help", ...words], { encoding: "utf8" });

test.each([
  [[], "Usage: fairway [options] [command]"],
  [["plan"], "Usage: fairway plan "],
  [["split"], "Usage: fairway split "],
  [["split", "set"], "Usage: fairway split set "],
])("help %j", (words, usage) => {
  expect(help(...words)).toContain(usage);
});
