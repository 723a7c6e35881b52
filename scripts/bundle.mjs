/**
 * Compiles `src/` to plain JavaScript with few files: a chunk for each command and for what commands share.
 *
 * Packages stay outside and are installed beside it. A command line that loads ten files instead of four hundred starts in
 * half the time (docs/decisions/0033).
 */
import { join } from "node:path";
import { rolldown } from "rolldown";
import { root } from "./project.mjs";

/** What Node is started with: the command line, and the thread that builds snapshots. */
const entries = { main: "main.ts", "build-worker": "build-worker.ts" };

/**
 * Writes the chunks flat into `dir`, which stands for `src/cli`: what lies beside `src/` is found from there.
 *
 * @param {string} dir
 */
export async function bundle(dir) {
  const build = await rolldown({
    input: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(root, "src", "cli", file)])),
    platform: "node",
    external: /^[^./]/,
    onLog(_level, log) {
      throw new Error(log.message);
    },
  });
  await build.write({ dir, format: "esm", chunkFileNames: "[name]-[hash].js", comments: true });
  await build.close();
}
