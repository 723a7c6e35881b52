/** The demo over etcd as its users run it. */
import { expect, test } from "vitest";
import { startDemo } from "../support/demo-program.ts";

test("the demo over etcd shows five steps without a failed request", { timeout: 240_000 }, async () => {
  const demo = await startDemo(["--etcd"]);
  const exit = await demo.exited;
  const printed = demo.logs().join("\n");
  expect(exit, printed).toEqual({ code: 0, signal: null });
  for (const step of [1, 2, 3, 4, 5]) expect(printed).toMatch(new RegExp(`^${step}  `, "m"));
  expect(printed).toMatch(/requests failed +0$/m);
  expect(printed.split("\n").filter((line) => line.length > 100)).toEqual([]);
});

test.each(["--keep", "--quick", "--canary"])("the demo over etcd says that it does not take %s", async (flag) => {
  const demo = await startDemo(["--etcd", flag]);
  expect((await demo.exited).code).toBe(2);
  expect(demo.logs().join("\n")).toContain("--etcd takes no other flag");
});
