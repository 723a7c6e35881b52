/**
 * Before the first test: `src/` compiled as the package ships it, for all programs that tests start.
 *
 * What is compiled is kept by the content of the sources, so that two runs side by side, also of two states of them, do not
 * meet. Tests that import code have the source itself.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { COMPILED_MAIN } from "../../demo/kit/program.ts";
import { bundle } from "../../scripts/bundle.mjs";
import { root } from "../../scripts/project.mjs";

const kept = join(root, ".cache", "program");
const KEPT_MS = 24 * 3_600_000;

/** What is found from the code by where it lies. */
const beside = ["proto", "package.json"];

export async function setup(): Promise<void> {
  const place = join(kept, contentHash());
  if (!existsSync(place)) await compile(place);
  process.env[COMPILED_MAIN] = join(place, "dist", "cli", "main.js");
}

function contentHash(): string {
  const hash = createHash("sha256");
  const files = [...globSync("src/**/*.ts", { cwd: root }), "scripts/bundle.mjs", "package-lock.json"];
  for (const file of files.toSorted()) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  return hash.digest("hex").slice(0, 16);
}

async function compile(place: string): Promise<void> {
  mkdirSync(kept, { recursive: true });
  for (const name of readdirSync(kept)) {
    if (Date.now() - statSync(join(kept, name)).mtimeMs > KEPT_MS) rmSync(join(kept, name), { recursive: true });
  }
  const unfinished = `${place}.${process.pid}`;
  await bundle(join(unfinished, "dist", "cli"));
  for (const name of beside) symlinkSync(join(root, name), join(unfinished, name));
  try {
    renameSync(unfinished, place);
  } catch {
    // Another run was first; theirs is the same.
    rmSync(unfinished, { recursive: true });
  }
}
