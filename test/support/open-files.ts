/**
 * The files that documents name, read from the disk as `serve` reads them.
 */
import { DirectorySource } from "../../src/config/directory-source.ts";
import type { FilesChange } from "../../src/config/referenced-files.ts";
import { ReferencedFiles, referencedFiles } from "../../src/config/referenced-files.ts";
import { systemClock as clock } from "../../src/support/clock.ts";

export function openFiles(onChange: (change: FilesChange) => void = () => {}): ReferencedFiles {
  const open = (paths: readonly string[]) => new DirectorySource({ ...referencedFiles(paths), clock });
  return new ReferencedFiles({ clock, open, onChange });
}
