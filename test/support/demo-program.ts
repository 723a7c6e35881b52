/**
 * The demo as a program of its own, and what it leaves behind: programs, and directories where temporary files are.
 */
import { readFileSync, readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { Child } from "../../demo/kit/child.ts";

const DEMO = fileURLToPath(new URL("../../demo/demo.ts", import.meta.url));

/** Starts it with further variables. */
export function startDemo(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Child> {
  return Child.start({
    name: "demo",
    command: process.execPath,
    args: [DEMO, ...args],
    env: { ...process.env, ...env },
  });
}

/** Programs and directories that a demo left. */
export async function leftovers(pid: number, directory = tmpdir()): Promise<readonly string[]> {
  const directories = (await readdir(directory)).filter((name) => name.startsWith(`fairway-demo-${pid}-`));
  return [...directories, ...childrenOf(pid).map((child) => `process ${child}`)];
}

export function childrenOf(parent: number): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => stateOf(pid)?.parent === parent);
}

/** Absent when the program has ended, also while its end has not been noticed by its parent. */
export function stateOf(pid: number): { readonly parent: number } | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return /^State:\s+Z/m.test(status) ? undefined : { parent: Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]) };
  } catch {
    return undefined;
  }
}
