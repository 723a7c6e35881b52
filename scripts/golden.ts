/**
 * Writes `snapshots/` anew from `examples/`, and removes what no example renders to any more.
 *
 * Run it as `npm run golden` after a change of behaviour, then read the difference: it is what every Envoy
 * will get.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { listExamples, readGoldens, renderExample, snapshotsDir } from "../test/support/examples.ts";

mkdirSync(snapshotsDir, { recursive: true });
const before = readGoldens();
const rendered = new Map<string, string>();
for (const example of listExamples()) {
  for (const [path, text] of await renderExample(example)) rendered.set(path, text);
}

const orphans = [...before.keys()].filter((path) => !rendered.has(path));
const written = [...rendered].filter(([path, text]) => before.get(path) !== text);
for (const path of orphans) rmSync(join(snapshotsDir, path));
for (const [path, text] of written) {
  mkdirSync(dirname(join(snapshotsDir, path)), { recursive: true });
  writeFileSync(join(snapshotsDir, path), text);
}
process.stderr.write(`snapshots/: ${rendered.size} files, ${written.length} written, ${orphans.length} removed\n`);
