/**
 * Where things are in a document: from a path such as `services.shop.endpoints[0]` to file, line and column.
 *
 * The parser leaves a `SourceNode` beside every value: character offsets, no syntax tree. A key that is
 * unknown is shown at the key, a value that is wrong at the value, and what is missing at the deepest part
 * of its path that exists. A value of several lines is shown at its key, because a caret fits on one line.
 */
import { conceal, isConfidential } from "./conceal.ts";
import type { Diagnostic, DiagnosticCode, Place } from "./diagnostic.ts";

/** Keys and list positions from the root of a document. */
export type Path = readonly (string | number)[];

/** Where a value is: offsets into the text, `end` exclusive. */
export interface SourceNode {
  readonly start: number;
  readonly end: number;
  /** In the order written; a name is there once. */
  readonly fields?: readonly SourceField[];
  readonly items?: readonly SourceNode[];
}

/** Offsets into the text, `end` exclusive. */
type Span = Pick<SourceNode, "start" | "end">;

/** A key of a map and where its value is. */
export interface SourceField {
  readonly name: string;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly value: SourceNode;
}

/** The text of a file and where its lines start. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
  readonly lineStarts: readonly number[];
  /** The file holds secrets, so nothing of it is quoted. */
  readonly confidential: boolean;
}

/** One YAML document: its file and the places of its values. */
export interface SourceDocument {
  readonly text: SourceText;
  readonly root: SourceNode;
}

/** A problem that knows its path; `locate` turns it into a diagnostic. */
export interface Problem {
  readonly code: DiagnosticCode;
  /** An error when absent. */
  readonly severity?: "error" | "warning";
  readonly message: string;
  readonly hint?: string;
  /** Instead of `hint`, for one that repeats the value as it is written. */
  readonly hintFor?: (written: string) => string;
  /** Instead of both in a file whose values are not shown. */
  readonly plainHint?: string;
  readonly path: Path;
  /** Which part of the last path element to point at. */
  readonly at: "key" | "value";
}

/** Long lines are cut: nobody reads a minified file in a terminal. */
const LINE_LENGTH_MAX = 200;

export function sourceText(file: string, text: string): SourceText {
  const lineStarts = [0];
  for (let next = text.indexOf("\n"); next !== -1; next = text.indexOf("\n", next + 1)) lineStarts.push(next + 1);
  return { file, text, lineStarts, confidential: isConfidential(text) };
}

/** The diagnostic of a problem, with its place and its line. */
export function locate(document: SourceDocument, problem: Problem): Diagnostic {
  const span = findSpan(document, problem.path, problem.at);
  const hint = hintOf(problem, document.text, span);
  return diagnosticAt(document.text, span, {
    code: problem.code,
    severity: problem.severity ?? "error",
    message: problem.message,
    ...(problem.path.length === 0 ? {} : { path: formatPath(problem.path) }),
    ...(hint === undefined ? {} : { hint }),
  });
}

function hintOf({ hint, hintFor, plainHint }: Problem, { text, confidential }: SourceText, span: Span) {
  if (confidential) return plainHint ?? hint;
  return hintFor?.(text.slice(span.start, span.end)) ?? hint;
}

/** The diagnostic with its place, and with its line if that may be shown. */
export function diagnosticAt(text: SourceText, span: Span, rest: Omit<Diagnostic, "at" | "source">): Diagnostic {
  const diagnostic = { ...rest, ...spanPlace(text, span) };
  return text.confidential ? conceal(diagnostic) : diagnostic;
}

/** The text of a line, without its line end; the first is 1. */
export function lineOf(text: SourceText, line: number): string {
  const start = text.lineStarts[line - 1] ?? 0;
  const next = text.lineStarts[line] ?? text.text.length + 1;
  return text.text.slice(start, next - 1).replace(/\r$/, "");
}

/** The place of a path alone, for what carries its origin into the intent. */
export function placeOf(document: SourceDocument, path: Path, at: "key" | "value"): Place {
  return placeAt(document.text, findSpan(document, path, at).start);
}

/** Line and column of an offset. */
export function placeAt(text: SourceText, offset: number): Place {
  const line = lineIndex(text.lineStarts, offset);
  return { file: text.file, line: line + 1, column: offset - (text.lineStarts[line] ?? 0) + 1 };
}

