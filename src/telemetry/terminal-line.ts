/**
 * A line of the log as a person reads it: time, level, sentence, and below it what was drawn.
 */
import { printable, printableDrawing } from "./printable.ts";

const colors: Readonly<Record<string, string>> = { debug: "90", info: "36", warn: "33", error: "31" };

/** Turns one line of the JSON log into the readable form; a line that is not JSON is passed on, escaped. */
export function terminalLine(json: string, color: boolean): string {
  const line = parse(json);
  if (line === undefined) return `${printable(json.trimEnd())}\n`;
  const level = text(line["level"]);
  const time = text(line["at"]).slice("2026-01-01T".length, "2026-01-01T00:00:00.000".length);
  const paint = (code: string | undefined, words: string) =>
    color && code !== undefined ? `\u001b[${code}m${words}\u001b[0m` : words;
  const head = `${paint("90", printable(time))} ${paint(colors[level], level.padEnd(5))} ${printable(text(line["msg"]))}`;
  const suppressedCount = line["suppressedCount"];
  const more = typeof suppressedCount === "number" ? ` (${suppressedCount} more like it)` : "";
  const drawn = text(line["drawn"]);
  return drawn === "" ? `${head}${more}\n` : `${head}${more}\n${indent(printableDrawing(drawn))}\n`;
}

function parse(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function indent(lines: string): string {
  return lines.replaceAll(/^(?=.)/gm, "  ");
}
