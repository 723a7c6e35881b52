/** What a directory source tells when the disk, the tree or the system is not as it should be. */
import { execFileSync } from "node:child_process";
import * as promises from "node:fs/promises";
import { mkdir, rename, rm, symlink, truncate, unlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { systemWatch } from "../../../src/config/file-port.ts";
import type { FilePort } from "../../../src/config/file-port.ts";
import { throughout } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { codesOf, namesOf, observe, textOf, writeAtomically, writeTree } from "./observed-source.ts";

describe.concurrent("a ConfigMap volume", () => {
  test("is read through one generation at a time, and each swap is seen at once", async () => {
    await using directory = await tempDir();
    await makeGeneration(directory.path, 0);
    await using source = await observe([directory.path]);
    expect(namesOf(source.last())).toEqual(["a.yaml", "b.yaml"]);

    const tookMs: number[] = [];
    for (const generation of [1, 2, 3]) {
      await sleep(200);
      const swappedMs = performance.now();
      await swapGeneration(directory.path, generation);
      const state = await source.next((each) => textOf(each, "a.yaml") === `${generation}\n`);
      tookMs.push(performance.now() - swappedMs);
      expect(textOf(state, "b.yaml")).toBe(`${generation}\n`);
      await rm(directory.join(`..gen${generation - 1}`), { recursive: true });
      await throughout("one state", () => source.states.length === generation + 1, 250);
    }
    expect(Math.min(...tookMs), "what is left alone for a while first is never seen sooner").toBeLessThan(120);
  });

  test("never mixes two generations, even while it is swapped all the time", async () => {
    await using directory = await tempDir();
    await makeGeneration(directory.path, 0);
    await using source = await observe([directory.path]);
    for (let generation = 1; generation <= 300; generation += 1) {
      await swapGeneration(directory.path, generation);
      await rm(directory.join(`..gen${generation - 1}`), { recursive: true });
      await sleep(generation % 3);
    }
    await source.next((state) => textOf(state, "a.yaml") === "300\n");
    for (const state of source.states) {
      expect(namesOf(state)).toEqual(["a.yaml", "b.yaml"]);
      expect(textOf(state, "a.yaml")).toBe(textOf(state, "b.yaml"));
    }
    expect(source.states.length).toBeGreaterThanOrEqual(2);
  });

  test("follows keys that come and go", async () => {
    await using directory = await tempDir();
    await makeGeneration(directory.path, 0);
    await using source = await observe([directory.path]);
    await mkdir(directory.join("..gen1"));
    await writeTree(directory.path, { "..gen1/a.yaml": "1\n", "..gen1/c.yaml": "1\n" });
    await pointAt(directory.path, "..gen1");
    await symlink("..data/c.yaml", directory.join("c.yaml"));
    await unlink(directory.join("b.yaml"));
    const state = await source.next((each) => textOf(each, "c.yaml") === "1\n");
    expect(namesOf(state)).toEqual(["a.yaml", "c.yaml"]);
    expect(source.states.flatMap(codesOf)).toEqual([]);
  });
});

describe.concurrent("a root", () => {
  test("that is a link to a release is followed when the link is swapped", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "r1/a.yaml": "1\n", "r2/a.yaml": "2\n", "r2/b.yaml": "2\n" });
    await symlink("r1", directory.join("current"));
    await using source = await observe([directory.join("current")]);
    await sleep(100);
    await symlink("r2", directory.join("next"));
    const swappedMs = performance.now();
    await rename(directory.join("next"), directory.join("current"));
    const state = await source.next((each) => each.documents.length === 2);
    expect(textOf(state, "a.yaml")).toBe("2\n");
    expect(performance.now() - swappedMs).toBeLessThan(400);
  });

  test("that is missing at the start is a problem, and is picked up once it is there", async () => {
    await using directory = await tempDir();
    const root = directory.join("not/yet");
    await using source = await observe([root]);
    expect(source.last()).toMatchObject({ documents: [], cause: "start" });
    expect(source.last().problems).toMatchObject([{ code: "source-missing", path: root }]);

    await mkdir(root, { recursive: true });
    await writeFile(join(root, "a.yaml"), "a\n");
    const state = await source.next((each) => each.documents.length === 1);
    expect(state.problems).toEqual([]);
  });

  test("that is deleted keeps its documents beside a problem until it is back", async () => {
    await using directory = await tempDir();
    const root = directory.join("config");
    await writeTree(root, { "a.yaml": "a\n", "sub/b.yaml": "b\n" });
    await using source = await observe([root]);
    for (const round of [1, 2]) {
      const count = source.states.length;
      await rm(root, { recursive: true });
      const missing = await source.next((each) => each.problems.length > 0, count);
      expect(codesOf(missing)).toEqual(["source-missing"]);
      expect(namesOf(missing)).toEqual(["a.yaml", "b.yaml"]);
      expect(missing.cause).toContain("source-missing");

      const backMs = performance.now();
      await writeTree(root, { "a.yaml": `a${round}\n`, "sub/b.yaml": "b\n" });
      const back = await source.next((each) => textOf(each, "a.yaml") === `a${round}\n`, count);
      expect(back.problems).toEqual([]);
      expect(performance.now() - backMs).toBeLessThan(2000);

      // The watches on the old directories are deaf; the poll alone would take longer.
      const writtenMs = performance.now();
      await writeFile(join(root, "sub/b.yaml"), `b${round}\n`);
      await source.next((each) => textOf(each, "b.yaml") === `b${round}\n`, count);
      expect(performance.now() - writtenMs).toBeLessThan(2000);
    }
    expect(source.states.every((state) => state.documents.length === 2)).toBe(true);
  });

  test("that is replaced by another directory is watched again", async () => {
    await using directory = await tempDir();
    const root = directory.join("config");
    await writeTree(root, { "a.yaml": "a\n" });
    await writeTree(directory.join("next"), { "a.yaml": "b\n" });
    await using source = await observe([root]);
    await rename(root, directory.join("before"));
    await rename(directory.join("next"), root);
    await source.next((state) => textOf(state, "a.yaml") === "b\n");

    const writtenMs = performance.now();
    await writeFile(join(root, "a.yaml"), "c\n");
    await source.next((state) => textOf(state, "a.yaml") === "c\n");
    expect(performance.now() - writtenMs).toBeLessThan(2000);
    expect(source.states.flatMap(codesOf)).toEqual([]);
  });

  test("that was unmounted is not taken for an emptied one", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "a.yaml": "a\n" });
    let unmounted = false;
    const stat = async (path: string, options: object) => {
      const real = await promises.stat(path, options);
      if (unmounted && path === directory.path) Object.defineProperty(real, "dev", { value: 1n });
      return real;
    };
    await using source = await observe([directory.path], { files: port({ stat }) });
    unmounted = true;
    await unlink(directory.join("a.yaml"));
    const state = await source.next((each) => each.revision === 2);
    expect(codesOf(state)).toEqual(["source-missing"]);
    expect(namesOf(state)).toEqual(["a.yaml"]);
    await writeTree(directory.path, { "b.yaml": "b\n" });
    const back = await source.next((each) => namesOf(each).join() === "b.yaml");
    expect(back.problems).toEqual([]);
  });
});

