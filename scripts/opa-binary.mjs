/**
 * The Open Policy Agent that checks the policy of an example: `findOpa()`, a program of ours around its Go module.
 *
 * OPA's own command would be ten times as large, for its server, its bundles and its compiler to WebAssembly.
 */
import { join } from "node:path";
import { SetupError, progress, root } from "./project.mjs";
import { capture, findTool } from "./tool-binary.mjs";

/** @type {import("./tool-binary.mjs").Tool} */
const opa = {
  name: "fairway-opa",
  version: "1.22.4",
  variable: "FAIRWAY_OPA_BINARY",
  fits: /^fairway-opa 1\.22\.4$/m,
  fetch: build,
};

/**
 * The path of its binary; builds it on first use.
 *
 * @returns {Promise<string>}
 */
export function findOpa() {
  return findTool(opa);
}

/** @param {string} folder */
async function build(folder) {
  progress(`building Open Policy Agent ${opa.version} with Go (once, half a minute, kept in the cache)`);
  const source = join(root, "scripts", "opa");
  try {
    await capture("go", ["build", "-C", source, "-mod=readonly", "-trimpath", "-o", join(folder, opa.name), "."]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SetupError(`Open Policy Agent ${opa.version} could not be built: install Go 1.26 or newer.\n${reason}`, {
      cause,
    });
  }
}
