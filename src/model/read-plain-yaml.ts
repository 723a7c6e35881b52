/**
 * The fast way through a YAML or JSON file that is plain, which nearly all are.
 *
 * The careful parser (`parse-document.ts`) builds a syntax tree and costs more than a second for a megabyte.
 * This one reads the events of another parser, which are offsets into the text, and makes of them exactly what
 * the careful one would: the same values with the same places. It answers "doubt" to everything that is not
 * plainly clear, whether the file is wrong, ambiguous or only unusual (anchors, tags, block texts, empty
 * values, tabs, deep nesting): then the careful parser reads the file, and every diagnostic is its work. So
 * a mistake here can only be that a file is accepted which the other refuses, or read differently; a
 * differential test with generated and damaged files holds that there is none.
 */
import type { Event, MappingEvent, ScalarEvent, SequenceEvent } from "js-yaml";
import { COLLECTION_STYLE, EVENT_ID, SCALAR_STYLE, parseEvents } from "js-yaml";
import type { YamlDocument } from "./parse-document.ts";
import type { SourceField, SourceNode, SourceText } from "./position.ts";
import { plainMap } from "../support/plain-map.ts";
import { ambiguity } from "./yaml-ambiguity.ts";

/** Half of what the careful parser allows, which counts some levels twice. */
const NESTING_MAX = 32;
/** Plain files are split by `---` a few times. */
const DOCUMENTS_MAX = 100;
/** Both parsers limit keys, at 1,024 characters, but do not begin to count at the same one. */
const KEY_CHARS_MAX = 256;

