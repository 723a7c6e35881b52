/**
 * The npm package as a person gets it: packed, installed with its dependencies in an empty folder, and run.
 *
 * It must hold compiled JavaScript only, because Node strips no types under `node_modules`.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pinnedEnv, root } from "../scripts/project.mjs";
import { tempDir } from "./support/temp-dir.ts";
import type { TempDir } from "./support/temp-dir.ts";

const run = promisify(execFile);
const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];

let folder: TempDir;
let packed: string;

/** Runs a command in the empty folder. */
async function inFolder(command: string, args: readonly string[]) {
  return run(command, [...args], { cwd: folder.path, env: pinnedEnv() });
}

const fairway = (...args: readonly string[]) => inFolder(folder.join("node_modules", ".bin", "fairway"), args);

beforeAll(async () => {
  folder = await tempDir();
  await run("npm", ["pack", ...quiet, "--pack-destination", folder.path], { cwd: root, env: pinnedEnv() });
  packed = (await readdir(folder.path)).find((name) => name.endsWith(".tgz")) ?? "";
  await writeFile(folder.join("package.json"), '{ "private": true }');
  await inFolder("npm", ["install", "--ignore-scripts", ...quiet, `./${packed}`]);
});

afterAll(() => folder[Symbol.asyncDispose]());

describe("the npm package", () => {
  test("has the code as JavaScript, the Envoy API and the licences, and nothing else", async () => {
    const { stdout } = await inFolder("tar", ["-tzf", packed]);
    const files = stdout.trim().split("\n").sort();
    expect(files).toContain("package/proto/envoy-api-1.40.0.binpb.gz");
    expect(files).toContain("package/proto/NOTICE");
    expect(files).toContain("package/LICENSE");
    expect(files).toContain("package/dist/cli/main.js");
    const allowed = /^package\/(dist\/.+\.js|proto\/[^/]+|LICENSE|package\.json|README\.md)$/;
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
  });

  test("installs without the tools of its development", async () => {
    const installed = await readdir(folder.join("node_modules"));
    expect(installed).toContain("fairway");
    expect(installed.filter((name) => ["node", "typescript", "vitest", "ts-proto"].includes(name))).toEqual([]);
    expect(await realpath(folder.join("node_modules", "fairway"))).toBe(folder.join("node_modules", "fairway"));
  });

  test("says its version", async () => {
    const { stdout } = await fairway("--version");
    expect(stdout).toBe("0.1.0\n");
  });

  test("checks a good config", async () => {
    const { stdout } = await fairway("check", join(root, "demo", "config"));
    expect(stdout).toMatch(/^ok: group /m);
  });

  test("refuses a broken config with its place and the exit code for it", async () => {
    await writeFile(folder.join("broken.yaml"), "services:\n  web:\n    endpoint: []\n");
    const refusal = await fairway("check", "broken.yaml").catch((cause: unknown) => cause);
    expect(refusal).toMatchObject({ code: 2, stderr: expect.stringContaining("broken.yaml:3:5") as unknown });
  });

  test("serves, with its worker, until it is told to stop", async () => {
    const anyPort = "127.0.0.1:0";
    const args = ["serve", "--config", join(root, "demo", "config"), "--xds", anyPort, "--admin", anyPort];
    const child = spawn(folder.join("node_modules", ".bin", "fairway"), args, {
      cwd: folder.path,
      env: pinnedEnv(),
      stdio: ["ignore", "ignore", "pipe"],
    });
    const exit = once(child, "exit");
    let log = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      const before = log.includes('"config-accepted"');
      log += chunk;
      // Once: a second signal ends it at once.
      if (!before && log.includes('"config-accepted"')) child.kill("SIGTERM");
    });
    expect(await exit, log).toEqual([0, null]);
    expect(log).toContain('"config-accepted"');
  });
});
