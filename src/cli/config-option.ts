/**
 * Where commands take their config directories from: arguments, `--config`, or the environment.
 */
import type { Command } from "commander";
import { exitCodes } from "./output.ts";

interface RootsWanted {
  readonly mayBeNone?: boolean;
  /** What else there is, as the end of a sentence. */
  readonly instead?: string;
}

/** The roots, at least one unless there may be none; without any the command ends with a usage error, which names what else there is. */
export function configRoots(
  dirs: readonly string[],
  flag: readonly string[] | undefined,
  command: Command,
  { mayBeNone = false, instead = "" }: RootsWanted = {},
): readonly string[] {
  const given = [...dirs, ...(flag ?? [])];
  if (given.length > 0) return given;
  const fromEnvironment = process.env["FAIRWAY_CONFIG"] ?? "";
  // Several directories are separated as in PATH.
  const roots = fromEnvironment.split(":").filter((root) => root !== "");
  if (roots.length > 0 || mayBeNone) return roots;
  const message = `error: name a config directory, as an argument, with --config DIR, or in FAIRWAY_CONFIG${instead}`;
  return command.error(message, { exitCode: exitCodes.usage });
}
