/**
 * A command of Fairway as its users run it.
 */
import { Child } from "../../demo/kit/child.ts";
import { fairwayMain } from "../../demo/kit/program.ts";

/** Starts it; end it with `close`, or wait for `exited`. */
export function fairway(...args: readonly string[]): Promise<Child> {
  return Child.start({ name: `fairway ${args[0]}`, command: process.execPath, args: [fairwayMain, ...args] });
}

/** What it has said, and how it ended. */
interface Ran {
  readonly code: number | null;
  readonly text: string;
}

/** Runs it to its end. */
export function ran(...args: readonly string[]): Promise<Ran> {
  return ranWith({}, ...args);
}

/** The same with further variables. */
export async function ranWith(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Ran> {
  const child = await Child.start({
    name: `fairway ${args[0]}`,
    command: process.execPath,
    args: [fairwayMain, ...args],
    env: { ...process.env, ...env },
  });
  const { code } = await child.exited;
  return { code, text: child.logs().join("\n") };
}
