/** That one scan is one generation, whatever moves while it reads. */
import { execFileSync } from "node:child_process";
import * as promises from "node:fs/promises";
import { rename, symlink, unlink, utimes, writeFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { defaultLimits } from "../../../src/config/limits.ts";
import { scanTree } from "../../../src/config/scan-tree.ts";
import type { Scan, ScanRequest } from "../../../src/config/scan-tree.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { writeTree } from "./observed-source.ts";

test.each(["current", "volume"])("a link swapped between two reads starts over (%s)", async (kind) => {
  await using directory = await tempDir();
  for (const generation of [0, 1, 2, 3]) {
    const files = ["a", "b", "c"].map((name) => [`tree/..gen${generation}/${name}.yaml`, `${generation}`]);
    await writeTree(directory.path, Object.fromEntries(files));
  }
  const link = kind === "volume" ? directory.join("tree/..data") : directory.join("current");
  const target = (generation: number): string => (kind === "volume" ? `..gen${generation}` : `tree/..gen${generation}`);
  await symlink(target(0), link);
  for (const name of kind === "volume" ? ["a", "b", "c"] : []) {
    await symlink(`..data/${name}.yaml`, directory.join(`tree/${name}.yaml`));
  }
  let swaps = 0;
  const scan = await scanTree(
    request(kind === "volume" ? directory.join("tree") : link, {
      open: async (path: string, flags: number) => {
        const handle = await promises.open(path, flags);
        if (swaps < 3 && path.endsWith("a.yaml")) {
          swaps += 1;
          await symlink(target(swaps), directory.join("next"));
          await rename(directory.join("next"), link);
        }
        return handle;
      },
    }),
    undefined,
  );
  expect(swaps).toBe(3);
  expect(texts(scan)).toEqual(["3", "3", "3"]);
});

test("a link that never rests gives no scan instead of a mixed one", async () => {
  await using directory = await tempDir();
  await writeTree(directory.path, { "r0/a.yaml": "0", "r1/a.yaml": "1" });
  await symlink("r0", directory.join("current"));
  let swaps = 0;
  const open = async (path: string, flags: number) => {
    swaps += 1;
    await symlink(`r${swaps % 2}`, directory.join("next"));
    await rename(directory.join("next"), directory.join("current"));
    return await promises.open(path, flags);
  };
  expect(await scanTree(request(directory.join("current"), { open }), undefined)).toBeUndefined();
});

test("only files whose identity changed are read again, and those that may hide a write", async () => {
  await using directory = await tempDir();
  await writeTree(directory.path, { "a.yaml": "a", "b.yaml": "b" });
  const opened: string[] = [];
  let skewMs = 0;
  const asked: ScanRequest = {
    ...request(directory.path, {
      open: async (path: string, flags: number) => {
        opened.push(path.slice(-6));
        return await promises.open(path, flags);
      },
    }),
    clock: { ...systemClock, nowMs: () => Date.now() + skewMs },
  };
  const first = await scanTree(asked, undefined);
  expect(opened.splice(0).toSorted((x, y) => (x < y ? -1 : 1))).toEqual(["a.yaml", "b.yaml"]);
  // Right after a write a second one could carry the same time, so the content is compared once more.
  skewMs = 3000;
  const second = await scanTree(asked, first);
  expect(opened.splice(0)).toHaveLength(2);
  const third = await scanTree(asked, second);
  expect(opened).toEqual([]);

  const { mtime, atime } = await promises.stat(directory.join("a.yaml"));
  await writeFile(directory.join("a.yaml"), "A");
  await utimes(directory.join("a.yaml"), atime, mtime);
  expect(texts(await scanTree(asked, third))).toEqual(["A", "b"]);
  expect(opened).toEqual(["a.yaml"]);
});

test("a directory that became a link out of the tree since the walk is not followed", async () => {
  await using directory = await tempDir();
  await using outside = await tempDir();
  await writeTree(outside.path, { "a.yaml": "secret" });
  await writeTree(directory.path, { "sub/a.yaml": "good" });
  const open = async (path: string, flags: number) => {
    await rename(directory.join("sub"), directory.join("old"));
    await symlink(outside.path, directory.join("sub"));
    return await promises.open(path, flags);
  };
  const scan = await scanTree(request(directory.path, { open }), undefined);
  expect(texts(scan)).toEqual([]);
  expect(scan?.problems).toMatchObject([{ code: "source-outside-root" }]);
});

test("a file that became a link or a FIFO since the walk is neither followed nor waited for", async () => {
  await using directory = await tempDir();
  await writeTree(directory.path, { "a.yaml": "a", "b.yaml": "b", ".secret": "secret" });
  const open = async (path: string, flags: number) => {
    await unlink(path);
    if (path.endsWith("a.yaml")) await symlink(".secret", path);
    else execFileSync("mkfifo", [path]);
    return await promises.open(path, flags);
  };
  const scan = await scanTree(request(directory.path, { open }), undefined);
  expect(texts(scan)).toEqual([]);
  expect(scan?.problems).toMatchObject([{ code: "source-not-regular" }]);
});

test("a file that changes while it is read is not steady", async () => {
  await using directory = await tempDir();
  await writeTree(directory.path, { "a.yaml": "old" });
  const open = async (path: string, flags: number) => {
    const handle = await promises.open(path, flags);
    return new Proxy(handle, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (name !== "read") return typeof member === "function" ? member.bind(target) : member;
        return async (buffer: Buffer, offset: number, length: number, position: number) => {
          // Equal in size, so that only the times tell.
          await writeFile(path, "new");
          await utimes(path, 1, 1);
          return await target.read(buffer, offset, length, position);
        };
      },
    });
  };
  const scan = await scanTree(request(directory.path, { open }), undefined);
  expect([...(scan?.files.values() ?? [])].map((file) => file.steady)).toEqual([false]);
});

function request(root: string, replaced: object): ScanRequest {
  const port = { ...promises, ...replaced };
  return { roots: [root], port, limits: defaultLimits, clock: systemClock };
}

function texts(scan: Scan | undefined): readonly string[] {
  const files = [...(scan?.files.values() ?? [])].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return files.map((file) => Buffer.from(file.bytes).toString("utf8"));
}
