/**
 * Makes a fresh checkout ready and runs a command on the pinned Node. It needs nothing but Node 20 and npm.
 *
 *     node scripts/setup.mjs [--with-envoy | --with-envoys] [--with-etcd] [--with-netns] [run <script> [args...] | exec <command> [args...]]
 *
 * It installs the locked packages when they are missing or older than package-lock.json, generates `src/gen/` when its
 * inputs changed, and with `--with-envoy` sees to it that there is an Envoy, with `--with-envoys` one of each version that
 * is tested, with `--with-etcd` an etcd, with `--with-netns` the programs for network namespaces and their firewalls. A command is one of node_modules/.bin. It is quiet, and takes about 0.1 s, when there is nothing to do.
 * Signals go on to the command, and its exit code is ours.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError, binDir, hashFiles, pinnedEnv, pinnedNode, progress, readIfThere, root, run } from "./project.mjs";

const lockStamp = join(root, "node_modules", ".fairway-lock-hash");

/** @param {readonly string[]} argv */
async function main(argv) {
  const { envoyVersions, findEnvoy, findInstalledEnvoy } = await import("./envoy-binary.mjs");
  const flags = { "--with-envoy": envoyVersions.slice(0, 1), "--with-envoys": envoyVersions };
  const wanted = Object.entries(flags).find(([flag]) => flag === argv[0])?.[1];
  const behindEnvoys = wanted === undefined ? argv : argv.slice(1);
  const wantsEtcd = behindEnvoys[0] === "--with-etcd";
  const behindEtcd = wantsEtcd ? behindEnvoys.slice(1) : behindEnvoys;
  const wantsNetns = behindEtcd[0] === "--with-netns";
  const [verb, target, ...args] = wantsNetns ? behindEtcd.slice(1) : behindEtcd;
  if ((verb !== undefined && verb !== "run" && verb !== "exec") || (verb !== undefined && target === undefined)) {
    const flag = `[${Object.keys(flags).join(" | ")}] [--with-etcd] [--with-netns]`;
    throw new SetupError(`usage: node scripts/setup.mjs ${flag} [run <script> | exec <command>] [args...]`);
  }
  const mustInstall = !isInstalled();
  /** @type {import("./envoy-binary.mjs").EnvoyVersion[]} */
  const mustFetch = [];
  for (const version of wanted ?? []) {
    if ((await findInstalledEnvoy({ version })) === undefined) mustFetch.push(version);
  }
  const { findEtcd, findInstalledEtcd } = await import("./etcd-binary.mjs");
  const mustBuild = wantsEtcd && (await findInstalledEtcd()) === undefined;
  requireMachine({ mustInstall, mustFetch: mustFetch.length > 0, mustBuild });
  if (mustInstall) install();
  const { generateIfStale } = await import("./generate.mjs");
  generateIfStale();
  for (const version of mustFetch) await findEnvoy({ version });
  if (mustBuild) await findEtcd();
  if (wantsNetns) (await import("./netns-tools.mjs")).installNetnsTools();
  if (verb !== undefined && target !== undefined) {
    const path = verb === "run" ? target : join(binDir, target);
    await runInstead(pinnedNode, [path, ...args]);
  }
}

/** The hash of the lock file is kept beside what was installed from it. */
function isInstalled() {
  if (!existsSync(pinnedNode)) return false;
  if (readIfThere(lockStamp) === hashFiles(["package-lock.json"])) return true;
  // Someone ran npm by hand: npm writes this file when it is done.
  const byNpm = statSync(join(root, "node_modules", ".package-lock.json"), { throwIfNoEntry: false });
  return byNpm !== undefined && byNpm.mtimeMs >= statSync(join(root, "package-lock.json")).mtimeMs;
}

function install() {
  progress("installing the locked npm packages");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
  if (!existsSync(pinnedNode)) {
    throw new SetupError(
      "npm did not install the pinned Node; are install scripts switched off (npm config get ignore-scripts)?",
    );
  }
  writeFileSync(lockStamp, hashFiles(["package-lock.json"]));
}

/**
 * Names everything at once that this machine lacks for what is still to be done.
 *
 * @param {{ readonly mustInstall: boolean, readonly mustFetch: boolean, readonly mustBuild: boolean }} work
 */
function requireMachine({ mustInstall, mustFetch, mustBuild }) {
  const missing = [];
  const nodeMajor = Number(process.versions.node.split(".")[0]);
  if (nodeMajor < 20) missing.push(`Node 20 or newer (this is ${process.versions.node})`);
  if (mustInstall && !runs("npm", ["--version"])) missing.push("npm");
  if (mustFetch) {
    if (process.platform !== "linux" || process.arch !== "x64") {
      missing.push(`Linux on x86-64 (this is ${process.platform} on ${process.arch})`);
    } else if (!hasGlibc(2, 31)) {
      missing.push("glibc 2.31 or newer");
    }
    if (!runs("python3", ["--version"])) missing.push("python3 with pip");
    else if (!runs("python3", ["-m", "pip", "--version"])) missing.push("pip for python3");
  }
  if (mustBuild && !runs("go", ["version"])) {
    missing.push("Go to build etcd with (or set FAIRWAY_ETCD_BINARY to the path of an etcd 3.5.10 or newer)");
  }
  if (missing.length === 0) return;
  const wayOut = mustFetch
    ? "\nThe last of these are for fetching Envoy: set FAIRWAY_ENVOY to the path of an Envoy 1.40 binary to do without them, and for the tests FAIRWAY_ENVOY_OLD to that of a 1.36."
    : "";
  throw new SetupError(`this machine lacks: ${missing.join("; ")}.${wayOut}`);
}

/**
 * @param {number} major
 * @param {number} minor
 */
function hasGlibc(major, minor) {
  const report = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  const [hasMajor = 0, hasMinor = 0] = (report.header.glibcVersionRuntime ?? "").split(".").map(Number);
  return hasMajor > major || (hasMajor === major && hasMinor >= minor);
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
function runs(command, args) {
  return spawnSync(command, [...args], { stdio: "ignore" }).status === 0;
}

/**
 * Runs the command with our terminal and ends as it ends.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<void>}
 */
function runInstead(command, args) {
  const child = spawn(command, [...args], { stdio: "inherit", env: pinnedEnv() });
  /** @type {readonly NodeJS.Signals[]} */
  const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of forwarded) {
    process.on(signal, () => {
      // Ctrl-C in a terminal reaches the whole foreground group: the child has it already.
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", (cause) => reject(new SetupError(`${command} cannot be started: ${cause.message}`, { cause })));
    child.on("exit", (code, signal) => {
      if (signal !== null) {
        for (const each of forwarded) process.removeAllListeners(each);
        process.kill(process.pid, signal);
      }
      process.exitCode = code ?? 1;
      resolve();
    });
  });
}

try {
  await main(process.argv.slice(2));
} catch (cause) {
  if (!(cause instanceof SetupError)) throw cause;
  process.stderr.write(`fairway: ${cause.message}\n`);
  process.exitCode = 1;
}
