/**
 * Finds the binary of a tool that tests and the demo need, and fetches it when it is not on the machine.
 *
 * The order: an environment variable, PATH (only in a fitting version), the cache, else the tool's own `fetch`
 * into the cache. A tool describes itself as a `Tool`; `envoy-binary.mjs` is one. Any number of callers may
 * do this at once: each fetches aside, and the first rename wins.
 */
import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { SetupError } from "./project.mjs";

/**
 * @typedef {object} Tool
 * @property {string} name the command's name on PATH and in the cache
 * @property {string} version what `fetch` brings
 * @property {string} variable the environment variable that names a binary to use instead
 * @property {RegExp} fits matches the output of `<command> --version` when the one on PATH will do
 * @property {(folder: string) => Promise<void>} fetch puts the executable into the folder under the tool's name
 */

/**
 * The path of the tool's binary; fetches it when it is nowhere.
 *
 * @param {Tool} tool
 * @returns {Promise<string>}
 */
export async function findTool(tool) {
  return (await findInstalledTool(tool)) ?? (await fetchIntoCache(tool));
}

/**
 * The path of the tool's binary if it is on this machine.
 *
 * @param {Tool} tool
 * @returns {Promise<string | undefined>}
 */
export async function findInstalledTool(tool) {
  const named = process.env[tool.variable];
  if (named !== undefined && named !== "") {
    if (await isExecutable(named)) return named;
    throw new SetupError(`${tool.variable} is set to ${named}, which is not an executable file`);
  }
  const onPath = await findOnPath(tool);
  if (onPath !== undefined) return onPath;
  const cached = join(cacheFolder(tool), tool.name);
  return (await isExecutable(cached)) ? cached : undefined;
}

/** @param {Tool} tool */
async function findOnPath(tool) {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, tool.name);
    if (folder === "" || !(await isExecutable(path))) continue;
    const version = await capture(path, ["--version"]).catch(() => "");
    if (tool.fits.test(version)) return path;
  }
  return undefined;
}

/** @param {Tool} tool */
async function fetchIntoCache(tool) {
  const folder = cacheFolder(tool);
  await mkdir(join(folder, ".."), { recursive: true });
  const fresh = await mkdtemp(`${folder}.`);
  try {
    await tool.fetch(fresh);
    // A folder cannot be renamed onto one with something in it: then another caller was first, and its is as good.
    await rename(fresh, folder).catch(async (/** @type {unknown} */ cause) => {
      if (!(await isExecutable(join(folder, tool.name)))) throw cause;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return join(folder, tool.name);
}

/** @param {Tool} tool */
function cacheFolder(tool) {
  const caches = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  return join(caches, "fairway", `${tool.name}-${tool.version}`);
}

/** @param {string} path */
async function isExecutable(path) {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * Runs a command to its end and returns what it printed; rejects with the end of its stderr when it fails.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<string>}
 */
export async function capture(command, args) {
  // A download of some 100 MB on a slow line fits into 15 minutes; a hung one must end.
  const options = { timeout: 15 * 60_000, maxBuffer: 1024 * 1024 };
  try {
    const { stdout, stderr } = await promisify(execFile)(command, [...args], options);
    return stdout + stderr;
  } catch (cause) {
    const stderr = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim().slice(-2000) : "";
    throw new SetupError(`${command} ${args.join(" ")} failed${stderr === "" ? "" : `:\n${stderr}`}`, { cause });
  }
}
