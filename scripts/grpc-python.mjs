/**
 * A Python with gRPC in it, for the tests with real gRPC clients: `findGrpcPython()`.
 *
 * It is the program named by FAIRWAY_GRPC_PYTHON, or the cached one, or else the python3 of this machine with the
 * PyPI package `grpcio` beside it, fetched with pip into the cache and taken only with a sha256 that `scripts/pinned/`
 * has; nothing is installed into the Python itself.
 */
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipPinned } from "./pinned-packages.mjs";
import { SetupError, progress } from "./project.mjs";
import { capture, findTool } from "./tool-binary.mjs";

const VERSION = "1.85.1";

/**
 * The path of a program that takes the arguments of python3; fetches gRPC on first use.
 *
 * @returns {Promise<string>}
 */
export async function findGrpcPython() {
  return findTool({
    name: "grpc-python",
    // What is compiled for one Python is of no use to the next.
    version: `${VERSION}-${await pythonTag()}`,
    variable: "FAIRWAY_GRPC_PYTHON",
    // No such command is on anybody's PATH.
    fits: /^$/,
    fetch: fetchGrpc,
  });
}

async function pythonTag() {
  try {
    return (await capture("python3", ["-c", "import sys; print(sys.implementation.cache_tag)"])).trim();
  } catch (cause) {
    throw new SetupError("the tests with gRPC clients in Python need python3 with pip", { cause });
  }
}

/** @param {string} folder */
async function fetchGrpc(folder) {
  progress(`fetching gRPC ${VERSION} for Python with pip (once, kept in the cache)`);
  await pipPinned({
    list: `grpcio-${VERSION}.txt`,
    what: `gRPC ${VERSION} for Python`,
    variable: "FAIRWAY_GRPC_PYTHON",
    args: ["install", "--target", join(folder, "packages")],
  });
  const program = join(folder, "grpc-python");
  await writeFile(program, '#!/bin/sh\nPYTHONPATH="$(dirname "$0")/packages" exec python3 "$@"\n');
  await chmod(program, 0o755);
}
