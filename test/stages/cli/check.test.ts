/**
 * `fairway check` as a pipeline sees it: exit codes, flags, and what a change of the config would cost.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyWarningLevels, readWarningLevels } from "../../../src/cli/warning-levels.ts";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import { place } from "../../support/build-intent.ts";
import type { TempDir } from "../../support/temp-dir.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { fairwayMain } from "../../../demo/kit/program.ts";

/** One service with a breaker, routed, and one that nothing uses. */
const config = (maxRequests: number) => `gateways: { g: { listeners: [{ name: h, port: 80 }] } }
services:
  shop: { endpoints: ["10.0.0.1:80"], circuitBreaker: { maxRequests: ${maxRequests} } }
  spare: { endpoints: [] }
routes: { r: { rules: [{ backends: [{ service: shop }] }] } }
`;

let directory: TempDir;
let file = "";

beforeAll(async () => {
  directory = await tempDir();
  file = directory.join("now.yaml");
  await writeFile(file, config(200));
});

afterAll(() => directory[Symbol.asyncDispose]());

async function check(...args: readonly string[]): Promise<{
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}> {
  const ended = await promisify(execFile)(process.execPath, [fairwayMain, "check", ...args]).catch(
    (error: unknown) => error,
  );
  return { code: 0, ...(ended as { stdout: string; stderr: string }) };
}

describe("fairway check", () => {
  it("shows warnings and ends with 0", async () => {
    const { code, stdout, stderr } = await check(file);
    expect(stderr).toContain("now.yaml:4:3: warning[unused-definition]: nothing uses the service `spare`");
    expect(stdout).toMatch(/^ok: group default: /);
    expect(code).toBe(0);
  });

  it("ends with 2 when a warning is to be an error, and says so in JSON", async () => {
    const { code, stdout } = await check(
      "--error",
      "shadowed-rule",
      "--error",
      "unused-definition",
      "-o",
      "json",
      file,
    );
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      diagnostics: [{ code: "unused-definition", severity: "error" }],
      groups: [],
    });
    expect(code).toBe(2);
  });

  it("takes all that is not ignored for errors", async () => {
    const { code, stderr } = await check("--error", "all", "--ignore", "unused-definition", file);
    expect(stderr).toBe("");
    expect(code).toBe(0);
  });

  it("refuses a code that it does not know, with the one that was meant", async () => {
    const { code, stderr } = await check("--ignore", "unused-definitions", file);
    expect(stderr).toContain("--ignore unused-definitions: there is no such code; did you mean unused-definition?");
    expect(code).toBe(2);
  });

  it("compares with another config: what would be made anew, with its line and the other place", async () => {
    const before = directory.join("before.yaml");
    await writeFile(before, config(100));
    const { code, stderr } = await check("--ignore", "unused-definition", "--against", before, file);
    expect(stderr).toContain("now.yaml:3:3: warning[cluster-recreated]: Envoys will make the cluster `shop` anew");
    expect(stderr).toContain("max_requests 100 → 200");
    expect(stderr).toContain("  3 |   shop: {");
    expect(stderr).toContain("before.yaml:3:3: what it is compared with");
    expect(code).toBe(0);
  });

  it("does not compare with a config that is wrong", async () => {
    const { code, stderr } = await check("--against", directory.join("nowhere"), file);
    expect(stderr).toMatch(/error\[source-missing\].*\n {2}hint: create it, or correct the path\n/);
    expect(code).toBe(2);
  });
});

describe("warning levels", () => {
  const diagnostic = (rest: Partial<Diagnostic>): Diagnostic => ({
    code: "shadowed-rule",
    severity: "warning",
    message: "",
    at: place(),
    ...rest,
  });

  it("count what is not shown as well", () => {
    const levels = readWarningLevels({ error: ["shadowed-rule"], ignore: [] });
    const many = diagnostic({ code: "too-many-problems" });
    expect(levels.ok && applyWarningLevels([many], levels.value)[0]?.severity).toBe("error");
  });

  it("never hide an error", () => {
    const levels = readWarningLevels({ error: [], ignore: ["dangling-reference"] });
    const error = diagnostic({ code: "dangling-reference", severity: "error" });
    expect(levels.ok && applyWarningLevels([error], levels.value)).toEqual([error]);
  });
});

it("serve without any config says where it may be, also that an etcd is enough", async () => {
  const { FAIRWAY_CONFIG: _config, FAIRWAY_ETCD: _etcd, ...env } = process.env;
  const failed = promisify(execFile)(process.execPath, [fairwayMain, "serve"], { env });
  await expect(failed).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("--etcd http://HOST:2379") });
});
