/**
 * Compiles `src/` to plain JavaScript in `dist/`, which is what the npm package ships: Node strips no types under
 * `node_modules`.
 */
import { chmodSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { binDir, pinnedEnv, root, run } from "./project.mjs";

rmSync(join(root, "dist"), { recursive: true, force: true });
run(join(binDir, "tsc"), ["-p", "tsconfig.build.json"], { env: pinnedEnv() });
const main = join(root, "dist", "cli", "main.js");
if (existsSync(main)) chmodSync(main, 0o755);
