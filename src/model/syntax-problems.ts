/**
 * What the YAML parser says of a document, at the place where somebody has to look.
 *
 * The parser notices a quote or a bracket that is never closed where the text ends, maybe hundreds of lines
 * below; what has to be repaired is where it was opened.
 */
import { isCollection, isScalar, visit } from "yaml";
import type { Document as YamlAst, YAMLError } from "yaml";
import type { Diagnostic } from "./diagnostic.ts";
import type { SourceText } from "./position.ts";
import { diagnosticAt, placeAt } from "./position.ts";

/** The way out of the parser's more frequent errors, by its codes. */
const hints: Partial<Record<YAMLError["code"], string>> = {
  TAB_AS_INDENT: "indent with spaces",
  BAD_INDENT: "give the keys of a map, or the items of a list, the same indentation",
  NON_STRING_KEY: "put the key in quotes, or remove the ? before it",
  TAG_RESOLVE_FAILED: "remove the tag",
  BAD_DQ_ESCAPE: "write the backslash twice, or use single quotes",
  UNEXPECTED_TOKEN: "remove what is too much, or put the whole text in quotes",
  MULTILINE_IMPLICIT_KEY: "a colon with a space makes a key: put a text that has one in quotes",
};

/** The syntax errors of one document, and what it asks for that Fairway does not read. */
export function syntaxProblems(text: SourceText, ast: YamlAst.Parsed): readonly Diagnostic[] {
  const errors = [...ast.errors, ...ast.warnings];
  const quote = errors.find(isOpenQuote);
  const problems =
    quote === undefined ? errors.map((error) => syntaxProblem(text, ast, error)) : [openQuote(text, ast, quote)];
  const yaml = ast.directives.yaml;
  if (yaml.explicit === true && yaml.version !== "1.2") {
    const message = `the file asks for YAML ${yaml.version}, which reads words such as \`on\` and \`no\` as booleans`;
    const hint = "remove the %YAML line; Fairway reads YAML 1.2";
    problems.push(problemAt(text, { code: "yaml-ambiguous", start: 0, end: 1, message, hint }));
  }
  return problems;
}

function syntaxProblem(text: SourceText, ast: YamlAst.Parsed, error: YAMLError): Diagnostic {
  const [start, end] = error.pos;
  const words = error.code === "NON_STRING_KEY" ? "a key must be a text" : error.message;
  const message = words.replace(/\s+/g, " ").slice(0, 300);
  const hint = hints[error.code] ?? "look for a quote, a bracket or an indentation that is not as it should be";
  const problem = problemAt(text, { code: "yaml-syntax", start, end, message, hint });
  if (!/^Flow (?:map|sequence)/.test(message)) return problem;
  const opened = openedBefore(ast, start);
  if (opened === undefined) return problem;
  return { ...problem, related: { at: placeAt(text, opened), message: "opened here" } };
}

/** Everything after the quote was read as text, so what else the parser says of it is noise. */
function openQuote(text: SourceText, ast: YamlAst.Parsed, error: YAMLError): Diagnostic {
  let start = error.pos[0];
  visit(ast, {
    Scalar(_, node) {
      if (isScalar(node) && node.range && node.range[1] >= error.pos[0] && node.type?.startsWith("QUOTE"))
        start = node.range[0];
    },
  });
  const message = "the quote that starts here does not end";
  return problemAt(text, { code: "yaml-syntax", start, end: start + 1, message, hint: "add the closing quote" });
}

function isOpenQuote(error: YAMLError): boolean {
  return error.code === "MISSING_CHAR" && error.message.startsWith("Missing closing");
}

/** The innermost bracket that is open at an offset. */
function openedBefore(ast: YamlAst.Parsed, offset: number): number | undefined {
  let opened: number | undefined;
  visit(ast, {
    Collection(_, node) {
      if (!isCollection(node) || node.flow !== true || !node.range) return;
      const [start, end] = node.range;
      if (start < offset && end >= offset) opened = start;
    },
  });
  return opened;
}

function problemAt(
  text: SourceText,
  problem: Pick<Diagnostic, "code" | "message" | "hint"> & { readonly start: number; readonly end: number },
): Diagnostic {
  const { start, end, ...rest } = problem;
  return diagnosticAt(text, { start, end }, { severity: "error", ...rest });
}
