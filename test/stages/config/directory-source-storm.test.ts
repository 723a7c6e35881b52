/** A directory source under more files and events than people make. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { promisify } from "node:util";

import { expect, test } from "vitest";

import { capMs } from "../../../src/config/settle.ts";
import type { SourceState } from "../../../src/config/source.ts";
import { eventually } from "../../support/eventually.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { observe } from "./observed-source.ts";

const run = promisify(execFile);

const FILES = 3000;
const STORMY_FILES = 500;
const RENAMES = 5000;

/** Four events each, so that 20,000 reach a queue of 16,384. */
const storm = `
  import { writeFileSync, renameSync } from "node:fs";
  for (let i = 0; i < ${RENAMES}; i += 1) {
    writeFileSync(".t", i + "\\n");
    renameSync(".t", "f" + (i % ${STORMY_FILES}) + ".yaml");
  }`;

test("a storm of events makes few states, and the event loop stays responsive", async () => {
  await using directory = await tempDir();
  const filler = "# filler\n".repeat(550);
  await mkdir(directory.join("sub"));
  for (let index = 0; index < FILES; index += 1) {
    await writeFile(directory.join("sub", `f${index}.yaml`), `${index}\n${filler}`);
  }
  await using source = await observe([directory.path]);
  expect(source.last().documents).toHaveLength(FILES);

  using longest = measureTurns();
  const startedMs = performance.now();
  const args = ["--input-type=module", "-e", storm];
  await run(process.execPath, args, { cwd: directory.join("sub") });
  await eventually("the state is that of the calm", () => isCalm(source.last()), {
    intervalMs: 100,
    timeoutMs: 30_000,
  });

  expect(source.last().documents).toHaveLength(FILES);
  // One each time that the storm is cut short, and some more where a busy machine makes a pause in it: of thousands.
  expect(source.states.length).toBeLessThan((3 * (performance.now() - startedMs)) / capMs + 5);
  expect(longest.turnMs()).toBeLessThan(50);
}, 60_000);

/**
 * The longest turn of the event loop, in time of the processor on this thread: what a machine that is
 * busy with other tests takes from us does not count.
 */
function measureTurns(): Disposable & { turnMs(): number } {
  const usedMs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let longestMs = 0;
  let beforeMs = usedMs();
  const timer = setInterval(() => {
    const nowMs = usedMs();
    longestMs = Math.max(longestMs, nowMs - beforeMs);
    beforeMs = nowMs;
  }, 1);
  return { turnMs: () => longestMs, [Symbol.dispose]: () => clearInterval(timer) };
}

function isCalm(state: SourceState): boolean {
  const inStorm = state.documents.filter((document) => document.bytes.byteLength < 10);
  const rounds = inStorm.map((document) => Number(Buffer.from(document.bytes).toString("utf8")));
  return rounds.length === STORMY_FILES && rounds.every((round) => round >= RENAMES - STORMY_FILES);
}
