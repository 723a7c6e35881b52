/**
 * Invariant 4: a version is a content hash of what is sent to that node.
 *
 * Equal content has equal versions, however it is spread over files and written, in every process and place
 * and after every restart; other content has others. They have 16 hexadecimal digits, because a node that
 * comes back repeats all of them.
 */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/cli/load-config.ts";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { envoyApi } from "../support/envoy-api.ts";
import { examplesDir, listExamples } from "../support/examples.ts";
import { tempDir } from "../support/temp-dir.ts";
import { configOf, RunningPlane } from "./running-plane.ts";
import { fairwayMain } from "../../demo/kit/program.ts";

const envoyLike = { follows: true, acknowledges: true };
const digits = /^[0-9a-f]{16}$/;

/** Definitions that may stand in any file and in any order. */
const parts = {
  gateways: [
    `public: { listeners: [{ name: http, port: 1 }, { name: alt, port: 2 }] }`,
    `inner: { listeners: [{ name: http, port: 3 }] }`,
  ],
  services: ["a", "b", "c", "Z"].map((name) => `${name}: { endpoints: ["127.0.0.1:1"] }`),
  routes: [
    `r1: { hostnames: [a.example], rules: [{ name: main, backends: [{ service: a, weight: 1 }, { service: b, weight: 2 }] }] }`,
    `r2: { rules: [{ name: main, backends: [{ service: c }] }] }`,
  ],
};
const definitions = Object.entries(parts).flatMap(([map, all]) => all.map((text) => `${map}: { ${text} }\n`));

async function versionsOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  await using directory = await tempDir();
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(directory.join(name)), { recursive: true });
    await writeFile(directory.join(name), text);
  }
  const { snapshots, diagnostics } = await loadConfig([directory.path], envoyApi);
  if (snapshots === undefined) throw new Error(JSON.stringify(diagnostics));
  return [...snapshots.values()].map(({ version }) => version);
}

test("the same definitions have one version, in whatever files and order they stand", async () => {
  const expected = await versionsOf({ "all.yaml": definitions.join("---\n") });
  expect(expected[0]).toMatch(digits);
  const shuffled = fc.shuffledSubarray([...definitions], { minLength: definitions.length });
  await fc.assert(
    fc.asyncProperty(shuffled, fc.integer({ min: 1, max: 4 }), async (order, filesCount) => {
      const files: Record<string, string> = {};
      for (const [index, text] of order.entries()) {
        const name = `${index % 2 === 0 ? "" : "deeper/"}${filesCount - (index % filesCount)}.yml`;
        files[name] = `${files[name] ?? "# a comment\n"}---\n${text}`;
      }
      expect(await versionsOf(files)).toEqual(expected);
    }),
    { numRuns: 15 },
  );
});

test("any other content has another version", async () => {
  const text = definitions.join("---\n");
  const changed = ["a.example→b.example", "weight: 2→weight: 3", "port: 3→port: 4", "127.0.0.1:1→127.0.0.1:2"].map(
    (change) => text.replace(...(change.split("→") as [string, string])),
  );
  const versions = await Promise.all([text, ...changed].map((each) => versionsOf({ "all.yaml": each })));
  expect(new Set(versions.flat()).size).toBe(1 + changed.length);
});

test("another process with another zone, language and directory gives the same versions", async () => {
  await using elsewhere = await tempDir();
  for (const name of ["canary", "multiple-groups", "raw-resources"]) {
    expect(listExamples()).toContain(name);
    const { snapshots } = await loadConfig([join(examplesDir, name)], envoyApi);
    const env = { ...process.env, TZ: "Asia/Kathmandu", LANG: "tr_TR.UTF-8", LC_ALL: "tr_TR.UTF-8" };
    const args = [fairwayMain, "check", "-o", "json", join(examplesDir, name)];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, cwd: elsewhere.path });
    const { groups } = JSON.parse(stdout) as { readonly groups: readonly { group: string; version: string }[] };
    const expected = [...(snapshots?.values() ?? [])].map(({ group, version }) => ({ group, version }));
    expect(groups).toEqual(expected);
  }
});

test("after a restart, and on a replica of its own, a node that has everything is sent nothing", async () => {
  const files = { "main.yaml": configOf({ a: "127.0.0.1:1", b: "127.0.0.1:2" }) };
  const first = await RunningPlane.start({ files });
  const version = await first.newVersion();
  const client = first.connect(envoyLike).ask(typeUrls.cluster).ask(typeUrls.listener);
  await first.event("synced");
  const sent = client.responses.flatMap(({ resources }) => [...resources.values()].map((each) => each.version));
  for (const each of [version, ...sent, ...client.responses.map((response) => response.version)]) {
    expect(each).toMatch(digits);
  }
  client.close();

  await using restarted = await first.restart();
  await using replica = await RunningPlane.start({ files });
  for (const running of [restarted, replica]) {
    expect(await running.newVersion()).toBe(version);
    using again = running.connect({ ...envoyLike, holds: client.holds });
    again.ask(typeUrls.cluster).ask(typeUrls.endpoints, "a", "b");
    again.ask(typeUrls.listener).ask(typeUrls.route, "public/http");
    await running.event("synced");
    expect(again.responses.flatMap(({ resources, removed }) => [...resources.keys(), ...removed])).toEqual([]);
  }
});
