/**
 * The diagnostics of all stages as people get them: in the order of their places, each with its line of the
 * file, and not more of them than anyone reads.
 */
import type { Document } from "../config/source.ts";
import { conceal } from "./conceal.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { comparePlaces } from "./merge-documents.ts";
import { quoteLine, sourceText } from "./position.ts";

/** More problems than this have one cause, and nobody scrolls through them. */
export const DIAGNOSTICS_MAX = 200;

/** Sorted by place; beyond the limit errors stay before warnings, and the last diagnostic counts the rest. */
export function collectDiagnostics(
  diagnostics: readonly Diagnostic[],
  documents: readonly Document[],
): readonly Diagnostic[] {
  const sorted = diagnostics.toSorted(compareDiagnostics);
  if (sorted.length <= DIAGNOSTICS_MAX) return withLines(sorted, documents);
  const errors = sorted.filter(isError);
  const chosen = [...errors, ...sorted.filter((diagnostic) => !isError(diagnostic))].slice(0, DIAGNOSTICS_MAX);
  const last = chosen.toSorted(compareDiagnostics);
  const rest = sorted.length - DIAGNOSTICS_MAX;
  const end = last.at(-1);
  return withLines(end === undefined ? last : [...last, overflow(end, rest, errors.length > 0)], documents);
}

export function isError(diagnostic: Diagnostic): boolean {
  return diagnostic.severity === "error";
}

/** Later stages know the place of a resource and not the text of the file; a line that may be shown is added here. */
function withLines(diagnostics: readonly Diagnostic[], documents: readonly Document[]): readonly Diagnostic[] {
  const texts = new Map<string, ReturnType<typeof sourceText>>();
  const textOf = (file: string): ReturnType<typeof sourceText> | undefined => {
    const document = documents.find(({ path }) => path === file);
    if (document === undefined) return undefined;
    const text = texts.get(file) ?? sourceText(file, new TextDecoder().decode(document.bytes));
    texts.set(file, text);
    return text;
  };
  return diagnostics.map((diagnostic) => {
    if (diagnostic.source !== undefined || diagnostic.code === "too-many-problems") return diagnostic;
    const text = textOf(diagnostic.at.file);
    if (text === undefined) return diagnostic;
    if (text.confidential) return conceal(diagnostic);
    const source = quoteLine(text, diagnostic.at);
    return source === undefined ? diagnostic : { ...diagnostic, source };
  });
}

function overflow(after: Diagnostic, count: number, hasErrors: boolean): Diagnostic {
  return {
    code: "too-many-problems",
    severity: hasErrors ? "error" : "warning",
    message: `${count} more problem${count === 1 ? " is" : "s are"} not shown`,
    at: after.at,
    hint: "repair these first; they often have one cause",
  };
}

function compareDiagnostics(left: Diagnostic, right: Diagnostic): number {
  const byPlace = comparePlaces(left.at, right.at);
  if (byPlace !== 0) return byPlace;
  const [a, b] = [`${left.code} ${left.message}`, `${right.code} ${right.message}`];
  return a < b ? -1 : a > b ? 1 : 0;
}
