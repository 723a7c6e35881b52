/**
 * Another version of Fairway, to run beside this one: a copy of the sources in which some lines are others.
 */
import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tempDir } from "../support/temp-dir.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What is another, by the file below `src/`: each text is there once, and becomes the one behind it. */
export type Changes = Readonly<Record<string, readonly (readonly [before: string, after: string])[]>>;

export interface OtherCheckout extends AsyncDisposable {
  /** Its `main.ts`. */
  readonly main: string;
}

export async function otherCheckout(changes: Changes): Promise<OtherCheckout> {
  const directory = await tempDir();
  await cp(join(root, "src"), directory.join("src"), { recursive: true });
  await cp(join(root, "package.json"), directory.join("package.json"));
  for (const name of ["node_modules", "proto"]) await symlink(join(root, name), directory.join(name));
  for (const [file, texts] of Object.entries(changes)) {
    const path = directory.join("src", file);
    let text = await readFile(path, "utf8");
    for (const [before, after] of texts) {
      if (text.split(before).length !== 2) throw new Error(`${file} does not have once: ${before}`);
      text = text.replace(before, () => after);
    }
    await writeFile(path, text);
  }
  return {
    main: directory.join("src/cli/main.ts"),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