/** Tabs, carriage returns, other controls, exotic spaces and breaks, half characters. */
const unusualCharacter = /[^\n -~\u00A1-\u167F\u2010-\u2027\u2030-\u205E\u2070-\u2FFF\u3001-\uD7FF]/;
/** A directive; `...`, or `---` that is indented or not alone; a hash that is neither a comment nor surely in a text. */
const unusualSyntax = /^%|^\.\.\.|^ +---|^---[^\n]|[^\s]#/m;
/** Bare texts that are no syntax anywhere; others are written in quotes or read carefully. */
const plainText = /^[A-Za-z0-9_/.$^~+(-][A-Za-z0-9_/.$^~+()=:;<>@*?!|%& -]*$/;
/** Numbers that every reader takes for the same. */
const plainNumber = /^(?:0|-?[1-9][0-9]{0,14}|-?(?:0|[1-9][0-9]{0,8})\.[0-9]{1,6})$/;
/** How numbers and `~` begin; other words that are no texts are at most as long as `false`. */
const numberStart = /^[-+.0-9~]/;
const WORD_CHARS_MAX = 5;
/** Whatever YAML 1.2 takes for a number, null or a boolean in any spelling. */
const otherScalar =
  /^(?:~|null|Null|NULL|True|TRUE|False|FALSE|[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)$/;

/** Ends the reading; it is thrown on the way through nested values and never leaves this file. */
const doubt = new Error("not plain");

/** A walk over the events, and what the last step found: these are fields because a result object each costs more. */
interface Reading {
  readonly text: string;
  readonly events: readonly Event[];
  next: number;
  /** The value of the last node. */
  value: unknown;
  /** The last scalar: its text, and where it is with its quotes. */
  scalar: string;
  start: number;
  end: number;
}

/** The documents of a plain file, or undefined when there is any doubt. */
export function readPlainYaml(source: SourceText): readonly YamlDocument[] | undefined {
  const { text } = source;
  if (unusualCharacter.test(text) || unusualSyntax.test(text)) return undefined;
  const events = tryEvents(text);
  if (events === undefined) return undefined;
  const reading: Reading = { text, events, next: 0, value: undefined, scalar: "", start: 0, end: 0 };
  try {
    const documents: YamlDocument[] = [];
    while (reading.next < events.length) {
      const root = readRoot(reading);
      documents.push({ value: reading.value, text: source, root });
    }
    return documents.length === 0 || documents.length > DOCUMENTS_MAX ? undefined : documents;
  } catch (error) {
    if (error === doubt) return undefined;
    throw error;
  }
}

/** The events, or undefined when this parser does not like the file: the other one will say why. */
function tryEvents(text: string): readonly Event[] | undefined {
  try {
    return parseEvents(text, { maxDepth: NESTING_MAX });
  } catch {
    return undefined;
  }
}

function readRoot(reading: Reading): SourceNode {
  const document = take(reading);
  if (document.type !== EVENT_ID.DOCUMENT || document.explicitEnd || document.directives.length > 0) throw doubt;
  const root = readNode(reading, false);
  if (root.fields === undefined && root.items === undefined) throw doubt;
  if (take(reading).type !== EVENT_ID.POP) throw doubt;
  return root;
}

function readNode(reading: Reading, inBlock: boolean): SourceNode {
  const event = take(reading);
  if (event.type === EVENT_ID.SCALAR) return readScalar(reading, event);
  if (event.type === EVENT_ID.MAPPING) return readMap(reading, event, inBlock);
  if (event.type === EVENT_ID.SEQUENCE) return readList(reading, event, inBlock);
  throw doubt;
}

function readMap(reading: Reading, event: MappingEvent, inBlock: boolean): SourceNode {
  const isFlow = checkCollection(reading, event, "{");
  const { start } = event;
  const value = plainMap<unknown>();
  const fields: SourceField[] = [];
  let end = start + 1;
  while (!atPop(reading)) {
    readKey(reading, take(reading));
    const { scalar: name, start: keyStart, end: keyEnd } = reading;
    if ((fields.length === 0 && !isFlow && keyStart !== start) || name in value) throw doubt;
    const node = readNode(reading, !isFlow);
    value[name] = reading.value;
    fields.push({ name, keyStart, keyEnd, value: node });
    end = node.end;
  }
  reading.value = value;
  end = isFlow ? flowEnd(reading.text, { start, end, inBlock }, "}") : blockEnd(reading.text, start, end);
  // A copy has room for no more than it holds.
  return { start, end, fields: fields.slice() };
}

function readList(reading: Reading, event: SequenceEvent, inBlock: boolean): SourceNode {
  const isFlow = checkCollection(reading, event, "[");
  const { start } = event;
  const value: unknown[] = [];
  const items: SourceNode[] = [];
  let end = start + 1;
  while (!atPop(reading)) {
    const node = readNode(reading, !isFlow);
    value.push(reading.value);
    items.push(node);
    end = node.end;
  }
  reading.value = value.slice();
  end = isFlow ? flowEnd(reading.text, { start, end, inBlock }, "]") : blockEnd(reading.text, start, end);
  return { start, end, items: items.slice() };
}

/** Whether it is in brackets; `[a: 1]` has a map without its own, which is in doubt. */
function checkCollection(reading: Reading, event: MappingEvent | SequenceEvent, bracket: string): boolean {
  if (event.anchorStart !== -1 || event.tagStart !== -1) throw doubt;
  const isFlow = event.style === COLLECTION_STYLE.FLOW;
  if (isFlow && reading.text[event.start] !== bracket) throw doubt;
  return isFlow;
}

function readKey(reading: Reading, event: Event): void {
  if (event.type !== EVENT_ID.SCALAR) throw doubt;
  readText(reading, event);
  const { scalar: name, start, end } = reading;
  if (name === "<<" || name === "__proto__" || end - start > KEY_CHARS_MAX || reading.text[end] !== ":") throw doubt;
  const isPlain = event.style === SCALAR_STYLE.PLAIN && name !== "on";
  if (isPlain && ambiguity(name)?.startsWith("is a boolean") === true) throw doubt;
}

function readScalar(reading: Reading, event: ScalarEvent): SourceNode {
  readText(reading, event);
  const { scalar, start, end } = reading;
  reading.value = event.style === SCALAR_STYLE.PLAIN ? plainValue(scalar) : scalar;
  return { start, end };
}

function plainValue(text: string): unknown {
  if (text.length > WORD_CHARS_MAX && !numberStart.test(text)) return text;
  if (text === "true") return true;
  if (text === "false") return false;
  if (plainNumber.test(text)) return Number(text);
  if (otherScalar.test(text) || ambiguity(text) !== undefined) throw doubt;
  return text;
}

/** A text of one line, as it stands there: one with an escape is in doubt. */
function readText(reading: Reading, event: ScalarEvent): void {
  const { valueStart, valueEnd, style } = event;
  if (event.anchorStart !== -1 || event.tagStart !== -1 || valueStart === -1) throw doubt;
  const text = reading.text.slice(valueStart, valueEnd);
  const quotes = style === SCALAR_STYLE.PLAIN ? 0 : 1;
  if (style === SCALAR_STYLE.PLAIN) {
    if (!plainText.test(text)) throw doubt;
  } else if (style === SCALAR_STYLE.DOUBLE_QUOTED) {
    if (/[\\\n]/.test(text)) throw doubt;
  } else if (style === SCALAR_STYLE.SINGLE_QUOTED) {
    if (/['\n]/.test(text)) throw doubt;
  } else throw doubt;
  reading.scalar = text;
  reading.start = valueStart - quotes;
  reading.end = valueEnd + quotes;
}

/** Behind the bracket that closes a collection whose last value ends at `end`. */
function flowEnd(
  text: string,
  flow: { readonly start: number; readonly end: number; readonly inBlock: boolean },
  bracket: string,
): number {
  let at = flow.end;
  while (text[at] !== bracket) {
    if (text[at] === "#") at = text.indexOf("\n", at);
    if (at === -1 || !" \n,".includes(text[at] ?? "x")) throw doubt;
    at += 1;
  }
  // How deep the lines of brackets inside a block must be indented, the parsers do not agree.
  if (flow.inBlock && text.lastIndexOf("\n", at) > flow.start) throw doubt;
  return at + 1;
}

/** Blank lines, and then the indentation of a comment. */
const commentBelow = /(?: *\n)*( *)#/y;

/** A block ends with the line of its last value, unless comments below are indented like a part of it. */
function blockEnd(text: string, start: number, lastEnd: number): number {
  const lineBreak = text[lastEnd - 1] === "\n" ? lastEnd - 1 : text.indexOf("\n", lastEnd);
  if (lineBreak === -1) return text.length;
  const lineStart = lineBreak === 0 ? 0 : text.lastIndexOf("\n", lineBreak - 1) + 1;
  // Only of a block of a single line it matters where exactly it ends.
  if (lineStart <= start) {
    commentBelow.lastIndex = lineBreak + 1;
    const indentation = commentBelow.exec(text)?.[1]?.length ?? -1;
    if (indentation >= start - lineStart) throw doubt;
  }
  return lineBreak + 1;
}

function atPop(reading: Reading): boolean {
  if (reading.events[reading.next]?.type !== EVENT_ID.POP) return false;
  reading.next += 1;
  return true;
}

function take(reading: Reading): Event {
  const event = reading.events[reading.next];
  if (event === undefined) throw doubt;
  reading.next += 1;
  return event;
}
