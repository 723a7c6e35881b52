/** How a tool's binary is found and fetched, with a tool that is a shell script. */
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findInstalledTool, findTool } from "../../scripts/tool-binary.mjs";
import { tempDir } from "../support/temp-dir.ts";
import type { TempDir } from "../support/temp-dir.ts";

let folder: TempDir;
let fetches = 0;

const anvil = {
  name: "anvil",
  version: "1.2.3",
  variable: "FAIRWAY_TEST_ANVIL",
  fits: /^anvil 1\.2\.\d+$/m,
  fetch: async (to: string) => {
    fetches += 1;
    await writeExecutable(join(to, "anvil"), "1.2.3");
  },
};

async function writeExecutable(path: string, version: string) {
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho anvil ${version}\n`);
  await chmod(path, 0o755);
}

beforeEach(async () => {
  folder = await tempDir();
  fetches = 0;
  vi.stubEnv("FAIRWAY_TEST_ANVIL", undefined);
  vi.stubEnv("XDG_CACHE_HOME", folder.join("cache"));
  vi.stubEnv("PATH", folder.join("bin"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await folder[Symbol.asyncDispose]();
});

const cached = () => folder.join("cache", "fairway", "anvil-1.2.3", "anvil");

describe("a tool's binary", () => {
  test("is the one that the variable names, before any other", async () => {
    await writeExecutable(folder.join("bin", "anvil"), "1.2.9");
    await writeExecutable(folder.join("mine"), "9.9.9");
    vi.stubEnv("FAIRWAY_TEST_ANVIL", folder.join("mine"));
    expect(await findTool(anvil)).toBe(folder.join("mine"));
  });

  test("is never another than the one that the variable names", async () => {
    await writeExecutable(folder.join("bin", "anvil"), "1.2.9");
    vi.stubEnv("FAIRWAY_TEST_ANVIL", folder.join("gone"));
    await expect(findTool(anvil)).rejects.toThrow(`FAIRWAY_TEST_ANVIL is set to ${folder.join("gone")}`);
  });

  test("is the one on PATH when its version fits", async () => {
    await writeExecutable(folder.join("bin", "anvil"), "1.2.9");
    expect(await findTool(anvil)).toBe(folder.join("bin", "anvil"));
    expect(fetches).toBe(0);
  });

  test("is not the one on PATH when its version does not fit", async () => {
    await writeExecutable(folder.join("bin", "anvil"), "1.3.0");
    expect(await findInstalledTool(anvil)).toBeUndefined();
    expect(await findTool(anvil)).toBe(cached());
  });

  test("is fetched once and then found in the cache", async () => {
    expect(await findTool(anvil)).toBe(cached());
    expect(await findTool(anvil)).toBe(cached());
    expect(fetches).toBe(1);
  });

  test("is whole for all who fetch it at once, and nothing else is left behind", async () => {
    const found = await Promise.all(Array.from({ length: 8 }, () => findTool(anvil)));
    expect(new Set(found)).toEqual(new Set([cached()]));
    expect(await readdir(folder.join("cache", "fairway"))).toEqual(["anvil-1.2.3"]);
  });

  test("leaves nothing in the cache when fetching fails", async () => {
    const broken = { ...anvil, fetch: () => Promise.reject(new Error("no network")) };
    await expect(findTool(broken)).rejects.toThrow("no network");
    expect(await readdir(folder.join("cache", "fairway"))).toEqual([]);
  });
});