describe.concurrent("an entry that cannot be read", () => {
  test("is a problem of its own kind, without waiting for anybody", async () => {
    await using directory = await tempDir();
    await using outside = await tempDir();
    await writeTree(outside.path, { "secret.yaml": "s\n", "dir/x.yaml": "x\n" });
    await writeTree(directory.path, { "good.yaml": "g\n", "target/real": "r\n", "sub/x.yaml": "x\n" });
    await symlink("target/real", directory.join("inside.yaml"));
    execFileSync("mkfifo", [directory.join("fifo.yaml")]);
    await mkdir(directory.join("folder.yaml"));
    await symlink(outside.join("secret.yaml"), directory.join("outside.yaml"));
    await symlink(outside.join("dir"), directory.join("outside"));
    await symlink("self.yaml", directory.join("self.yaml"));
    await symlink("nowhere", directory.join("dangling.yaml"));
    await symlink("../sub", directory.join("sub/loop"));
    await symlink("/dev/zero", directory.join("zero.yaml"));
    const server = createServer().listen(directory.join("socket.yaml"));
    await using source = await observe([directory.path]);
    server.close();

    expect(namesOf(source.last())).toEqual(["good.yaml", "inside.yaml", "x.yaml"]);
    const found = source.last().problems.map(({ path, code }) => `${path.split("/").at(-1)} ${code}`);
    expect(found.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      "dangling.yaml source-unreadable",
      "fifo.yaml source-not-regular",
      "folder.yaml source-not-regular",
      "loop source-unreadable",
      "outside source-outside-root",
      "outside.yaml source-outside-root",
      "self.yaml source-unreadable",
      "socket.yaml source-not-regular",
      "zero.yaml source-outside-root",
    ]);
  });

  test("keeps the documents last read well, and recovers", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "a.yaml": "a\n", "b.yaml": "b\n", "sub/c.yaml": "c\n" });
    const locked = new Set<string>();
    const refuse = (path: string): void => {
      const error = Object.assign(new Error("denied"), { code: "EACCES" });
      if ([...locked].some((name) => path.endsWith(name))) throw error;
    };
    const files = port({
      open: async (path: string, flags: number) => (refuse(path), promises.open(path, flags)),
      opendir: async (path: string) => (refuse(path), promises.opendir(path)),
    });
    await using source = await observe([directory.path], { files });
    locked.add("a.yaml").add("/sub");
    await writeAtomically(directory.join("a.yaml"), "a2\n");
    await writeAtomically(directory.join("b.yaml"), "b2\n");
    const state = await source.next((each) => each.problems.length === 2);
    expect(codesOf(state)).toEqual(["source-unreadable", "source-unreadable"]);
    expect(state.problems[0]?.message).toContain("permission denied");
    await source.next((each) => textOf(each, "b.yaml") === "b2\n");
    expect(textOf(source.last(), "a.yaml")).toBe("a\n");
    expect(textOf(source.last(), "c.yaml")).toBe("c\n");

    locked.clear();
    const back = await source.next((each) => textOf(each, "a.yaml") === "a2\n");
    expect(back.problems).toEqual([]);
    expect(source.states.every((each) => each.documents.length === 3)).toBe(true);
  });
});

