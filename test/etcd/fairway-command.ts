/**
 * A command of Fairway as its users run it.
 */
import { fileURLToPath } from "node:url";
import { Child } from "../../demo/kit/child.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** Starts it; end it with `close`, or wait for `exited`. */
export function fairway(...args: readonly string[]): Promise<Child> {
  return Child.start({ name: `fairway ${args[0]}`, command: process.execPath, args: [MAIN, ...args] });
}

/** Runs it to its end. */
export async function ran(
  ...args: readonly string[]
): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = await fairway(...args);
  const { code } = await child.exited;
  return { code, text: child.logs().join("\n") };
}
