/**
 * Diagnostics for a terminal: place, message, the source line with what is meant underlined, and the way out.
 *
 * Without colour it is plain text for logs and pipes. Control characters in a user's file must not reach
 * the terminal, so they are drawn as `?`; a tab becomes one space, so that the underline stays in place.
 */
import type { Diagnostic, Place } from "./diagnostic.ts";

/** How much of a long line is shown, with the column in the middle of it. */
const WINDOW_CHARS = 110;

const codes = { red: 31, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;
type Paint = (style: keyof typeof codes, text: string) => string;

/** Several lines without a trailing line break. */
export function drawDiagnostic(diagnostic: Diagnostic, options: { readonly colour?: boolean } = {}): string {
  const paint: Paint = (style, text) => (options.colour === true ? `\u001B[${codes[style]}m${text}\u001B[0m` : text);
  const tone = diagnostic.severity === "error" ? "red" : "yellow";
  const { at, source, hint, related } = diagnostic;
  const label = paint(tone, `${diagnostic.severity}[${diagnostic.code}]`);
  const lines = [`${paint("bold", drawPlace(at))}: ${label}: ${printable(diagnostic.message)}`];
  if (source !== undefined) lines.push(...drawSource(at, source, (text) => paint(tone, text)));
  if (diagnostic.path !== undefined) lines.push(paint("dim", `  in ${printable(diagnostic.path)}`));
  if (hint !== undefined) lines.push(`  ${paint("cyan", "hint")}: ${printable(hint)}`);
  if (related !== undefined)
    lines.push(`  ${paint("cyan", "see")}: ${drawPlace(related.at)}: ${printable(related.message)}`);
  return lines.join("\n");
}

/** All of them with an empty line between, and a count at the end. */
export function drawDiagnostics(
  diagnostics: readonly Diagnostic[],
  options: { readonly colour?: boolean } = {},
): string {
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === "error").length;
  const warnings = diagnostics.length - errors;
  const count = [
    ...(errors > 0 ? [`${errors} error${errors === 1 ? "" : "s"}`] : []),
    ...(warnings > 0 ? [`${warnings} warning${warnings === 1 ? "" : "s"}`] : []),
  ].join(", ");
  return [...diagnostics.map((diagnostic) => drawDiagnostic(diagnostic, options)), count].filter(Boolean).join("\n\n");
}

function drawPlace(place: Place): string {
  return `${printable(place.file)}:${place.line}:${place.column}`;
}

function drawSource(
  at: Place,
  source: NonNullable<Diagnostic["source"]>,
  paint: (text: string) => string,
): readonly string[] {
  // The line was cut: what is meant may lie behind the cut, then there is nothing to underline.
  if (at.column > source.line.length + 1) return [];
  const from = at.column <= WINDOW_CHARS ? 0 : at.column - Math.floor(WINDOW_CHARS / 2);
  const text = printable(source.line.slice(from, from + WINDOW_CHARS));
  const number = String(at.line);
  const margin = " ".repeat(number.length);
  const indent = at.column - 1 - from;
  const length = Math.max(1, Math.min(source.length, text.length - indent));
  const underline = length === 1 ? "^" : "^".repeat(length);
  return [`  ${number} | ${text}`.trimEnd(), `  ${margin} | ${" ".repeat(indent)}${paint(underline)}`];
}

/** One printable character for each UTF-16 unit, so that columns stay. */
function printable(text: string): string {
  return text.replaceAll("\t", " ").replace(/[\p{Cc}\uFEFF\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, "?");
}
