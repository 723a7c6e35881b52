/**
 * Which warnings `fairway check` takes for errors, and which it does not show.
 */
import { closestName } from "../model/closest-name.ts";
import type { Diagnostic, DiagnosticCode } from "../model/diagnostic.ts";
import { diagnosticCodes } from "../model/diagnostic.ts";
import type { Result } from "../support/result.ts";
import { err, ok } from "../support/result.ts";

/** `all` are all warnings that are not ignored. */
export interface WarningLevels {
  readonly errors: ReadonlySet<DiagnosticCode> | "all";
  readonly ignored: ReadonlySet<DiagnosticCode>;
}

/** Reads the values of `--error` and `--ignore`; the error says which one is no code. */
export function readWarningLevels(flags: {
  readonly error: readonly string[];
  readonly ignore: readonly string[];
}): Result<WarningLevels, string> {
  const wrong = [
    ...flags.error.filter((code) => code !== "all" && !isCode(code)).map((code) => unknownCode("--error", code)),
    ...flags.ignore.filter((code) => !isCode(code)).map((code) => unknownCode("--ignore", code)),
  ];
  if (wrong.length > 0) return err(wrong.join("; "));
  return ok({
    errors: flags.error.includes("all") ? "all" : new Set(flags.error.filter(isCode)),
    ignored: new Set(flags.ignore.filter(isCode)),
  });
}

/** What is left of the diagnostics; an error stays what it is. */
export function applyWarningLevels(diagnostics: readonly Diagnostic[], levels: WarningLevels): readonly Diagnostic[] {
  return diagnostics
    .filter(({ severity, code }) => severity === "error" || !levels.ignored.has(code))
    .map((diagnostic) => (isRaised(diagnostic.code, levels) ? { ...diagnostic, severity: "error" } : diagnostic));
}

/** Among those that are not shown may be one that would be an error. */
function isRaised(code: DiagnosticCode, { errors }: WarningLevels): boolean {
  if (errors === "all") return true;
  return errors.has(code) || (code === "too-many-problems" && errors.size > 0);
}

function isCode(text: string): text is DiagnosticCode {
  return Object.hasOwn(diagnosticCodes, text);
}

function unknownCode(flag: string, code: string): string {
  const near = closestName(code, Object.keys(diagnosticCodes));
  const hint = near === undefined ? "docs/diagnostics.md lists all codes" : `did you mean ${near}?`;
  return `${flag} ${code}: there is no such code; ${hint}`;
}
