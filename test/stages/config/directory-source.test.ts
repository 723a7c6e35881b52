/** What a directory source tells while people and programs change its files. */
import { execFileSync } from "node:child_process";
import * as promises from "node:fs/promises";
import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  open,
  rename,
  rm,
  symlink,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { relative } from "node:path";

import { describe, expect, test } from "vitest";

import type { WatchListener } from "../../../src/config/file-port.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { eventually, throughout } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { namesOf, observe, textOf, writeAtomically, writeTree } from "./observed-source.ts";

describe.concurrent("the first state", () => {
  test("holds every document, sorted by the path as the user wrote it", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, {
      "b.yaml": "b: 1\n",
      "a.yml": "a: 1\n",
      "sub/c.json": "{}\n",
      "notes.txt": "no document",
    });
    const asTyped = relative(process.cwd(), directory.path);
    await using source = await observe([`${asTyped}/`]);

    expect(source.states).toHaveLength(1);
    expect(source.last()).toMatchObject({ revision: 1, cause: "start", problems: [] });
    expect(source.last().documents.map((document) => document.path)).toEqual([
      `${asTyped}/a.yml`,
      `${asTyped}/b.yaml`,
      `${asTyped}/sub/c.json`,
    ]);
    expect(textOf(source.last(), "c.json")).toBe("{}\n");
  });

  test("joins several roots, files among them, and names a document once", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "one/a.yaml": "a\n", "two/b.yaml": "b\n", "single.conf": "s\n" });
    const roots = ["one", "two", "one", "single.conf"].map((name) => directory.join(name));
    await using source = await observe(roots);

    expect(namesOf(source.last())).toEqual(["a.yaml", "single.conf", "b.yaml"]);
    await writeAtomically(directory.join("single.conf"), "s2\n");
    await source.next((state) => textOf(state, "single.conf") === "s2\n");
  });

  test("ignores dotfiles and what editors leave behind", async () => {
    await using directory = await tempDir();
    const junk = [".a.yaml", ".#a.yaml", "#a.yaml#", "a.yaml~", "a.yaml.swp", "a.yaml.tmp", "4913"];
    for (const name of junk) await writeTree(directory.path, { [name]: "junk\n" });
    await writeTree(directory.path, { "a.yaml": "a\n", ".git/config.yaml": "junk\n" });
    await using source = await observe([directory.path]);

    expect(namesOf(source.last())).toEqual(["a.yaml"]);
    for (const name of junk) await writeTree(directory.path, { [name]: "junk again\n" });
    await throughout("junk makes no state", () => source.states.length === 1, 400);
  });

  test("waits for a file that is being written when it starts", async () => {
    await using directory = await tempDir();
    const file = await open(directory.join("a.yaml"), "w");
    const writing = (async () => {
      for (let line = 0; line < 8; line += 1) {
        await file.write(`line${line}: 1\n`);
        await sleep(40);
      }
      await file.close();
    })();
    await using source = await observe([directory.path]);
    await writing;

    expect(textOf(source.last(), "a.yaml")).toContain("line7");
  });
});

test("a file that is never finished at the start is a problem until it is", async () => {
  await using directory = await tempDir();
  await writeTree(directory.path, { "b.yaml": "b\n" });
  const file = await open(directory.join("a.yaml"), "w");
  const enough = new AbortController();
  const writer = (async () => {
    while (!enough.signal.aborted) {
      await file.write("x\n");
      await sleep(20);
    }
    await file.close();
  })();
  await using source = await observe([directory.path]);
  expect(namesOf(source.last())).toEqual(["b.yaml"]);
  expect(source.last().problems).toMatchObject([{ code: "source-unreadable", path: directory.join("a.yaml") }]);
  enough.abort();
  await writer;
  const finished = await source.next((state) => state.problems.length === 0);
  expect(textOf(finished, "a.yaml")).toMatch(/^(?:x\n)+$/);
});

