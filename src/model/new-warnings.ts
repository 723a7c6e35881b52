/**
 * Which warnings nobody has been told yet: a build repeats all that still hold, a log must not.
 */
import type { Diagnostic } from "./diagnostic.ts";

/** Those of `now` that were not among `before`; one whose line has moved is the same. */
export function newWarnings(before: readonly Diagnostic[], now: readonly Diagnostic[]): readonly Diagnostic[] {
  const told = new Set(before.map(identity));
  return now.filter((warning) => !told.has(identity(warning)));
}

/** The same where the files may lie elsewhere, as those of a server do. */
export function newWarningsElsewhere(before: readonly Diagnostic[], now: readonly Diagnostic[]): readonly Diagnostic[] {
  const told = new Set(before.map(({ code, message }) => `${code} ${message}`));
  return now.filter(({ code, message }) => !told.has(`${code} ${message}`));
}

function identity({ code, at, message }: Diagnostic): string {
  return `${code} ${at.file} ${message}`;
}
