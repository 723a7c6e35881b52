/**
 * Where things are in this checkout, and the few functions that every script here needs.
 *
 * The scripts beside this file are plain JavaScript without dependencies, because they run before anything is
 * installed, on whatever Node (20 or newer) the machine has.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** The folder of installed commands; the pinned Node among them. */
export const binDir = join(root, "node_modules", ".bin");

/** The Node that everything of this project runs on, whatever `node` is on PATH. */
export const pinnedNode = join(root, "node_modules", "node", "bin", "node");

/** What the user caused or can put right: printed without a stack. */
export class SetupError extends Error {}

/** @param {string} text */
export function progress(text) {
  process.stderr.write(`fairway: ${text}\n`);
}

/**
 * The environment in which installed commands, and the scripts with `#!/usr/bin/env node`, find the pinned Node.
 *
 * Node keeps what it has compiled in a folder of ours: tests start the command line hundreds of times, and with it each
 * start takes half of the processor time.
 */
export function pinnedEnv() {
  return {
    NODE_COMPILE_CACHE: join(root, ".cache", "compiled"),
    ...process.env,
    PATH: `${binDir}${delimiter}${process.env["PATH"] ?? ""}`,
  };
}

/**
 * Runs a command to its end and throws when it fails. What the command prints goes to stderr, because stdout is for data.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ readonly env?: NodeJS.ProcessEnv }} [options]
 */
export function run(command, args, options = {}) {
  const result = spawnSync(command, [...args], {
    cwd: root,
    env: options.env ?? process.env,
    stdio: ["ignore", 2, 2],
  });
  if (result.error) throw new SetupError(`${command} cannot be started: ${result.error.message}`);
  if (result.signal) throw new SetupError(`${command} was ended by ${result.signal}`);
  if (result.status !== 0) throw new SetupError(`${command} ${args.join(" ")} failed with exit code ${result.status}`);
}

/**
 * One hash over the content of several files, in the order given.
 *
 * @param {readonly string[]} paths relative to the root
 */
export function hashFiles(paths) {
  const hash = createHash("sha256");
  for (const path of paths) {
    const content = readFileSync(join(root, path));
    hash.update(`${path} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

/**
 * The text of a small file, or undefined when there is none.
 *
 * @param {string} path
 */
export function readIfThere(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw cause;
  }
}
