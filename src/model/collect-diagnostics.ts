/**
 * The diagnostics of all stages as people get them: in the order of their places, each with its line of the
 * file, without the warnings that a comment silences, and not more of them than anyone reads.
 */
import type { Document } from "../config/source.ts";
import { conceal } from "./conceal.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { comparePlaces } from "./merge-documents.ts";
import type { SourceText } from "./position.ts";
import { quoteLine, sourceText } from "./position.ts";
import { silences } from "./silence.ts";

/** More problems than this have one cause, and nobody scrolls through them. */
export const DIAGNOSTICS_MAX = 200;

/** Sorted by place; beyond the limit errors stay before warnings, and the last diagnostic counts the rest. */
export function collectDiagnostics(
  diagnostics: readonly Diagnostic[],
  documents: readonly Document[],
): readonly Diagnostic[] {
  const textOf = textsOf(documents);
  const heard = diagnostics.filter((diagnostic) => isError(diagnostic) || !isSilenced(diagnostic, textOf));
  const sorted = heard.toSorted(compareDiagnostics);
  if (sorted.length <= DIAGNOSTICS_MAX) return withLines(sorted, textOf);
  const errors = sorted.filter(isError);
  const chosen = [...errors, ...sorted.filter((diagnostic) => !isError(diagnostic))].slice(0, DIAGNOSTICS_MAX);
  const last = chosen.toSorted(compareDiagnostics);
  const rest = sorted.length - DIAGNOSTICS_MAX;
  const end = last.at(-1);
  return withLines(end === undefined ? last : [...last, overflow(end, rest, errors.length > 0)], textOf);
}

export function isError(diagnostic: Diagnostic): boolean {
  return diagnostic.severity === "error";
}

type TextOf = (file: string) => SourceText | undefined;

/** Reads a file once, and only if somebody asks. */
function textsOf(documents: readonly Document[]): TextOf {
  const byPath = new Map(documents.map((document) => [document.path, document]));
  const texts = new Map<string, SourceText>();
  return (file) => {
    const document = byPath.get(file);
    if (document === undefined) return undefined;
    const text = texts.get(file) ?? sourceText(file, new TextDecoder().decode(document.bytes));
    texts.set(file, text);
    return text;
  };
}

function isSilenced({ code, at }: Diagnostic, textOf: TextOf): boolean {
  const text = textOf(at.file);
  return text !== undefined && silences(text, at.line, code);
}

/** Later stages know the place of a resource and not the text of the file; a line that may be shown is added here. */
function withLines(diagnostics: readonly Diagnostic[], textOf: TextOf): readonly Diagnostic[] {
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
