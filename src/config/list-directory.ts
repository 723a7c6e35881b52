/**
 * The names in one directory, bounded.
 */
import type { Dir } from "node:fs";

import { isGone } from "./file-port.ts";
import type { FilePort } from "./file-port.ts";
import type { SourceProblem } from "./source.ts";
import * as problems from "./source-problems.ts";

export type Listing =
  | {
      readonly kind: "listed";
      readonly names: readonly string[];
      /** Those that the directory itself says are regular files; the rest has to be looked at. */
      readonly plainFiles: ReadonlySet<string>;
      readonly truncated: boolean;
    }
  | { readonly kind: "gone" }
  | { readonly kind: "problem"; readonly problem: SourceProblem };

/** Entries that one call to the system returns. */
const BATCH_SIZE = 256;

/** Lists a directory, at most `namesMax` names of it. */
export async function listDirectory(
  port: FilePort,
  place: { readonly path: string; readonly realPath: string },
  namesMax: number,
): Promise<Listing> {
  let directory: Dir;
  try {
    directory = await port.opendir(place.realPath, { bufferSize: BATCH_SIZE });
  } catch (error) {
    if (isGone(error)) return { kind: "gone" };
    return { kind: "problem", problem: problems.unreadable(place.path, error) };
  }
  const names: string[] = [];
  const plainFiles = new Set<string>();
  try {
    // Leaving the loop closes the directory.
    for await (const entry of directory) {
      if (names.length >= namesMax) return { kind: "listed", names, plainFiles, truncated: true };
      names.push(entry.name);
      if (entry.isFile()) plainFiles.add(entry.name);
    }
  } catch (error) {
    return { kind: "problem", problem: problems.unreadable(place.path, error) };
  }
  return { kind: "listed", names, plainFiles, truncated: false };
}