describe.concurrent("a limit", () => {
  test("on one file excludes that file", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "a.yaml": "a\n", "b.yaml": "b\n" });
    await using source = await observe([directory.path], { limits: { fileBytesMax: 100 } });
    await truncate(directory.join("a.yaml"), 101);
    const state = await source.next((each) => each.problems.length === 1);
    expect(state.problems).toMatchObject([{ code: "source-too-large", path: directory.join("a.yaml") }]);
    expect(textOf(state, "a.yaml")).toBe("a\n");
  });

  test.each([
    ["files", { filesMax: 3 }, "source-too-many"],
    ["names", { entriesMax: 4 }, "source-too-many"],
    ["bytes in all", { totalBytesMax: 1000 }, "source-too-large"],
    ["depth", { depthMax: 2 }, "source-too-many"],
  ])("on %s keeps everything as it was", async (_, limits, code) => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "a.yaml": "a\n", "1/b.yaml": "b\n" });
    await using source = await observe([directory.path], { limits });
    expect(source.last().problems).toEqual([]);
    const large = "#".repeat(1001);
    await writeTree(directory.path, { "1/2/3/c.yaml": "c\n", "1/d.yaml": large, "1/e.yaml": "e\n" });
    const state = await source.next((each) => each.problems.length > 0);
    expect(codesOf(state)).toEqual([code]);
    expect(namesOf(state)).toEqual(expect.arrayContaining(["a.yaml", "b.yaml"]));
    expect(textOf(state, "a.yaml")).toBe("a\n");

    await rm(directory.join("1"), { recursive: true });
    await source.next((each) => each.problems.length === 0, state.revision);
  });
});

describe.concurrent("the system", () => {
  test("without watches left is polled instead, with a warning", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "a.yaml": "a\n" });
    let exhausted = true;
    await using source = await observe([directory.path], {
      watchDirectory: (path, listener) => {
        if (!exhausted) return systemWatch(path, listener);
        throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      },
    });
    expect(source.warnings).toHaveLength(1);
    expect(source.warnings[0]).toMatch(/ENOSPC.*max_user_watches.*polling/);

    await writeFile(directory.join("a.yaml"), "b\n");
    await source.next((state) => textOf(state, "a.yaml") === "b\n");
    exhausted = false;
    await writeFile(directory.join("a.yaml"), "c\n");
    await source.next((state) => textOf(state, "a.yaml") === "c\n");
    await writeFile(directory.join("a.yaml"), "d\n");
    await source.next((state) => textOf(state, "a.yaml") === "d\n");
    expect(source.warnings).toHaveLength(2);
  });

  test("that loses every event is caught up with by the poll", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "a.yaml": "a\n" });
    const watchDirectory = () => ({ close: () => {} });
    await using source = await observe([directory.path], { watchDirectory });
    await writeFile(directory.join("a.yaml"), "b\n");
    const state = await source.next((each) => textOf(each, "a.yaml") === "b\n");
    expect(state.cause).toBe("a.yaml changed");
  }, 15_000);

  test("is left alone after close", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "a.yaml": "a\n" });
    const source = await observe([directory.path]);
    await writeFile(directory.join("a.yaml"), "b\n");
    await source[Symbol.asyncDispose]();
    await writeAtomically(directory.join("a.yaml"), "c\n");
    await throughout("no state after close", () => source.states.length === 1, 300);
    expect(textOf(source.last(), "a.yaml")).toBe("a\n");
  });
});

/** The real file system with some calls replaced. */
function port(replaced: object): FilePort {
  return { ...promises, ...replaced };
}

async function makeGeneration(root: string, generation: number): Promise<void> {
  await writeGeneration(root, generation);
  await symlink(`..gen${generation}`, join(root, "..data"));
  for (const name of ["a.yaml", "b.yaml"]) await symlink(`..data/${name}`, join(root, name));
}

async function writeGeneration(root: string, generation: number): Promise<void> {
  const names = ["a.yaml", "b.yaml"].map((name) => `..gen${generation}/${name}`);
  await writeTree(root, Object.fromEntries(names.map((name) => [name, `${generation}\n`])));
}

async function swapGeneration(root: string, generation: number): Promise<void> {
  await writeGeneration(root, generation);
  await pointAt(root, `..gen${generation}`);
}

async function pointAt(root: string, target: string): Promise<void> {
  await symlink(target, join(root, "..data_tmp"));
  await rename(join(root, "..data_tmp"), join(root, "..data"));
}
