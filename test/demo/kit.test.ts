/**
 * What the tests and the demo run their programs with: it must count honestly and leave nothing behind.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { Backend } from "../../demo/kit/backend.ts";
import { Child } from "../../demo/kit/child.ts";
import { labelsBetween } from "../../demo/kit/load-report.ts";
import { Load } from "../../demo/kit/load.ts";
import { freePort, freePorts } from "../../demo/kit/ports.ts";
import { waitUntil } from "../../demo/kit/wait-until.ts";

const KIT = new URL("../../demo/kit/", import.meta.url).href;

describe("ports", () => {
  it("are never handed out twice, not even to two programs at the same time", async () => {
    const others = await Promise.all([1, 2, 3].map(() => portsOfAnotherProgram(60)));
    const ours = await Promise.all(Array.from({ length: 60 }, () => freePort()));
    expect(new Set([...others.flat(), ...ours]).size).toBe(240);
  });

  it("are outside the range of outgoing connections", async () => {
    for (const port of await freePorts(5)) expect(port).toBeLessThan(32_768);
  });
});

describe("child", () => {
  it.each(["SIGKILL", "SIGTERM"] as const)("is gone when its parent ends by %s", async (signal) => {
    const parent = await script(`
      const { Child } = await import("${KIT}child.ts");
      const child = await Child.start({ name: "c", command: process.execPath, args: ["-e", "setInterval(() => {}, 1000)"] });
      console.log(child.pid);
      process.on("SIGTERM", () => process.exit());
      setInterval(() => {}, 1000);`);
    const pid = Number(await parent.line());
    expect(isRunning(pid)).toBe(true);
    parent.kill(signal);
    await waitUntil(() => !isRunning(pid), { what: "the child's end" });
  });

  it("keeps its output for error messages and tells how it ended", async () => {
    const child = await Child.start({
      name: "c",
      command: process.execPath,
      args: ["-e", "console.log('one'); console.error('two'); process.exitCode = 3"],
    });
    expect(await child.exited).toEqual({ code: 3, signal: null });
    expect([...child.logs()].toSorted()).toEqual(["one", "two"]);
    expect(child.failure("broke").message).toMatch(/^c broke \(ended with 3\); its last lines:\n {2}\| /);
  });
});

describe("load", () => {
  it("counts answers by status and backend, and every failure", async () => {
    await using backend = await Backend.start({ label: "v1", behaviour: { failure: { answer: 503, percent: 25 } } });
    const report = await Load.run({ url: `http://${backend.address}/`, count: 100, concurrency: 4 });
    expect(report).toMatchObject({ sent: 100, failed: 25, byStatus: { 200: 75, 503: 25 }, byLabel: { v1: 100 } });
    expect(report.failures).toHaveLength(20);
    expect(backend.requests).toBe(100);
  });

  it("counts a cut connection and a missing server as failures", async () => {
    await using backend = await Backend.start({ label: "v1", behaviour: { failure: { answer: "reset" } } });
    const cut = await Load.run({ url: `http://${backend.address}/`, count: 3 });
    expect(cut).toMatchObject({ sent: 3, failed: 3, byStatus: {} });
    expect(cut.failures[0]).toMatch(/^ECONNRESET at /);
    const missing = await Load.run({ url: `http://127.0.0.1:${await freePort()}/`, count: 2 });
    expect(missing).toMatchObject({ sent: 2, failed: 2 });
  });

  it("fails a request that takes longer than it may", async () => {
    await using backend = await Backend.start({ label: "v1", behaviour: { delayMs: 5_000 } });
    const report = await Load.run({ url: `http://${backend.address}/`, count: 1, timeoutMs: 50 });
    expect(report.failures[0]).toMatch(/^no answer in 50 ms at /);
  });

  it("keeps to its rate and its connections until it is stopped", async () => {
    await using backend = await Backend.start({ label: "v1" });
    const load = Load.start({ url: `http://${backend.address}/`, concurrency: 4, requestsPerSecond: 200 });
    const before = await waitUntil(() => load.report().sent >= 50 && load.report(), { what: "50 requests" });
    const after = await load.stop();
    expect(before.sent / before.seconds).toBeLessThan(220);
    expect(after).toMatchObject({ failed: 0, sent: backend.requests });
    expect(labelsBetween(before, after)["v1"] ?? 0).toBe(after.sent - before.sent);
    expect(backend.connections).toBeLessThanOrEqual(4);
  });
});

/** It keeps them until the end of the test. */
async function portsOfAnotherProgram(count: number): Promise<readonly number[]> {
  const program = await script(`
    const { freePorts } = await import("${KIT}ports.ts");
    console.log(JSON.stringify(await freePorts(${count})));
    setInterval(() => {}, 1000);`);
  return JSON.parse(await program.line()) as readonly number[];
}

/** Runs a few lines as a program of their own. */
async function script(code: string): Promise<{ line(): Promise<string>; kill(signal: NodeJS.Signals): void }> {
  const program = spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  // Whatever becomes of the test, and it would run for ever.
  onTestFinished(() => void program.kill("SIGKILL"));
  await once(program, "spawn");
  program.stdout.setEncoding("utf8");
  let text = "";
  program.stdout.on("data", (chunk: string) => (text += chunk));
  return {
    line: () => waitUntil(() => text.includes("\n") && text, { what: "a line of output" }),
    kill: (signal) => program.kill(signal),
  };
}

/** A program that has ended waits as a zombie until its new parent asks for it, and counts as ended. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