describe("a change", () => {
  test("by atomic rename arrives within milliseconds", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "routes.yaml": "0\n", "b.yaml": "b\n", "c.yaml": "c\n" });
    await using source = await observe([directory.path]);
    await throughout("nothing changes yet", () => source.states.length === 1, 100);

    const tookMs: number[] = [];
    for (let round = 1; round <= 9; round += 1) {
      const renamedMs = performance.now();
      await writeAtomically(directory.join("routes.yaml"), `${round}\n`);
      await source.next((state) => textOf(state, "routes.yaml") === `${round}\n`);
      tookMs.push(performance.now() - renamedMs);
      await sleep(60);
    }
    expect(source.states).toHaveLength(10);
    expect(source.last().cause).toBe("routes.yaml changed");
    // The aim is 5 ms on an idle machine; the bound tells an immediate change from a settled one.
    expect(median(tookMs)).toBeLessThan(60);
  });

  test("by a slow write after truncation makes exactly one new state", async () => {
    await using directory = await tempDir();
    const before = "# old\n".repeat(2000);
    const after = "# new\n".repeat(2000);
    await writeTree(directory.path, { "a.yaml": before });
    await using source = await observe([directory.path]);

    const file = await open(directory.join("a.yaml"), "w");
    for (let at = 0; at < after.length; at += 1024) {
      await file.write(after.slice(at, at + 1024));
      await sleep(50);
    }
    await file.close();
    await source.next((state) => textOf(state, "a.yaml") === after);
    await throughout("one state", () => source.states.length === 2, 300);
    expect(source.states.map((state) => textOf(state, "a.yaml")?.length)).toEqual([12000, 12000]);
  });

  test("proceeds past a file that is still being written, which keeps its content", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "slow.yaml": "old\n", "quick.yaml": "1\n" });
    await using source = await observe([directory.path]);

    const file = await open(directory.join("slow.yaml"), "w");
    const enough = new AbortController();
    const writer = (async () => {
      while (!enough.signal.aborted) {
        await file.write("x\n");
        await sleep(20);
      }
      await file.close();
    })();
    await writeFile(directory.join("quick.yaml"), "2\n");
    const capped = await source.next((state) => textOf(state, "quick.yaml") === "2\n");
    expect(textOf(capped, "slow.yaml")).toBe("old\n");
    expect(source.warnings.join()).toContain("slow.yaml is still being written");

    // A held file delays nobody any more.
    const count = source.states.length;
    await writeAtomically(directory.join("quick.yaml"), "3\n");
    const immediate = await source.next((state) => textOf(state, "quick.yaml") === "3\n", count);
    expect(textOf(immediate, "slow.yaml")).toBe("old\n");

    enough.abort();
    await writer;
    const settled = await source.next((state) => textOf(state, "slow.yaml") !== "old\n");
    expect(settled).toBe(source.last());
    expect(textOf(settled, "slow.yaml")).toMatch(/^(?:x\n)+$/);
  });

  test("of nothing but time, mode or inode makes no state", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "a.yaml": "a\n" });
    await using source = await observe([directory.path]);
    await utimes(directory.join("a.yaml"), new Date(), new Date());
    await chmod(directory.join("a.yaml"), 0o600);
    await writeAtomically(directory.join("a.yaml"), "a\n");
    await throughout("no new state", () => source.states.length === 1, 500);
    expect(source.last().revision).toBe(1);
  });

  test("is seen when size and time of modification stay or go backwards", async () => {
    await using directory = await tempDir();
    const path = directory.join("a.yaml");
    const longAgo = new Date("2001-01-01");
    await writeTree(directory.path, { "a.yaml": "a: 1\n" });
    await utimes(path, longAgo, longAgo);
    await using source = await observe([directory.path]);

    await writeFile(path, "a: 2\n");
    await utimes(path, longAgo, longAgo);
    await source.next((state) => textOf(state, "a.yaml") === "a: 2\n");
    await writeAtomically(path, "a: 3\n");
    await utimes(path, new Date(0), new Date(0));
    await source.next((state) => textOf(state, "a.yaml") === "a: 3\n");
    expect(source.states).toHaveLength(3);
  });

  test("keeps what it truncated to or emptied, once nobody writes any more", async () => {
    await using directory = await tempDir();
    const path = directory.join("a.yaml");
    await writeTree(directory.path, { "a.yaml": "a: 1\n" });
    await using source = await observe([directory.path]);
    const bytes = Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0x00, 0xff, 0x0d, 0x0a]);
    await writeFile(path, bytes);
    const odd = await source.next((state) => state.revision === 2);
    expect(Buffer.from(odd.documents[0]?.bytes ?? [])).toEqual(bytes);
    await writeFile(path, "");
    await source.next((state) => textOf(state, "a.yaml") === "");
    expect(source.states).toHaveLength(3);
  });

  test("that looks complete waits if a report of a write was still on its way", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "a.yaml": "a\n" });
    let listener: WatchListener | undefined;
    let readMs = 0;
    let opened = false;
    const openNoted: typeof promises.open = async (path, flags) => {
      opened = true;
      return await promises.open(path, flags);
    };
    const realpath = async (path: string) => {
      const found = await promises.realpath(path);
      // The last call of the scan that reads the new file: the event arrives after it.
      if (path === directory.path && textReady && opened) {
        readMs ||= performance.now();
        setImmediate(() => listener?.heard("change", "a.yaml"));
      }
      return found;
    };
    let textReady = false;
    await using source = await observe([directory.path], {
      files: { ...promises, open: openNoted, realpath: realpath as typeof promises.realpath },
      watchDirectory: (path, heard) => {
        if (path === directory.path) listener = heard;
        return { close: () => {} };
      },
    });
    await sleep(100);
    await writeAtomically(directory.join("a.yaml"), "half\n");
    textReady = true;
    opened = false;
    listener?.heard("rename", "a.yaml");
    await eventually("it is read", () => readMs > 0);
    await throughout("it settles", () => source.states.length === 1, 100);
    textReady = false;
    await source.next((state) => textOf(state, "a.yaml") === "half\n");
    expect(performance.now() - readMs).toBeGreaterThan(140);
  });

  test("is dated by its first hint", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "a.yaml": "a\n" });
    await using source = await observe([directory.path]);
    const beforeMs = systemClock.monotonicMs();
    await writeFile(directory.join("a.yaml"), "b\n");
    const writtenMs = systemClock.monotonicMs();
    const state = await source.next((each) => each.revision === 2);
    expect(state.noticedAtMs).toBeGreaterThan(beforeMs);
    expect(state.noticedAtMs).toBeLessThan(writtenMs + 100);
    expect(systemClock.monotonicMs() - state.noticedAtMs).toBeGreaterThan(140);
  });
});

