/**
 * The demo as its users run it, with shorter looks at the traffic.
 */
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { waitUntil } from "../../demo/kit/wait-until.ts";
import { childrenOf, leftovers, startDemo, stateOf } from "../support/demo-program.ts";

describe("demo", { timeout: 120_000 }, () => {
  it("shows five steps without a failed request and leaves nothing behind", async () => {
    const demo = await startDemo(["--quick"]);
    const exit = await demo.exited;
    const printed = demo.logs().join("\n");
    expect(exit, printed).toEqual({ code: 0, signal: null });
    for (const step of [1, 2, 3, 4, 5]) expect(printed).toMatch(new RegExp(`^${step}  `, "m"));
    expect(printed).toMatch(/requests failed +0$/m);
    expect(printed).toMatch(/routes\.yaml:\d+:\d+: error/);
    expect(printed.split("\n").filter((line) => line.length > 100)).toEqual([]);
    expect(printed).not.toContain("\u001b");
    expect(await leftovers(demo.pid)).toEqual([]);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("ends its programs and removes its files on %s", async (signal, code) => {
    const demo = await startDemo(["--quick"]);
    await demo.waitForLog(/^1 {2}/, 60_000);
    expect(childrenOf(demo.pid)).toHaveLength(3);
    demo.kill(signal);
    expect(await demo.exited).toEqual({ code, signal: null });
    expect(await leftovers(demo.pid)).toEqual([]);
  });

  it("takes its programs with it when it is killed", async () => {
    const demo = await startDemo(["--quick"]);
    await demo.waitForLog(/^1 {2}/, 60_000);
    const children = childrenOf(demo.pid);
    expect(children).toHaveLength(3);
    demo.kill("SIGKILL");
    await demo.exited;
    await waitUntil(() => children.every((pid) => stateOf(pid) === undefined), { what: "the end of the children" });
    // Nobody is left who could remove its files.
    for (const left of await leftovers(demo.pid)) await rm(join(tmpdir(), left), { recursive: true });
  });

  it("says how it is used when it is asked for what it does not have", async () => {
    const demo = await startDemo(["--fast"]);
    expect(await demo.exited).toEqual({ code: 2, signal: null });
    expect(demo.logs().join("\n")).toContain("usage: npm run demo");
  });
});
