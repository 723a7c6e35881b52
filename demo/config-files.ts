/**
 * The config files of the demo: a copy that may be edited, and edits that can be shown.
 *
 * `demo/config/` is a directory of ordinary Fairway files. The copy differs in its ports only, which are
 * replaced where others on this machine use them.
 */
import { mkdir, readFile, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where the files are written and read. */
const TEMPLATE = fileURLToPath(new URL("./config/", import.meta.url));

/** What an edit did to one file. */
export interface Edit {
  readonly file: string;
  /** Of the first line that differs, from 1. */
  readonly line: number;
  readonly removed: readonly string[];
  readonly added: readonly string[];
  /** On the clock of `performance.now()`: the moment before the file took the place of the old one. */
  readonly savedAtMs: number;
}

/** Copies the files to `directory`, with other ports in place of those that the map names. */
export async function copyConfig(directory: string, ports: ReadonlyMap<number, number>): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const name of await readdir(TEMPLATE)) {
    const text = await readFile(join(TEMPLATE, name), "utf8");
    const replaced = text.replaceAll(/\b(?:9|10)\d{3}\b/g, (port) => String(ports.get(Number(port)) ?? port));
    await writeFile(join(directory, name), replaced);
  }
}

/** Replaces the one place where `from` stands and saves the file as careful editors do: write beside it, then rename. */
export async function editFile(
  directory: string,
  file: string,
  change: { readonly from: string; readonly to: string },
): Promise<Edit> {
  const path = join(directory, file);
  const before = await readFile(path, "utf8");
  if (before.split(change.from).length !== 2)
    throw new Error(`${file} does not hold this text exactly once: ${change.from}`);
  const after = before.replace(change.from, () => change.to);
  await writeFile(`${path}.new~`, after);
  const savedAtMs = performance.now();
  await rename(`${path}.new~`, path);
  return { file, ...difference(before.split("\n"), after.split("\n")), savedAtMs };
}

/** The lines that differ, when they are all in one place. */
function difference(before: readonly string[], after: readonly string[]): Pick<Edit, "line" | "removed" | "added"> {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  return {
    line: start + 1,
    removed: before.slice(start, before.length - end),
    added: after.slice(start, after.length - end),
  };
}
