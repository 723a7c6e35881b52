/**
 * From bytes to YAML values with places.
 *
 * Nearly all files are plain and read by `read-plain-yaml.ts`, ten times as fast; what follows is for all others.
 * A file may hold several documents (`---`); JSON is read by the same parser, being a subset. The nesting is
 * measured while the text is read and not afterwards: 200 kB of `[` would otherwise cost seconds of
 * recursion and a stack overflow. A file with a syntax error yields diagnostics and no documents, because
 * half of a file must not be mistaken for the whole.
 */
import { Composer, Lexer, Parser } from "yaml";
import type { Document as YamlAst } from "yaml";
import type { Document } from "../config/source.ts";
import { convertDocument } from "./convert-document.ts";
import type { Diagnostic, DiagnosticCode } from "./diagnostic.ts";
import type { SourceDocument, SourceText } from "./position.ts";
import { diagnosticAt, sourceText } from "./position.ts";
import { readPlainYaml } from "./read-plain-yaml.ts";
import { syntaxProblems } from "./syntax-problems.ts";

/** One YAML document: its value, of plain maps, lists and scalars, and where everything is. */
export interface YamlDocument extends SourceDocument {
  readonly value: unknown;
}

/** A file after reading. */
export interface ParsedFile {
  /** False when a part could not be read, so that nobody knows what it defines. */
  readonly complete: boolean;
  readonly documents: readonly YamlDocument[];
  readonly diagnostics: readonly Diagnostic[];
}

/** The deepest Envoy listeners in the wild have about 30 levels; the parser's stack grows by one for each. */
const NESTING_MAX = 64;
/** A file of nothing but `---` must not make a million documents. */
const DOCUMENTS_MAX = 1_000;
/** One slip makes the parser report many errors; the first few tell the story. */
const SYNTAX_ERRORS_MAX = 5;

/** Reads one file. */
export function parseDocument(document: Document): ParsedFile {
  const decoded = decode(document);
  const { text } = decoded;
  if (decoded.diagnostic !== undefined) return { complete: false, documents: [], diagnostics: [decoded.diagnostic] };
  const plain = readPlainYaml(text);
  return plain === undefined ? parseCarefully(text) : { complete: true, documents: plain, diagnostics: [] };
}

/** Reads what is not plain, and tells what is wrong with it; of a plain file it makes the same as `readPlainYaml`. */
export function parseCarefully(text: SourceText): ParsedFile {
  const composed = withoutStacks(() => compose(text));
  if ("diagnostic" in composed) return { complete: false, documents: [], diagnostics: [composed.diagnostic] };
  const syntax = composed.asts.flatMap((ast) => syntaxProblems(text, ast));
  if (syntax.length > 0) return { complete: false, documents: [], diagnostics: syntax.slice(0, SYNTAX_ERRORS_MAX) };
  return convert(text, composed.asts);
}

/** Strict UTF-8 without byte order mark and NUL: an editor that wrote those wrote something else than what people see. */
function decode(document: Document): { readonly text: SourceText; readonly diagnostic?: Diagnostic } {
  const lenient = new TextDecoder("utf-8", { ignoreBOM: true }).decode(document.bytes);
  const text = sourceText(document.path, lenient);
  const refuse = (offset: number, message: string, hint: string) => ({
    text,
    diagnostic: fileProblem(text, { code: "invalid-encoding", offset: Math.max(0, offset), message, hint }),
  });
  if (lenient.startsWith("\uFEFF")) {
    return refuse(0, "the file starts with a byte order mark", "save it as UTF-8 without BOM");
  }
  const nul = lenient.indexOf("\0");
  if (nul !== -1) return refuse(nul, "the file holds a NUL character", "save it as UTF-8 text");
  try {
    new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(document.bytes);
  } catch {
    return refuse(lenient.indexOf("\uFFFD"), "the file is not valid UTF-8", "save it as UTF-8 text");
  }
  return { text };
}

/** The parser makes an Error for each syntax error; a file of 200,000 quotes would cost a second of stack traces. */
function withoutStacks<T>(work: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return work();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** Lexer → parser → composer by hand, so that the parser's stack can be looked at after every token. */
function compose(text: SourceText): { readonly asts: readonly YamlAst.Parsed[] } | { readonly diagnostic: Diagnostic } {
  const parser = new Parser();
  // Keys are compared in convertDocument: the composer's own check compares every key with every other.
  const composer = new Composer({ version: "1.2", strict: true, uniqueKeys: false, stringKeys: true });
  const asts: YamlAst.Parsed[] = [];
  for (const lexeme of new Lexer().lex(text.text)) {
    for (const token of parser.next(lexeme)) asts.push(...composer.next(token));
    if (parser.stack.length > NESTING_MAX + 2) {
      const message = `the document is nested more than ${NESTING_MAX} levels deep`;
      return {
        diagnostic: fileProblem(text, { code: "yaml-limit", offset: parser.offset, message, hint: "write it flatter" }),
      };
    }
    if (asts.length > DOCUMENTS_MAX) {
      const message = `the file holds more than ${DOCUMENTS_MAX} documents`;
      return {
        diagnostic: fileProblem(text, { code: "yaml-limit", offset: parser.offset, message, hint: "split the file" }),
      };
    }
  }
  for (const token of parser.end()) asts.push(...composer.next(token));
  asts.push(...composer.end());
  return { asts };
}

function convert(text: SourceText, asts: readonly YamlAst.Parsed[]): ParsedFile {
  const documents: YamlDocument[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const ast of asts) {
    const converted = convertDocument(text, ast);
    diagnostics.push(...converted.diagnostics);
    // A value without its content would be told a second time, as one of the wrong type.
    if (converted.diagnostics.some(({ code }) => code === "yaml-syntax" || code === "yaml-limit")) continue;
    if (converted.document.value === null) {
      diagnostics.push(emptyDocument(text, asts.length === 1 ? 0 : ast.range[0]));
    } else documents.push(converted.document);
  }
  if (asts.length === 0) diagnostics.push(emptyDocument(text, 0));
  return { complete: documents.length === Math.max(1, asts.length), documents, diagnostics };
}

function emptyDocument(text: SourceText, offset: number): Diagnostic {
  const message = "the document is empty";
  const hint = "remove the file, or write `{}` if it shall say nothing";
  return fileProblem(text, { code: "empty-document", offset, message, hint });
}

function fileProblem(
  text: SourceText,
  problem: {
    readonly code: DiagnosticCode;
    readonly offset: number;
    readonly end?: number;
    readonly message: string;
    readonly hint?: string;
  },
): Diagnostic {
  const offset = Math.min(problem.offset, text.text.length);
  return diagnosticAt(
    text,
    { start: offset, end: problem.end ?? offset + 1 },
    {
      code: problem.code,
      severity: "error",
      message: problem.message,
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    },
  );
}
