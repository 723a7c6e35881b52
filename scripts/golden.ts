/**
 * Writes the goldens anew: `examples/` goes in, `snapshots/` comes out, as test/golden.test.ts compares them.
 *
 * `npm run golden` does all, `npm run golden -- <name>...` only these. A snapshot without its example is removed.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { examplesDir, listExamples, renderExample, snapshotsDir } from "../test/support/examples.ts";
import { progress } from "./project.mjs";

/** Everything is rendered before anything is written, so that a broken example changes nothing. */
async function writeGoldens(chosen: readonly string[]): Promise<void> {
  const names = listExamples();
  const unknown = chosen.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`${examplesDir} has no ${unknown.join(", ")}; it has: ${names.join(", ")}`);
  const rendered = new Map<string, ReadonlyMap<string, string>>();
  for (const name of chosen.length > 0 ? chosen : names) rendered.set(name, await renderExample(name));
  mkdirSync(snapshotsDir, { recursive: true });
  const orphans = readdirSync(snapshotsDir).filter((name) => !names.includes(name));
  for (const name of [...orphans, ...rendered.keys()])
    rmSync(join(snapshotsDir, name), { recursive: true, force: true });
  for (const [name, files] of rendered) {
    for (const [path, text] of files) {
      mkdirSync(dirname(join(snapshotsDir, path)), { recursive: true });
      writeFileSync(join(snapshotsDir, path), text);
    }
    progress(`snapshots/${name}: ${files.size} files`);
  }
}

try {
  await writeGoldens(process.argv.slice(2));
} catch (cause) {
  progress(cause instanceof Error ? cause.message : String(cause));
  process.exitCode = 1;
}
