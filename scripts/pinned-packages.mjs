/**
 * Python packages whose bytes are known: pip takes nothing whose sha256 is not in the list that is given to it.
 *
 * The lists are in `scripts/pinned/`, one for each thing that is fetched, in the form of pip's requirements files;
 * all that a package needs must be in its list too.
 */
import { join } from "node:path";
import { SetupError, root } from "./project.mjs";
import { capture } from "./tool-binary.mjs";

/**
 * Runs pip, which may take what the list has and nothing else.
 *
 * @param {object} wanted
 * @param {string} wanted.list the name of a file in `scripts/pinned/`, or the path of another list
 * @param {string} wanted.what what it brings, for people
 * @param {string} wanted.variable the environment variable that names another one
 * @param {readonly string[]} wanted.args what pip is to do, such as `["download", "-d", folder]`
 */
export async function pipPinned({ list, what, variable, args }) {
  const [verb = "", ...rest] = args;
  const pip = ["-m", "pip", verb, "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", ...rest];
  const path = join(root, "scripts", "pinned", list);
  try {
    await capture("python3", [...pip, "--require-hashes", "-r", list.startsWith("/") ? list : path]);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    // pip's own words; without a fitting wheel in the list it may have taken another, which is refused in the same way.
    const because = /DO NOT MATCH THE HASHES/i.test(reason)
      ? `the package index gave a file whose sha256 is not in scripts/pinned/${list}: it was changed, or is for another machine than those in the list. It was not kept`
      : "pip could not fetch it";
    throw new SetupError(`${what}: ${because}; set ${variable} to one of your own, or help pip:\n${reason}`, { cause });
  }
}
