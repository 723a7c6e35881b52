/**
 * The etcd that tests and the demo run: `findEtcd()`.
 *
 * It is the binary that FAIRWAY_ETCD_BINARY names, or `etcd` on PATH when that is new enough, or the cached one, or else one
 * that is built with Go from etcd's own module, in the version and with the checksums of `scripts/etcd/`.
 * Before 3.5.10 a server may lose what it has confirmed, or tell of progress before the events: no test means anything there.
 */
import { join } from "node:path";
import { SetupError, progress, root } from "./project.mjs";
import { capture, findInstalledTool, findTool } from "./tool-binary.mjs";

/** @type {import("./tool-binary.mjs").Tool} */
const etcd = {
  name: "etcd",
  version: "3.6.16",
  variable: "FAIRWAY_ETCD_BINARY",
  fits: /^etcd Version: 3\.(?:5\.[1-9]\d|[6-9]\.|\d\d)/,
  fetch: build,
};

/**
 * The path of an etcd binary; builds it on first use.
 *
 * @returns {Promise<string>}
 */
export function findEtcd() {
  return findTool(etcd);
}

/** The same, but undefined instead of building. */
export function findInstalledEtcd() {
  return findInstalledTool(etcd);
}

/** @param {string} folder */
async function build(folder) {
  progress(`building etcd ${etcd.version} with Go (once, a minute or two, kept in the cache)`);
  const source = join(root, "scripts", "etcd");
  try {
    await capture("go", ["build", "-C", source, "-mod=readonly", "-trimpath", "-o", join(folder, etcd.name), "."]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const wayOut = `set ${etcd.variable} to the path of an etcd 3.5.10 or newer, or install Go 1.24 or newer`;
    throw new SetupError(`etcd ${etcd.version} could not be built: ${wayOut}.\n${reason}`, { cause });
  }
}
