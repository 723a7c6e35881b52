/**
 * `fairway explain` as it is typed and read: words in any order, what is drawn, and the exit codes.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TempDir } from "../../support/temp-dir.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { fairwayMain } from "../../../demo/kit/program.ts";

const root = join(import.meta.dirname, "../../..");

const config = `gateways:
  public: { listeners: [{ name: http, port: 80 }] }
services:
  shop: { endpoints: ["127.0.0.1:1"], subsets: { v1: { labels: {} } } }
policies:
  fast: { timeouts: { request: 1s } }
splits:
  shop: { backends: { a: { service: shop }, b: { service: shop, subset: v1 } }, default: { a: 90, b: 10 } }
routes:
  shop:
    hostnames: [shop.example.com]
    policies: [fast]
    rules:
      - { name: cart, matches: [{ path: /cart, headers: { x-a: b } }], split: shop }
      - { name: rest, filters: [{ redirect: { scheme: https } }] }
`;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const asked = ["GET", "http://shop.example.com/"];
const elsewhere = ["--server", "http://127.0.0.1:2"];

interface Where extends Pick<TempDir, "path"> {
  readonly variables?: Readonly<Record<string, string>>;
}

async function explain({ path: cwd, variables }: Where, ...args: readonly string[]): Promise<Ran> {
  const { FAIRWAY_SERVER: _, ...environment } = process.env;
  const options = { cwd, env: { ...environment, FAIRWAY_CONFIG: "", ...variables } };
  return new Promise((resolve) => {
    execFile(process.execPath, [fairwayMain, "explain", ...args], options, (cause, stdout, stderr) => {
      resolve({ code: cause === null ? 0 : Number(cause.code), stdout, stderr });
    });
  });
}

/** The lines of the drawing with single spaces, as far as the limits of the cluster. */
function steps(text: string): readonly string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.trim().replace(/ +/g, " "));
}

describe("fairway explain", () => {
  it("draws each step with its line, and the policy that a part comes from", async () => {
    await using directory = await tempDir();
    await writeFile(directory.join("shop.yaml"), config);
    const { code, stdout, stderr } = await explain(
      directory,
      ...["--config", "shop.yaml", "GET", "http://shop.example.com/cart/1", "-H", "x-a: b"],
    );
    expect([code, stderr]).toEqual([0, ""]);
    expect(steps(stdout)).toEqual(
      expect.arrayContaining([
        "GET http://shop.example.com/cart/1",
        "listener public/http 0.0.0.0:80 shop.yaml:2",
        "host shop.example.com shop.yaml:10",
        'rule shop/cart path is /cart or below, header x-a is "b" shop.yaml:14',
        "split shop: shop 90 %, shop|v1 10 % shop.yaml:8",
        "timeout 1s shop.yaml:6 (policy fast, attached to route shop)",
        "cluster shop|v1 1 endpoint shop.yaml:4",
        "endpoint 127.0.0.1:1 shop.yaml:4",
      ]),
    );
  });

  it("prints what the page about it shows", async () => {
    const page = readFileSync(join(root, "docs/explain.md"), "utf8");
    const [, command = ""] = /^fairway explain (.*)$/m.exec(page) ?? [];
    const [, shown] = /```text\n(GET [\s\S]*?)```/.exec(page) ?? [];
    const { stdout } = await explain({ path: root }, ...command.split(" "));
    expect(stdout).toBe(shown);
  });

  it("takes its words in any order, and gives the same as JSON", async () => {
    await using directory = await tempDir();
    await writeFile(directory.join("shop.yaml"), config);
    const url = "http://shop.example.com/";
    const { code, stdout } = await explain(directory, "GET", url, "-o", "json", "--config", "shop.yaml");
    expect(code).toBe(0);
    expect(JSON.stringify(JSON.parse(stdout))).toContain("https://shop.example.com/");
  });

  it("says what there is when nothing matches, which is no failure", async () => {
    await using directory = await tempDir();
    await writeFile(directory.join("shop.yaml"), config);
    const { code, stdout } = await explain(directory, "GET", "http://other.example.com/", "--config", "shop.yaml");
    expect(code).toBe(0);
    expect(steps(stdout).at(-1)).toBe("404 no virtual host is for other.example.com; there are: shop.example.com");
  });

  it.each([
    ["a config with errors", "services: {", ["GET", "http://a/", "--config", "shop.yaml"], 2, /yaml-syntax/],
    ["a group that is not there", config, ["GET", "http://a/", "--config", "shop.yaml", "--group", "x"], 2, /default/],
    ["a URL that is none", config, ["GET", "::", "--config", "shop.yaml"], 2, /::/],
    [
      "a server and a config",
      config,
      ["GET", "http://a/", "--config", "x", "--server", "http://127.0.0.1:9"],
      2,
      /one of/,
    ],
    ["a server without a scheme", config, ["GET", "http://a/", "--server", "localhost:9"], 2, /write http:\/\//],
    [
      "a server that is not there",
      config,
      ["GET", "http://a/", "--server", "http://127.0.0.1:2"],
      1,
      /127\.0\.0\.1:2 .*nobody listens/,
    ],
  ])("ends with its exit code for %s", async (_what, text, args, code, words) => {
    await using directory = await tempDir();
    await writeFile(directory.join("shop.yaml"), text);
    const ran = await explain(directory, ...args);
    expect(ran).toMatchObject({ code, stdout: "" });
    expect(ran.stderr).toMatch(words);
    expect(ran.stderr).not.toMatch(/\n {4}at /);
  });

  it("asks the server of FAIRWAY_SERVER, or of the usual address, and says what else there is", async () => {
    await using directory = await tempDir();
    const named = await explain({ ...directory, variables: { FAIRWAY_SERVER: "http://127.0.0.1:2" } }, ...asked);
    expect(named).toMatchObject({ code: 1, stdout: "" });
    expect(named.stderr).toMatch(/http:\/\/127\.0\.0\.1:2 cannot be asked/);
    // Whoever listens there is no Fairway that knows this group.
    const usual = await explain(directory, ...asked, "--group", "nobody-has-it");
    expect(usual.code).not.toBe(0);
    expect(usual.stderr).toMatch(/http:\/\/127\.0\.0\.1:18001 |nobody-has-it/);
    expect(usual.stderr).not.toContain("error: name a config directory");
  });

  it("explains files when --config or FAIRWAY_CONFIG names them, also beside FAIRWAY_SERVER", async () => {
    await using directory = await tempDir();
    await writeFile(directory.join("shop.yaml"), config);
    const server = { FAIRWAY_SERVER: "http://127.0.0.1:2" };
    const typed = await explain({ ...directory, variables: server }, ...asked, "--config", "shop.yaml");
    const both = await explain({ ...directory, variables: { ...server, FAIRWAY_CONFIG: "shop.yaml" } }, ...asked);
    expect([typed.code, both.code]).toEqual([0, 0]);
    expect(steps(both.stdout)).toContain("host shop.example.com shop.yaml:10");
    const served = await explain({ ...directory, variables: { FAIRWAY_CONFIG: "shop.yaml" } }, ...asked, ...elsewhere);
    expect(served.code).toBe(1);
  });
});
