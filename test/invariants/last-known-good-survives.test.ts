/**
 * Invariant 8: last known good survives.
 *
 * On disk, in several generations, written atomically and promoted only after it soaked: long enough served
 * without a node rejecting it. A control plane that starts without a usable config serves the newest of them
 * and says so.
 */
import { link, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { typeUrls } from "../../src/snapshot/type-url.ts";
import { eventually, throughout } from "../support/eventually.ts";
import { RunningPlane } from "./running-plane.ts";

const config = (timeoutMs: number) => `services: { a: { endpoints: ["127.0.0.1:1"], connectTimeout: ${timeoutMs}ms } }`;

async function startedWith(timeoutMs: number, soakMs?: number): Promise<RunningPlane> {
  const running = await RunningPlane.start({
    files: { "main.yaml": config(timeoutMs) },
    ...(soakMs === undefined ? {} : { soakMs }),
  });
  await running.newVersion();
  return running;
}

/** Serves further versions until each is promoted; returns all of them, oldest first. */
async function promoted(running: RunningPlane, count: number): Promise<readonly string[]> {
  const versions: string[] = [];
  for (let index = 0; index < count; index += 1) {
    if (index > 0) await running.save(config(2_000 + index));
    versions.push((await running.event("lkg-promoted", index)).snapshotVersion);
  }
  return versions;
}

const generations = async (directory: string) =>
  (await readdir(directory)).filter((name) => /^default.*\.gen$/.test(name)).sort();

const breakFiles = (running: RunningPlane) => () => writeFile(join(running.configDir, "main.yaml"), "services: {");

test.each([
  ["the files are broken", (directory: string) => writeFile(join(directory, "main.yaml"), "services: {")],
  ["the files are gone", (directory: string) => rm(join(directory, "main.yaml"))],
  ["the directory is gone", (directory: string) => rm(directory, { recursive: true })],
])("a start when %s serves the last known good, and says so", async (_, harm) => {
  const first = await startedWith(1_000, 10);
  const [version] = await promoted(first, 1);
  await using running = await first.restart(() => harm(first.configDir));
  expect(await running.event("lkg-loaded")).toMatchObject({ group: "default", snapshotVersion: version });
  using client = running.connect({ acknowledges: true }).ask(typeUrls.cluster);
  await client.has(typeUrls.cluster, "a");
  expect(await running.ask("/readyz")).toMatchObject({ status: 200, json: { status: "degraded" } });
  expect((await running.ask("/v1/snapshots")).text).toContain(`"source":"last-known-good"`);

  await running.save(config(5_000));
  await running.newVersion(version);
  expect((await running.ask("/v1/snapshots")).text).toContain(`"source":"config"`);
});

test("what has not soaked is not promoted: the older one is served after a crash and a bad config", async () => {
  const first = await startedWith(1_000, 10);
  const [good] = await promoted(first, 1);
  const second = await first.restart(undefined, 3_600_000);
  await second.newVersion();
  await second.save(config(2_000));
  expect(await second.newVersion(good)).not.toBe(good);
  await using running = await second.restart(breakFiles(second));
  expect(await running.event("lkg-loaded")).toMatchObject({ snapshotVersion: good });
});

test("what a node rejects is not promoted while the node stays", async () => {
  await using running = await startedWith(1_000, 100);
  using client = running.connect().ask(typeUrls.cluster);
  client.reject(await client.response(typeUrls.cluster), "no");
  await running.event("rejected");
  const before = running.all("lkg-promoted").length;
  await running.save(config(2_000));
  const next = await client.response(typeUrls.cluster, 1);
  client.reject(next, "no again");
  await running.event("rejected", 1);
  await throughout("it is not promoted", () => running.all("lkg-promoted").length === before, 300);
});

test("there are several generations, at most five, and a damaged one falls back to the one before", async () => {
  const first = await startedWith(1_000, 10);
  const versions = await promoted(first, 7);
  const names = await generations(first.stateDir);
  expect(names).toHaveLength(5);
  await using running = await first.restart(async () => {
    await breakFiles(first)();
    const newest = join(first.stateDir, names.at(-1) ?? "");
    await truncate(newest, (await readFile(newest)).byteLength - 1);
  });
  expect(await running.event("lkg-loaded")).toMatchObject({ snapshotVersion: versions.at(-2) });
});

test("a state file is replaced and never written in place, so that a crash leaves the old or the new one", async () => {
  await using running = await startedWith(1_000, 10);
  const name = (await readdir(running.stateDir)).find((each) => /^default.*\.served$/.test(each)) ?? "";
  const served = join(running.stateDir, name);
  const { ino } = await stat(served);
  // A link keeps the old file alive, or its number could be given to the new one.
  await link(served, join(running.configDir, "kept.bak"));
  await promoted(running, 2);
  expect((await stat(served)).ino).not.toBe(ino);
  await eventually(
    "nothing unfinished",
    async () => !(await readdir(running.stateDir)).some((each) => each.endsWith(".tmp")),
  );
});