describe.concurrent("one state for each save", () => {
  const saves: Readonly<Record<string, (path: string, text: string) => Promise<void>>> = {
    "vim with a backup": async (path, text) => {
      await writeFile(`${path}.swp`, "swap");
      await rename(path, `${path}~`);
      await writeFile(path, text);
      await chmod(path, 0o644);
      await unlink(`${path}~`);
      await unlink(`${path}.swp`);
    },
    "emacs with a lock and a copy": async (path, text) => {
      await symlink("user@host.1234", path.replace(/[^/]*$/, ".#a.yaml"));
      await copyFile(path, `${path}~`);
      await writeFile(path, text);
      await unlink(path.replace(/[^/]*$/, ".#a.yaml"));
    },
    "sed -i": async (path, text) => {
      execFileSync("sed", ["-i", `s/.*/${text.trimEnd()}/`, path]);
    },
    "mv over it": async (path, text) => {
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    },
    "removal and creation": async (path, text) => {
      await unlink(path);
      await sleep(20);
      await writeFile(path, text);
    },
    "removal and slow creation": async (path, text) => {
      await unlink(path);
      const file = await open(path, "w");
      for (const letter of text) {
        await file.write(letter);
        await sleep(15);
      }
      await file.close();
    },
    "appending in pieces": async (path, text) => {
      await writeFile(path, "");
      for (const letter of text) await appendFile(path, letter);
    },
  };
  test.each(Object.entries(saves))("%s", async (_, save) => {
    await using directory = await tempDir();
    const path = directory.join("a.yaml");
    await writeTree(directory.path, { "a.yaml": "round 0\n" });
    await using source = await observe([directory.path]);
    for (const round of [1, 2, 3]) {
      await save(path, `round ${round}\n`);
      await source.next((state) => textOf(state, "a.yaml") === `round ${round}\n`);
      await throughout("one state", () => source.states.length === round + 1, 250);
    }
    expect(source.states.map((state) => textOf(state, "a.yaml"))).toEqual(
      [0, 1, 2, 3].map((round) => `round ${round}\n`),
    );
  });

  test("many renames in a row become a few states, the last one complete", async () => {
    await using directory = await tempDir();
    const names = Array.from({ length: 60 }, (_, index) => `f${index}.yaml`);
    await writeTree(directory.path, Object.fromEntries(names.map((name) => [name, "0\n"])));
    await using source = await observe([directory.path]);
    for (const name of names) await writeAtomically(directory.join(name), "1\n");
    await source.next((state) => names.every((name) => textOf(state, `/${name}`) === "1\n"));
    expect(source.states.length).toBeLessThanOrEqual(5);
  });

  test("a removed file leaves after it stayed away", async () => {
    await using directory = await tempDir();
    await writeTree(directory.path, { "a.yaml": "a\n", "sub/b.yaml": "b\n" });
    await using source = await observe([directory.path]);
    await rm(directory.join("sub"), { recursive: true });
    const state = await source.next((each) => each.documents.length === 1);
    expect(state.cause).toBe("sub/b.yaml removed");
    await mkdir(directory.join("sub"));
    await writeFile(directory.join("sub/b.yaml"), "b\n");
    await source.next((each) => each.documents.length === 2, 2);
  });
});

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
