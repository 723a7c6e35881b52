/** What the embedded store keeps through crashes, damage and full disks. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as promises from "node:fs/promises";
import { copyFile, mkdir, readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { GenerationStore } from "../../../src/store/generation-store.ts";
import type { StorePort } from "../../../src/store/store-port.ts";
import { eventually } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";

const childScript = new URL("write-loop.ts", import.meta.url).pathname;

describe("what was saved", () => {
  test("comes back by key: what is served, and the generations with the newest first", async () => {
    await using directory = await tempDir();
    const keys = ["edge", "@groups", "../../etc/passwd", "Größe/☃", "x".repeat(500), "edge.1"];
    await using first = await open(directory.path);
    for (const key of keys) {
      await first.store.saveServed(key, bytes(`${key} old`));
      await first.store.saveServed(key, bytes(`${key} served`));
      for (const generation of ["1", "2"]) await first.store.promote(key, bytes(generation));
    }
    await first.store.close();

    await using second = await open(directory.path);
    const loaded = await second.store.load();
    expect(loaded.map((entry) => entry.key)).toEqual(keys.toSorted((a, b) => (a < b ? -1 : 1)));
    for (const entry of loaded) {
      expect(text(entry.served)).toBe(`${entry.key} served`);
      expect(entry.generations.map(text)).toEqual(["2", "1"]);
    }
    expect(second.warnings).toEqual([]);
  });

  test("is five generations at most, also across restarts", async () => {
    await using directory = await tempDir();
    for (let generation = 1; generation <= 12; generation += 1) {
      await using opened = await open(directory.path);
      await opened.store.promote("edge", bytes(`${generation}`));
      await opened.store.promote("other", bytes("other"));
    }
    await using opened = await open(directory.path);
    const [edge] = await opened.store.load();
    expect(edge?.generations.map(text)).toEqual(["12", "11", "10", "9", "8"]);
    expect(edge).not.toHaveProperty("served");
    const files = await readdir(directory.path);
    expect(files.filter((name) => name.startsWith("edge-"))).toHaveLength(5);
  });

  test("is readable by nobody else", async () => {
    await using directory = await tempDir();
    const state = directory.join("made/on/demand");
    await using opened = await open(state);
    await opened.store.saveServed("edge", bytes("secret"));
    await opened.store.promote("edge", bytes("secret"));
    expect((await stat(state)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(state)) {
      expect((await stat(join(state, name))).mode & 0o777, name).toBe(0o600);
    }
  });

  test("is the newest of many writes that waited together", async () => {
    await using directory = await tempDir();
    await using opened = await open(directory.path);
    const writes = Array.from({ length: 200 }, (_, index) => opened.store.saveServed("edge", bytes(`${index}`)));
    await Promise.all(writes);
    const [edge] = await opened.store.load();
    expect(text(edge?.served)).toBe("199");
  });
});

describe("damage", () => {
  test("at any place of a file is found, and the generation before is used", async () => {
    await using directory = await tempDir();
    await using opened = await open(directory.path);
    await opened.store.promote("edge", bytes("generation one"));
    await opened.store.promote("edge", bytes("generation two"));
    const newest = (await stateFiles(directory.path)).at(-1) ?? "";
    const whole = await readFile(newest);

    for (let at = 0; at < whole.byteLength; at += 1) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      await writeFile(newest, flipped);
      const [edge, ...more] = await opened.store.load();
      expect([edge?.generations.map(text), more], `flipped at ${at}`).toEqual([["generation one"], []]);
      await writeFile(newest, whole.subarray(0, at));
      expect((await opened.store.load())[0]?.generations.map(text)).toEqual(["generation one"]);
    }
    await writeFile(newest, Buffer.concat([whole, bytes("x")]));
    expect((await opened.store.load())[0]?.generations).toHaveLength(1);
    expect(opened.warnings).toHaveLength(2 * whole.byteLength + 1);
    expect(opened.warnings[0]).toContain(newest);

    await writeFile(newest, whole);
    expect((await opened.store.load())[0]?.generations).toHaveLength(2);
  });

  test("that makes a file huge is skipped without reading it", async () => {
    await using directory = await tempDir();
    await using opened = await open(directory.path);
    await opened.store.saveServed("edge", bytes("served"));
    const [file = ""] = await stateFiles(directory.path);
    await truncate(file, 2 ** 33);
    expect(await opened.store.load()).toEqual([]);
    expect(opened.warnings[0]).toContain("8589934592 bytes");
  });

  test("of names does not bring bytes back under another key", async () => {
    await using directory = await tempDir();
    await using opened = await open(directory.path);
    await opened.store.saveServed("edge", bytes("edge"));
    await opened.store.saveServed("other", bytes("other"));
    const [edge = "", other = ""] = await stateFiles(directory.path);
    await copyFile(edge, other);
    expect((await opened.store.load()).map((entry) => entry.key)).toEqual(["edge"]);
    expect(opened.warnings).toHaveLength(1);
  });
});

describe("a disk", () => {
  test.each(["open", "write", "sync", "rename", "sync directory"])(
    "that fails at %s leaves what was there, and the next write succeeds",
    async (failing) => {
      await using directory = await tempDir();
      const fault: Fault = { at: undefined };
      await using opened = await open(directory.path, failingPort(fault));
      await opened.store.saveServed("edge", bytes("old"));
      await opened.store.promote("edge", bytes("old"));

      fault.at = failing;
      const promotion = opened.store.promote("edge", bytes("new"));
      await expect(promotion).rejects.toMatchObject({
        code: "STATE_UNWRITABLE",
        message: expect.stringContaining("ENOSPC"),
      });
      if (!failing.startsWith("sync")) {
        const saved = opened.store.saveServed("edge", bytes("new"));
        await expect(saved).rejects.toMatchObject({ code: "STATE_UNWRITABLE" });
        const [edge] = await opened.store.load();
        expect(text(edge?.served)).toBe("old");
        expect(edge?.generations.map(text)).toEqual(["old"]);
      }
      fault.at = undefined;
      expect((await readdir(directory.path)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
      await opened.store.saveServed("edge", bytes("newer"));
      await opened.store.promote("edge", bytes("newer"));
      const [edge] = await opened.store.load();
      expect(text(edge?.served)).toBe("newer");
      expect(text(edge?.generations[0])).toBe("newer");
    },
  );

  test("that syncs is asked to before a promotion resolves, and not for what is served", async () => {
    await using directory = await tempDir();
    const fault: Fault = { at: undefined };
    const calls: string[] = [];
    await using opened = await open(directory.path, failingPort(fault, calls));
    calls.length = 0;
    await opened.store.saveServed("edge", bytes("a"));
    expect(calls).toEqual(["open", "write", "write", "rename"]);
    calls.length = 0;
    await opened.store.promote("edge", bytes("a"));
    expect(calls).toEqual(["open", "write", "write", "sync", "rename", "sync directory"]);
  });

  test("without a place for the directory is a named failure", async () => {
    await using directory = await tempDir();
    await writeFile(directory.join("file"), "");
    await expect(open(directory.join("file/state"))).rejects.toMatchObject({
      code: "STATE_UNWRITABLE",
      message: expect.stringContaining(directory.join("file/state")),
    });
  });
});

describe("a process", () => {
  test("that was killed while writing leaves whole generations and no litter", async () => {
    await using directory = await tempDir();
    for (const round of [1, 2, 3, 4]) {
      const child = spawn(process.execPath, [childScript, directory.path], { stdio: ["ignore", "pipe", 2] });
      let written = "";
      child.stdout?.on("data", (chunk) => (written += String(chunk)));
      await eventually("the child has written some", () => written.length > 20 + round * 7);
      child.kill("SIGKILL");
      await once(child, "exit");

      await using opened = await open(directory.path);
      const [edge] = await opened.store.load();
      expect(opened.warnings).toEqual([]);
      for (const payload of [edge?.served, ...(edge?.generations ?? [])]) {
        expect(new Set(payload).size).toBe(1);
        expect(payload).toHaveLength(200_000);
      }
      expect(edge?.generations.length).toBeGreaterThanOrEqual(5);
      expect((await readdir(directory.path)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    }
  }, 30_000);

  test("that lives keeps others out, and is named", async () => {
    await using directory = await tempDir();
    await using opened = await open(directory.path);
    await expect(open(directory.path)).rejects.toMatchObject({
      code: "STATE_UNWRITABLE",
      message: expect.stringContaining(`process ${process.pid} `),
    });
    await opened.store.close();
    await using next = await open(directory.path);
    await expect(opened.store.saveServed("edge", bytes("late"))).rejects.toMatchObject({
      code: "STATE_UNWRITABLE",
    });
    expect(await next.store.load()).toEqual([]);
  });

  test.each([
    ["died", JSON.stringify({ pid: 2 ** 22 + 1, startedAt: "1" })],
    ["died and whose id was given to another", JSON.stringify({ pid: process.pid, startedAt: "1" })],
    ["left a damaged lock", "{"],
    ["left an empty lock", ""],
  ])("that %s does not keep others out", async (_, lock) => {
    await using directory = await tempDir();
    await writeFile(directory.join("lock.7"), lock);
    await writeFile(directory.join(".orphan.served.3.tmp"), "half");
    await using opened = await open(directory.path);
    await expect(open(directory.path)).rejects.toMatchObject({ code: "STATE_UNWRITABLE" });
    expect(await readdir(directory.path)).toEqual(["lock.8"]);
    await opened.store.close();
    await using next = await open(directory.path);
    expect(next.warnings).toEqual([]);
  });

  test("that starts together with others is the only one to get in", async () => {
    await using directory = await tempDir();
    for (let round = 0; round < 20; round += 1) {
      const state = directory.join(`state${round}`);
      await mkdir(state);
      await writeFile(join(state, "lock.3"), "stale");
      const starts = Array.from({ length: 8 }, () => open(state));
      const opened = (await Promise.allSettled(starts)).flatMap((start) =>
        start.status === "fulfilled" ? [start.value] : [],
      );
      expect(opened).toHaveLength(1);
      await opened[0]?.store.close();
    }
  });
});

interface Opened extends AsyncDisposable {
  readonly store: GenerationStore;
  readonly warnings: readonly string[];
}

async function open(directory: string, port?: StorePort): Promise<Opened> {
  const warnings: string[] = [];
  const onWarning = (warning: string): void => void warnings.push(warning);
  const store = await GenerationStore.open({ directory, onWarning, ...(port && { port }) });
  // The mode of a directory that somebody else made is not what these tests are about.
  const relevant = warnings.filter((warning) => !warning.includes("has mode"));
  warnings.splice(0, warnings.length, ...relevant);
  return { store, warnings, [Symbol.asyncDispose]: () => store.close() };
}

async function stateFiles(directory: string): Promise<readonly string[]> {
  const names = (await readdir(directory)).filter((name) => /\.(?:gen|served)$/.test(name));
  return names.toSorted((a, b) => (a < b ? -1 : 1)).map((name) => join(directory, name));
}

interface Fault {
  at: string | undefined;
}

/** The real file system, which runs out of space at one of its calls. */
function failingPort(fault: Fault, calls: string[] = []): StorePort {
  const pass = (call: string): void => {
    calls.push(call);
    if (fault.at !== call) return;
    throw Object.assign(new Error(`ENOSPC: no space left on device, ${call}`), { code: "ENOSPC" });
  };
  const openFile: StorePort["open"] = async (path, flags, mode) => {
    const isDirectory = (await promises.stat(path).catch(() => undefined))?.isDirectory() ?? false;
    const isRead = !isDirectory && flags !== "wx" && (Number(flags) & 1) === 0;
    if (!isDirectory && !isRead) pass("open");
    const handle = await promises.open(path, flags, mode);
    return new Proxy(handle, {
      get(target, name) {
        if (name === "sync") {
          return async () => {
            pass(isDirectory ? "sync directory" : "sync");
            await target.sync();
          };
        }
        if (name === "writeFile") {
          return async (content: Uint8Array) => {
            // Half of it still fits.
            if (fault.at === "write") await target.writeFile(bytes("half"));
            pass("write");
            await target.writeFile(content);
          };
        }
        const member: unknown = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      },
    });
  };
  const rename: StorePort["rename"] = async (from, to) => {
    pass("rename");
    await promises.rename(from, to);
  };
  return { ...promises, open: openFile, rename };
}

function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function text(content: Uint8Array | undefined): string | undefined {
  return content === undefined ? undefined : new TextDecoder().decode(content);
}
