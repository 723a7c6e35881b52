/**
 * `fairway pull`: the config documents in etcd into a directory.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { Command } from "commander";
import { CONFIG_PREFIX, PUSH_MARK } from "../config/etcd-documents.ts";
import { isDocumentName } from "../config/file-names.ts";
import type { Entry } from "../etcd/etcd-port.ts";
import { FairwayError } from "../support/fairway-error.ts";
import type { EtcdFlags } from "./etcd-options.ts";
import { addEtcdOptions, withEtcd } from "./etcd-options.ts";
import { readOnce } from "./load-config.ts";
import { exitCodes, print, tell } from "./output.ts";

/** The subcommand: exit code 6 while somebody's push is not finished. */
export function pullCommand(): Command {
  const command = new Command("pull")
    .description("write the config documents in etcd to a directory")
    .argument("<dir>", "the directory; files in it that are not in etcd stay and are named");
  return addEtcdOptions(command).action(pull);
}

async function pull(directory: string, flags: EtcdFlags, command: Command): Promise<void> {
  await withEtcd(flags, command, async (etcd) => {
    const { entries, revision } = await etcd.list(CONFIG_PREFIX);
    const mark = entries.find(({ key }) => key === PUSH_MARK);
    if (mark !== undefined) {
      tell(`fairway: a push is not finished (${Buffer.from(mark.value).toString("utf8")}); nothing was written`);
      process.exitCode = exitCodes.conflict;
      return;
    }
    let written = 0;
    for (const entry of entries) if (await write(directory, entry)) written += 1;
    const known = new Set(entries.map(({ key }) => key.slice(CONFIG_PREFIX.length)));
    const others = (await documentsIn(directory)).filter((path) => !known.has(path));
    if (others.length > 0) tell(`fairway: not in etcd, and left as they are; a push would add them:`);
    for (const path of others) tell(`  ${path}`);
    print(`${entries.length} documents at revision ${revision}, ${written} of them written to ${directory}`);
  });
}

/** The documents below a directory that a push of it would take. */
async function documentsIn(directory: string): Promise<readonly string[]> {
  const { documents } = await readOnce({ roots: [directory] });
  return documents.map(({ path }) => relative(directory, path)).toSorted();
}

/** Returns whether the file was another before. */
async function write(directory: string, { key, value }: Entry): Promise<boolean> {
  const below = key.slice(CONFIG_PREFIX.length);
  const steps = below.split("/");
  if (steps.some((step) => step === "" || step === "." || step === "..") || !isDocumentName(steps.at(-1) ?? "")) {
    tell(`fairway: the key ${JSON.stringify(key)} is no path of a document and was left out`);
    return false;
  }
  const path = join(directory, below);
  try {
    const before = await readFile(path).catch(() => undefined);
    if (before !== undefined && Buffer.compare(before, value) === 0) return false;
    await mkdir(dirname(path), { recursive: true });
    const temporary = join(dirname(path), `.${steps.at(-1)}.${process.pid}.tmp`);
    await writeFile(temporary, value);
    await rename(temporary, path);
    return true;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new FairwayError("OUTPUT_UNWRITABLE", `${path}: ${why}; name a directory that can be written`, { cause });
  }
}
