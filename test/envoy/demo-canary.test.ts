/**
 * The demo of rollouts as its users run it.
 */
import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { leftovers, startDemo } from "../support/demo-program.ts";
import { tempDir } from "../support/temp-dir.ts";

describe("the demo of rollouts", { timeout: 240_000 }, () => {
  test("promotes a good release and takes a bad one back, without a request lost, and leaves their reports", async () => {
    await using directory = await tempDir();
    const demo = await startDemo(["--canary"], { TMPDIR: directory.path });
    const exit = await demo.exited;
    const printed = demo.logs().join("\n");
    expect(exit, printed).toEqual({ code: 0, signal: null });
    const [good = "", bad = ""] = printed.split(/^2 {2}v3 fails/m);
    expect(weightsIn(good)).toEqual(["10 %", "25 %", "50 %", "100 %"]);
    expect(good.match(/acknowledged by all 3 Envoys in \d+ ms$/gm)).toHaveLength(4);
    expect(good).toMatch(/^ +passed: green fails 0 % of its requests/m);
    expect(good).toMatch(/^ {3}exit code 0: promoted$/m);
    expect(weightsIn(bad).at(-1)).toBe("0 %");
    expect(bad).toMatch(/acknowledged by all 3 Envoys in \d+ ms after the decision$/m);
    expect(bad).toMatch(/^ +failed: blue fails \d/m);
    expect(bad).toMatch(/^ {3}exit code 3: rolled back$/m);
    expect(bad).toMatch(/since then v3 had 0 of \d+ requests$/m);
    expect(bad).toMatch(/^ {3}answered 503 by v3 +[1-9]\d*,/m);
    expect(bad).toMatch(/^ {3}requests lost +0$/m);
    expect(bad).toContain("### shop: v3 was rolled back");
    expect(printed.split("\n").filter((line) => line.length > 100)).toEqual([]);
    expect(printed).not.toContain("\u001b");

    expect(await leftovers(demo.pid, directory.path)).toEqual([]);
    const reports = await readdir(directory.path, { recursive: true });
    const pages = reports.filter((name) => name.endsWith(".html"));
    expect(pages.map((name) => basename(name)).toSorted()).toEqual(["rollout-v2.html", "rollout-v3.html"]);
    for (const page of pages) {
      const path = join(directory.path, page);
      expect(printed).toContain(path);
      expect(await readFile(path, "utf8")).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/i);
    }
  });

  test("ends its programs and removes its files on SIGINT, in the middle of a rollout", async () => {
    await using directory = await tempDir();
    const demo = await startDemo(["--canary"], { TMPDIR: directory.path });
    await demo.waitForLog(/^ {3}10 % +acknowledged/, 120_000);
    demo.kill("SIGINT");
    expect(await demo.exited).toEqual({ code: 130, signal: null });
    expect(await leftovers(demo.pid, directory.path)).toEqual([]);
    expect(await readdir(directory.path)).toEqual([]);
  });
});

test.each(["--keep", "--quick"])("the demo of rollouts says that it does not take %s", async (flag) => {
  const demo = await startDemo(["--canary", flag]);
  expect((await demo.exited).code).toBe(2);
  expect(demo.logs().join("\n")).toContain("--canary takes no other flag");
});

/** Of the steps that were acknowledged, in order. */
function weightsIn(text: string): readonly string[] {
  return [...text.matchAll(/^ {3}(\d+ %) +acknowledged/gm)].map(([, weight = ""]) => weight);
}
