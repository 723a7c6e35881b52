/** `scripts/setup.mjs` as a person or npm calls it, in a checkout that is ready. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tempDir } from "../support/temp-dir.ts";
import type { TempDir } from "../support/temp-dir.ts";

const setup = join(import.meta.dirname, "..", "..", "scripts", "setup.mjs");
let folder: TempDir;
let started = 0;

beforeAll(async () => {
  folder = await tempDir();
  // So that nothing is left to be done, whoever runs these tests.
  await once(spawn(process.execPath, [setup], { stdio: "ignore" }), "exit");
});

afterAll(() => folder[Symbol.asyncDispose]());

/** Starts setup with a script of these lines as what it shall run. */
async function start(script: string, ...args: readonly string[]) {
  started += 1;
  const path = folder.join(`script-${started}.ts`);
  await writeFile(path, script);
  return spawn(process.execPath, [setup, "run", path, ...args], { stdio: ["ignore", "pipe", "pipe"] });
}

describe("setup", () => {
  test("is quiet when nothing is to be done, and hands arguments on as they are", async () => {
    const child = await start("console.log(JSON.stringify(process.argv.slice(2)));", "--keep", "a b", "--", "-x");
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(JSON.parse(stdout)).toEqual(["--keep", "a b", "--", "-x"]);
    expect(stderr).toBe("");
  });

  test("runs scripts on the pinned Node, whatever runs setup", async () => {
    const child = await start("console.log(process.version);");
    expect(await text(child.stdout)).toMatch(/^v24\./);
  });

  test("keeps the exit code", async () => {
    const child = await start("process.exitCode = 7;");
    expect(await once(child, "exit")).toEqual([7, null]);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "hands %s on and lets the script end in its own time",
    async (signal) => {
      const child = await start(
        `process.once("${signal}", () => setImmediate(() => process.exit(42))); setInterval(() => {}, 1000); console.log("ready");`,
      );
      await once(child.stdout, "data");
      child.kill(signal);
      expect(await once(child, "exit")).toEqual([42, null]);
    },
  );

  test("ends by the signal that ended the script", async () => {
    const child = await start(`process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1000);`);
    expect(await once(child, "exit")).toEqual([null, "SIGTERM"]);
  });

  test("tells how it is used when it is asked for something else", async () => {
    const child = spawn(process.execPath, [setup, "walk"], { stdio: ["ignore", "ignore", "pipe"] });
    expect(await text(child.stderr)).toMatch(/^fairway: usage: /);
    expect(child.exitCode ?? (await once(child, "exit"))[0]).toBe(1);
  });

  test("names the variable when it does not lead to an Envoy", async () => {
    const env = { ...process.env, FAIRWAY_ENVOY: "/nowhere/envoy" };
    const child = spawn(process.execPath, [setup, "--with-envoy"], { env, stdio: ["ignore", "ignore", "pipe"] });
    expect(await text(child.stderr)).toBe(
      "fairway: FAIRWAY_ENVOY is set to /nowhere/envoy, which is not an executable file\n",
    );
  });

  test("names everything that is missing for Envoy, and the way out", async () => {
    // No python3 on PATH, and no Envoy in the cache.
    const env = { ...process.env, PATH: folder.path, XDG_CACHE_HOME: folder.path, FAIRWAY_ENVOY: "" };
    const child = spawn(process.execPath, [setup, "--with-envoy"], { env, stdio: ["ignore", "ignore", "pipe"] });
    const stderr = await text(child.stderr);
    expect(stderr).toContain("this machine lacks: python3 with pip.");
    expect(stderr).toContain("FAIRWAY_ENVOY");
  });
});
