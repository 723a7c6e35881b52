/**
 * Invariant 12: rollback, kill switch and emergency go through the same pipeline as any change.
 *
 * One reducer decides what is published and one class hands it to the nodes; that is read from the imports.
 * Then what is extraordinary today, a confirmation and the fall back to the last known good, is shown to be
 * guarded, ordered, saved and told like any change.
 */
import { globSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { configOf, RunningPlane } from "./running-plane.ts";

const src = join(import.meta.dirname, "../../src");
const files = globSync("*/*.ts", { cwd: src }).map((path) => ({ path, code: readFileSync(join(src, path), "utf8") }));

const filesWith = (pattern: RegExp) => files.filter(({ code }) => pattern.test(code)).map(({ path }) => path);

describe("in the code", () => {
  test("one class feeds the reducer, and nobody else makes a state of it", () => {
    const imports = /^import \{[^}]*\bpublish\b[^}]*\} from "(?:\.\.\/snapshot|\.)\/publication\.ts"/m;
    expect(filesWith(imports)).toEqual(["cli/publisher.ts"]);
    expect(filesWith(/\bserved\.(?:set|delete|clear)\(/)).toEqual(["snapshot/publication.ts"]);
    expect(filesWith(/\bcheckRemoval\(/).toSorted()).toEqual(["snapshot/publication.ts", "snapshot/removal-guard.ts"]);
  });

  test("one class hands snapshots to the nodes", () => {
    // The check's server is for an Envoy that it starts itself, behind a socket in a directory of its own.
    expect(filesWith(/\bnew AdsServer\(/).toSorted()).toEqual(["cli/check-with-envoy.ts", "cli/control-plane.ts"]);
    expect(filesWith(/\bserver\.publish\(/).toSorted()).toEqual(["cli/check-with-envoy.ts", "cli/publisher.ts"]);
    expect(filesWith(/\.offer\(/)).toEqual(["xds/ads-server.ts"]);
  });

  test("what is handed to them is what the reducer says is served", () => {
    const { code } = files.find(({ path }) => path === "cli/publisher.ts") ?? { code: "" };
    const pushes = [...code.matchAll(/server\.publish\((.*)\)/g)].map(([, given]) => given);
    expect(pushes).toEqual(["{ groups, snapshots: served }"]);
    expect(code).toContain("const { groups, served } = this.#publication;");
    const states = [...code.matchAll(/this\.#publication = (.*);/g)].map(([, value]) => value ?? "");
    expect(states.filter((value) => !value.startsWith("publish(") && value !== "state")).toEqual([]);
  });
});

const GRACE_MS = 300;
const ten = "abcdefghij".split("");
const config = (names: readonly string[]) =>
  configOf(
    Object.fromEntries(names.map((name) => [name, "127.0.0.1:1"])),
    `nodes: { default: { updates: { grace: ${GRACE_MS}ms } } }`,
  );

async function heldPlane(): Promise<{ readonly running: RunningPlane; readonly heldVersion: string }> {
  const running = await RunningPlane.start({ files: { "main.yaml": config(ten) }, soakMs: 10 });
  await running.event("lkg-promoted");
  await running.save(config(["b"]));
  return { running, heldVersion: (await running.event("config-held")).snapshotVersion };
}

const confirm = (running: RunningPlane, version: string) =>
  running.ask(`/v1/snapshots/${version}/confirm`, { method: "POST", headers: { "if-match": `"${version}"` } });

describe("a confirmation", () => {
  test("is rolled in like any change: in order, after the grace, saved, promoted after the soak, and told", async () => {
    const { running: first, heldVersion } = await heldPlane();
    const client = first.connect({ follows: true, acknowledges: true }).ask(typeUrls.cluster).ask(typeUrls.listener);
    await client.has(typeUrls.cluster, ...ten);
    await first.event("synced");
    expect((await confirm(first, heldVersion)).status).toBe(200);
    const confirmedMs = performance.now();
    await client.has(typeUrls.cluster, "b");
    const [switched, removed] = [client.of(typeUrls.route).at(-1), client.of(typeUrls.cluster).at(-1)];
    expect(switched?.atMs).toBeLessThan(removed?.atMs ?? 0);
    expect((removed?.atMs ?? 0) - confirmedMs).toBeGreaterThanOrEqual(GRACE_MS);
    expect(await first.event("config-confirmed")).toMatchObject({ snapshotVersion: heldVersion });
    expect(await first.event("config-accepted", 1)).toMatchObject({ snapshotVersion: heldVersion });
    expect(await first.event("lkg-promoted", 1)).toMatchObject({ snapshotVersion: heldVersion });
    expect((await first.ask(`/v1/events`)).text).toContain(heldVersion);
    client.close();

    await using running = await first.restart();
    expect(await running.newVersion()).toBe(heldVersion);
    expect(running.plane.publication.held.size).toBe(0);
  });

  test("of anything that is not held changes nothing", async () => {
    await using running = (await heldPlane()).running;
    const version = running.version() ?? "";
    expect((await confirm(running, version)).status).toBe(412);
    expect([running.version(), running.plane.publication.held.size]).toEqual([version, 1]);
  });
});

test("what follows the fall back to the last known good is guarded like any change", async () => {
  const first = await RunningPlane.start({ files: { "main.yaml": config(ten) }, soakMs: 10 });
  const { snapshotVersion: good } = await first.event("lkg-promoted");
  await using running = await first.restart(() => writeFile(join(first.configDir, "main.yaml"), "services: {"));
  await running.event("lkg-loaded");
  await running.save(config(["b"]));
  const { snapshotVersion } = await running.event("config-held");
  expect(running.version()).toBe(good);
  expect((await confirm(running, snapshotVersion)).status).toBe(200);
  expect(running.version()).toBe(snapshotVersion);
});
