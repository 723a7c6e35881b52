/**
 * Compiles `src/` to plain JavaScript in `dist/`, which is what the npm package ships: Node strips no types under
 * `node_modules`.
 */
import { chmodSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bundle } from "./bundle.mjs";
import { root } from "./project.mjs";

rmSync(join(root, "dist"), { recursive: true, force: true });
const cli = join(root, "dist", "cli");
await bundle(cli);
chmodSync(join(cli, "main.js"), 0o755);