/** The line of a place, with what starts there underlined; undefined when the text has no such line. */
export function quoteLine(text: SourceText, at: Place): Diagnostic["source"] {
  const lineStart = text.lineStarts[at.line - 1];
  if (lineStart === undefined) return undefined;
  const start = lineStart + at.column - 1;
  const { source } = spanPlace(text, { start, end: firstTokenEnd(text.text, start) });
  return source.line.trim() === "" ? undefined : source;
}

/** Place and source line of a span. */
function spanPlace(
  text: SourceText,
  span: Span,
): { readonly at: Place; readonly source: { readonly line: string; readonly length: number } } {
  const at = placeAt(text, span.start);
  const lineStart = text.lineStarts[at.line - 1] ?? 0;
  const line = lineOf(text, at.line);
  const length = Math.max(1, Math.min(span.end, lineStart + line.length) - span.start);
  return { at, source: { line: line.slice(0, LINE_LENGTH_MAX), length } };
}

/** `routes.shop.rules[0]`; a key that would be misread is quoted. */
export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_@][\w@-]*$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** `maxConnections` → `max_connections`, `consecutive5xx` → `consecutive_5xx`: the proto spelling of a key. */
export function snakeCase(key: string): string {
  return key.replace(/(?<=[a-z])(?=[A-Z0-9])/g, "_").toLowerCase();
}

/** `max_connections` → `maxConnections`, as protobuf's JSON names are made. */
export function camelCase(key: string): string {
  // Nearly all keys are in camelCase, and this is asked of every one.
  if (!key.includes("_")) return key;
  return key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Walks the path as far as it exists. */
function findSpan(document: SourceDocument, path: Path, at: "key" | "value"): Span {
  let node = document.root;
  let field: SourceField | undefined;
  let complete = true;
  for (const step of path) {
    const next = typeof step === "number" ? node.items?.[step] : findField(node, step);
    if (next === undefined) {
      complete = false;
      break;
    }
    field = "keyStart" in next ? next : undefined;
    node = "keyStart" in next ? next.value : next;
  }
  if (field !== undefined && (at === "key" || !complete)) return { start: field.keyStart, end: field.keyEnd };
  const lineStarts = document.text.lineStarts;
  const nextLine = lineStarts[lineIndex(lineStarts, node.start) + 1];
  const manyLines = nextLine !== undefined && nextLine < node.end;
  const empty = node.start === node.end;
  if (field !== undefined && (manyLines || empty)) {
    return { start: field.keyStart, end: field.keyEnd };
  }
  return manyLines ? { start: node.start, end: firstTokenEnd(document.text.text, node.start) } : node;
}

/** A policy block may use the proto spelling of a key, a raw resource either. */
function findField(node: SourceNode, key: string): SourceField | undefined {
  const { fields } = node;
  if (fields === undefined) return undefined;
  return fieldNamed(fields, key) ?? fieldNamed(fields, snakeCase(key)) ?? fieldNamed(fields, camelCase(key));
}

/** So many are compared sooner than looked up. */
const FEW_FIELDS = 16;

/** Of the few maps that have many fields; nearly all have a few, and an index each would cost more than all places. */
const indexes = new WeakMap<readonly SourceField[], ReadonlyMap<string, SourceField>>();

function fieldNamed(fields: readonly SourceField[], name: string): SourceField | undefined {
  if (fields.length <= FEW_FIELDS) {
    for (const field of fields) if (field.name === name) return field;
    return undefined;
  }
  let index = indexes.get(fields);
  if (index === undefined) {
    index = new Map(fields.map((field) => [field.name, field]));
    indexes.set(fields, index);
  }
  return index.get(name);
}

function firstTokenEnd(text: string, start: number): number {
  const match = /[\s:,]/.exec(text.slice(start, start + LINE_LENGTH_MAX));
  return match === null ? start + 1 : start + Math.max(1, match.index);
}

/** The index of the last line that starts at or before the offset. */
function lineIndex(lineStarts: readonly number[], offset: number): number {
  let low = 0;
  let high = lineStarts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}
