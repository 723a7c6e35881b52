/**
 * `fairway render` and a place where it cannot write.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { examplesDir } from "../../support/examples.ts";
import { tempDir } from "../../support/temp-dir.ts";
import { fairwayMain } from "../../../demo/kit/program.ts";

it("says in one line that --out is a file", async () => {
  await using directory = await tempDir();
  const file = directory.join("out");
  await writeFile(file, "");
  const run = promisify(execFile)(process.execPath, [fairwayMain, "render", join(examplesDir, "hello"), "--out", file]);
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^fairway: \[OUTPUT_UNWRITABLE\] --out \S+: ENOTDIR.*\n$/),
  });
});
