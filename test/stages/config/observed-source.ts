/**
 * A directory source together with every state it told, for tests.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { DirectorySource } from "../../../src/config/directory-source.ts";
import type { DirectorySourceOptions } from "../../../src/config/directory-source.ts";
import type { SourceState } from "../../../src/config/source.ts";
import { systemClock } from "../../../src/support/clock.ts";
import { eventuallyValue } from "../../support/eventually.ts";

export interface ObservedSource extends AsyncDisposable {
  readonly states: readonly SourceState[];
  readonly warnings: readonly string[];
  /** The newest state. */
  last(): SourceState;
  /** The first state from number `index` on that satisfies `condition`. */
  next(condition: (state: SourceState) => boolean, index?: number): Promise<SourceState>;
}

/** Starts a source on `roots` and records what it tells. */
export async function observe(
  roots: readonly string[],
  options: Partial<DirectorySourceOptions> = {},
): Promise<ObservedSource> {
  const states: SourceState[] = [];
  const warnings: string[] = [];
  const source = new DirectorySource({
    clock: systemClock,
    onWarning: (text) => warnings.push(text),
    ...options,
    roots,
  });
  await source.start((state) => states.push(state));
  return {
    states,
    warnings,
    last: () => states.at(-1) as SourceState,
    next: (condition, index = 0) =>
      eventuallyValue(
        `a state that satisfies ${condition.toString()}; the last is ${describeState(states.at(-1))}`,
        () => states.slice(index).find(condition),
        { timeoutMs: 8_000, intervalMs: 1 },
      ),
    [Symbol.asyncDispose]: () => source.close(),
  };
}

/** The content of a document by the end of its path. */
export function textOf(state: SourceState, name: string): string | undefined {
  const found = state.documents.find((document) => document.path.endsWith(name));
  return found === undefined ? undefined : Buffer.from(found.bytes).toString("utf8");
}

export function namesOf(state: SourceState): readonly string[] {
  return state.documents.map((document) => document.path.slice(document.path.lastIndexOf("/") + 1));
}

export function codesOf(state: SourceState): readonly string[] {
  return state.problems.map((problem) => problem.code);
}

/** Writes beside the tree and renames into it, as every careful tool does. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${Math.random().toString(36).slice(2)}`);
  await writeFile(temporary, text);
  await rename(temporary, path);
}

/** Writes files below `root`, making directories as needed. */
export async function writeTree(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
}

function describeState(state: SourceState | undefined): string {
  if (state === undefined) return "none";
  return JSON.stringify({
    revision: state.revision,
    cause: state.cause,
    documents: state.documents.map((each) => [each.path, textOf(state, each.path)?.slice(0, 60)]),
    problems: state.problems,
  });
}
