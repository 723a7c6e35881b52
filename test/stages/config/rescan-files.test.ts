/** The glance at a renamed file that precedes a full scan. */
import * as promises from "node:fs/promises";
import { rename, symlink, unlink } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { expect, test } from "vitest";

import { DirectorySource } from "../../../src/config/directory-source.ts";
import type { FilePort } from "../../../src/config/file-port.ts";
import { defaultLimits } from "../../../src/config/limits.ts";
import { rescanFiles } from "../../../src/config/rescan-files.ts";
import { scanTree } from "../../../src/config/scan-tree.ts";
import type { Scan, ScanRequest } from "../../../src/config/scan-tree.ts";
import { present } from "../../../src/support/assert.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { eventually } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { writeAtomically, writeTree } from "./observed-source.ts";

test("a renamed file reaches the listener before any directory is listed again", async () => {
  await using directory = await tempDir();
  await writeTree(directory.path, { "a.yaml": "a\n", "b.yaml": "b\n" });
  const calls: string[] = [];
  const noted: FilePort = {
    ...promises,
    open: async (path, flags) => {
      calls.push("open");
      return await promises.open(path, flags);
    },
    opendir: async (path, options) => {
      calls.push("list");
      return await promises.opendir(path, options);
    },
  };
  let callsBefore: readonly string[] | undefined;
  const source = new DirectorySource({ roots: [directory.path], clock: systemClock, files: noted });
  await source.start((state) => {
    if (state.revision === 2) callsBefore = [...calls];
  });
  // The first state is followed by one more scan, because watches were opened after it.
  await eventually("the source is at rest", () => calls.filter((call) => call === "list").length === 2);
  await sleep(100);
  calls.length = 0;
  await writeAtomically(directory.join("a.yaml"), "a2\n");
  await eventually("the second state", () => callsBefore !== undefined);
  expect(callsBefore).toEqual(["open"]);
  await eventually("a full scan follows", () => calls.includes("list"));
  await source.close();
});

test("it reads what was named, and nothing else", async () => {
  await using directory = await tempDir();
  const first = await scanned(directory.path);
  await writeAtomically(directory.join("tree/a.yaml"), "2");
  await writeAtomically(directory.join("tree/b.yaml"), "2");
  const glance = await rescanFiles(request(directory.path), first, new Set([directory.join("tree/a.yaml")]));
  expect(texts(glance)).toEqual(["2", "1"]);
  expect(texts(first)).toEqual(["1", "1"]);
});

test.each<[string, (path: string) => Promise<void>]>([
  ["the file is gone", (path) => unlink(path)],
  ["the file became a link", (path) => unlink(path).then(() => symlink("b.yaml", path))],
  ["the file is too large", (path) => writeAtomically(path, "#".repeat(11))],
])("it leaves it to a full scan when %s", async (_, change) => {
  await using directory = await tempDir();
  const first = await scanned(directory.path);
  await change(directory.join("tree/a.yaml"));
  const asked = { ...request(directory.path), limits: { ...defaultLimits, fileBytesMax: 10 } };
  expect(await rescanFiles(asked, first, new Set([directory.join("tree/a.yaml")]))).toBeUndefined();
});

test("it leaves it to a full scan when a link on the way leads elsewhere", async () => {
  await using directory = await tempDir();
  const first = await scanned(directory.path);
  await writeTree(directory.path, { "other/a.yaml": "3" });
  await symlink("other", directory.join("next"));
  await rename(directory.join("next"), directory.join("current"));
  const named = new Set([directory.join("tree/a.yaml")]);
  expect(await rescanFiles(request(directory.path), first, named)).toBeUndefined();
});

async function scanned(path: string): Promise<Scan> {
  await writeTree(path, { "tree/a.yaml": "1", "tree/b.yaml": "1" });
  await symlink("tree", `${path}/current`);
  return present(await scanTree(request(path), undefined), "nothing moves during the first scan");
}

function request(path: string): ScanRequest {
  return { roots: [`${path}/current`], port: promises, limits: defaultLimits, clock: systemClock };
}

function texts(scan: Scan | undefined): readonly string[] {
  const files = [...(scan?.files.values() ?? [])].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return files.map((file) => Buffer.from(file.bytes).toString("utf8"));
}
