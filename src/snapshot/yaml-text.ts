/**
 * JSON → YAML that reads alike in YAML 1.1 and 1.2.
 *
 * Envoy reads 1.1, in which `n`, `on`, `1:30` and `017` are no texts; most editors read 1.2. So a text
 * stands bare only when it cannot be anything else in either, and in quotes with JSON's escapes otherwise.
 */
import type { JsonValue } from "../model/intent.ts";

/** One document, block style, two spaces, keys in the given order. */
export function yamlText(json: JsonValue): string {
  return `${nodeLines(json).join("\n")}\n`;
}

/** The lines of a value that starts on a line of its own. */
function nodeLines(json: JsonValue): readonly string[] {
  if (isList(json) && json.length > 0) return json.flatMap(itemLines);
  if (isMap(json) && Object.keys(json).length > 0) return Object.entries(json).flatMap(entryLines);
  return [inlineText(json)];
}

/** A list stands at its key's own column, as Envoy's documentation writes it. */
function entryLines([key, value]: readonly [string, JsonValue]): readonly string[] {
  if (!isBlock(value)) return [`${textOf(key)}: ${inlineText(value)}`];
  const lines = nodeLines(value);
  return [`${textOf(key)}:`, ...(isList(value) ? lines : lines.map(indented))];
}

function itemLines(item: JsonValue): readonly string[] {
  const [first, ...rest] = nodeLines(item);
  return [`- ${first ?? ""}`, ...rest.map(indented)];
}

function indented(line: string): string {
  return `  ${line}`;
}

function inlineText(json: JsonValue): string {
  if (typeof json === "string") return textOf(json);
  if (typeof json === "number") return numberText(json);
  if (isList(json)) return "[]";
  return isMap(json) ? "{}" : String(json);
}

/** A word that begins with a letter, so that it is no number, and holds nothing that YAML gives a meaning. */
const word = /^[A-Za-z/][A-Za-z0-9_./|-]*$/;
/** Seconds and IPv4 addresses: everywhere in Envoy's files, and no numbers to any reader. */
const dotted = /^(?:\d+(?:\.\d+)?s|\d{1,3}(?:\.\d{1,3}){3})$/;
/** What stands for true, false or nothing in either YAML, in any case. */
const reserved = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

/** What JSON may hold as it is and YAML may not, or takes for the end of a line. */
const unprintable = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

function textOf(text: string): string {
  if ((word.test(text) && !reserved.test(text)) || dotted.test(text)) return text;
  return JSON.stringify(text).replace(unprintable, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** YAML 1.1 takes a number with an exponent for a text unless it has a point. */
function numberText(value: number): string {
  const text = String(value);
  return /^-?\d+e/.test(text) ? text.replace("e", ".0e") : text;
}

function isBlock(json: JsonValue): boolean {
  return isList(json) ? json.length > 0 : isMap(json) && Object.keys(json).length > 0;
}

function isList(json: JsonValue): json is readonly JsonValue[] {
  return Array.isArray(json);
}

function isMap(json: JsonValue): json is { readonly [key: string]: JsonValue } {
  return json !== null && typeof json === "object" && !Array.isArray(json);
}
