/**
 * From the YAML syntax tree to plain values and their places.
 *
 * Maps become objects that inherit no key, so that none can reach `Object.prototype`. An alias shares the
 * value of its anchor instead of copying it, and the size it would have when written out is counted, so that
 * a "billion laughs" file is refused in linear time. What is refused here is what a schema cannot see:
 * bare words with two readings, numbers that lost digits, keys that are written twice.
 */
import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Alias, Document as YamlAst, ParsedNode, Scalar, YAMLMap, YAMLSeq } from "yaml";
import type { Diagnostic } from "./diagnostic.ts";
import type { YamlDocument } from "./parse-document.ts";
import type { Path, SourceField, SourceNode, SourceText } from "./position.ts";
import { diagnosticAt, formatPath, placeAt } from "./position.ts";
import { plainMap } from "../support/plain-map.ts";
import { ambiguity } from "./yaml-ambiguity.ts";

/** Values that aliases may add; handwritten files stay under a hundred. */
const ALIASED_VALUES_MAX = 100_000;
/** The nesting with aliases written out; equal to that of the text. */
const DEPTH_MAX = 64;
const FORBIDDEN_KEYS: Readonly<Record<string, string>> = {
  "<<": "YAML merge keys are not supported: write the keys out",
  ["__proto__"]: "this name is reserved: choose another one",
};

interface Converted {
  readonly value: unknown;
  readonly node: SourceNode;
  /** How many values this is with all aliases written out, and how many levels. */
  readonly size: number;
  readonly depth: number;
}

interface Conversion {
  readonly text: SourceText;
  readonly diagnostics: Diagnostic[];
  readonly anchors: Map<string, Converted>;
  readonly path: (string | number)[];
  aliasedValues: number;
}

/** The value of one YAML document; problems are reported and the rest is converted all the same. */
export function convertDocument(
  text: SourceText,
  ast: YamlAst.Parsed,
): { readonly document: YamlDocument; readonly diagnostics: readonly Diagnostic[] } {
  const conversion: Conversion = { text, diagnostics: [], anchors: new Map(), path: [], aliasedValues: 0 };
  const { value, node } = convert(conversion, ast.contents);
  return { document: { value, text, root: node }, diagnostics: conversion.diagnostics };
}

/** The tags whose values JSON has too; a set or binary content would be something else than it looks like. */
const knownTags: ReadonlySet<string> = new Set(
  ["map", "seq", "str", "int", "float", "bool", "null"].map((name) => `tag:yaml.org,2002:${name}`),
);

function convert(conversion: Conversion, node: ParsedNode | null): Converted {
  if (node === null) return leaf(null, { start: 0, end: 0 });
  if (isAlias(node)) return convertAlias(conversion, node);
  if (node.tag !== undefined && !knownTags.has(node.tag)) {
    const message = `the tag ${node.tag.replace("tag:yaml.org,2002:", "!!")} is not supported`;
    report(conversion, { code: "yaml-syntax", ...span(node), message, hint: "remove the tag" });
    return leaf(null, span(node));
  }
  const converted = isMap(node)
    ? convertMap(conversion, node)
    : isSeq(node)
      ? convertList(conversion, node)
      : convertScalar(conversion, node);
  // An anchor is known only when its value is complete, so that no value can contain itself.
  if (node.anchor !== undefined) conversion.anchors.set(node.anchor, converted);
  return converted;
}

function convertMap(conversion: Conversion, map: YAMLMap.Parsed): Converted {
  const value = plainMap<unknown>();
  const fields = new Map<string, SourceField>();
  let size = 1;
  let depth = 0;
  for (const pair of map.items) {
    const key = readKey(conversion, pair.key);
    if (key === undefined) continue;
    conversion.path.push(key.name);
    const first = fields.get(key.name);
    if (first !== undefined) reportTwice(conversion, key, first);
    const child = convert(conversion, pair.value);
    conversion.path.pop();
    size += child.size;
    depth = Math.max(depth, child.depth);
    if (first !== undefined || refuseKey(conversion, key)) continue;
    value[key.name] = child.value;
    const node = pair.value === null ? { start: key.end, end: key.end } : child.node;
    fields.set(key.name, { name: key.name, keyStart: key.start, keyEnd: key.end, value: node });
  }
  return { value, node: { ...span(map), fields: [...fields.values()] }, size, depth: depth + 1 };
}

function convertList(conversion: Conversion, list: YAMLSeq.Parsed): Converted {
  const value: unknown[] = [];
  const items: SourceNode[] = [];
  let size = 1;
  let depth = 0;
  for (const [index, item] of list.items.entries()) {
    conversion.path.push(index);
    // `[a: 1]` is a list with a map of one key; the tree has the pair alone.
    const child = convert(conversion, item);
    conversion.path.pop();
    value.push(child.value);
    items.push(child.node);
    size += child.size;
    depth = Math.max(depth, child.depth);
  }
  return { value, node: { ...span(list), items }, size, depth: depth + 1 };
}

function convertScalar(conversion: Conversion, scalar: Scalar.Parsed): Converted {
  const { value, type, source } = scalar;
  if (type === "PLAIN") {
    const why = ambiguity(source);
    const isGuardSwitch = source === "off" && conversion.path.at(-1) === "removalGuard";
    if (why !== undefined && !isGuardSwitch) reportAmbiguous(conversion, { ...span(scalar), text: source, why });
    if (
      typeof value === "number" &&
      !Number.isSafeInteger(value) &&
      /^(?:[-+]?[0-9]+|0[xo][0-9a-fA-F]+)$/.test(source)
    ) {
      report(conversion, {
        code: "unsafe-integer",
        ...span(scalar),
        message: `${source} is too large to be represented exactly`,
        hint: "write the number in quotes; Envoy's 64-bit fields accept a text",
      });
    }
  }
  return leaf(value, span(scalar));
}

function convertAlias(conversion: Conversion, alias: Alias.Parsed): Converted {
  const target = conversion.anchors.get(alias.source);
  const place = span(alias);
  if (target === undefined) {
    report(conversion, {
      code: "yaml-syntax",
      ...place,
      message: `the alias *${alias.source} has no complete anchor before it`,
      hint: `if a text is meant, put it in quotes: "*${alias.source}"`,
    });
    return leaf(null, place);
  }
  conversion.aliasedValues += target.size;
  if (conversion.aliasedValues > ALIASED_VALUES_MAX || conversion.path.length + target.depth > DEPTH_MAX) {
    const message = `the aliases of this document make more than ${ALIASED_VALUES_MAX} values or ${DEPTH_MAX} levels`;
    // Once is enough: every further alias would say the same.
    if (!conversion.diagnostics.some((diagnostic) => diagnostic.code === "yaml-limit")) {
      report(conversion, { code: "yaml-limit", ...place, message, hint: "write the values out, or use fewer aliases" });
    }
    return leaf(null, place);
  }
  return target;
}

interface Key {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

function readKey(conversion: Conversion, node: ParsedNode): Key | undefined {
  if (!isScalar(node) || typeof node.value !== "string") {
    report(conversion, { code: "yaml-syntax", ...span(node), message: "a key must be a text" });
    return undefined;
  }
  const key = { name: node.value, ...span(node) };
  // `on` is a key of Fairway's own vocabulary (`retry: { on: […] }`), where nothing else reads it.
  if (node.type === "PLAIN" && node.value !== "on") {
    const why = ambiguity(node.source);
    const isBoolean = why?.startsWith("is a boolean") === true;
    if (why !== undefined && isBoolean) reportAmbiguous(conversion, { ...key, text: node.source, why });
  }
  return key;
}

function refuseKey(conversion: Conversion, key: Key): boolean {
  const hint = Object.hasOwn(FORBIDDEN_KEYS, key.name) ? FORBIDDEN_KEYS[key.name] : undefined;
  if (hint === undefined) return false;
  const { start, end } = key;
  report(conversion, { code: "unknown-key", start, end, message: `unknown key \`${key.name}\``, hint, key: key.name });
  return true;
}

function reportTwice(conversion: Conversion, key: Key, first: SourceField): void {
  report(conversion, {
    code: "duplicate-name",
    start: key.start,
    end: key.end,
    message: `\`${key.name}\` is written twice in the same map`,
    hint: "keep one of them",
    related: { at: placeAt(conversion.text, first.keyStart), message: "first written here" },
  });
}

function reportAmbiguous(
  conversion: Conversion,
  word: { readonly start: number; readonly end: number; readonly text: string; readonly why: string },
): void {
  const { start, end, text, why } = word;
  const hint = `write "${text}" in quotes, or what you mean: true, false, or a plain decimal number`;
  report(conversion, { code: "yaml-ambiguous", start, end, message: `bare \`${text}\` ${why}`, hint });
}

function report(
  conversion: Conversion,
  problem: Pick<Diagnostic, "code" | "message" | "hint" | "related"> & {
    readonly start: number;
    readonly end: number;
    readonly key?: string;
  },
): void {
  const { start, end, key, ...rest } = problem;
  const path: Path = key === undefined ? conversion.path : [...conversion.path, key];
  conversion.diagnostics.push(
    diagnosticAt(
      conversion.text,
      { start, end },
      { severity: "error", ...rest, ...(path.length === 0 ? {} : { path: formatPath(path) }) },
    ),
  );
}

function leaf(value: unknown, node: SourceNode): Converted {
  return { value, node, size: 1, depth: 0 };
}

function span(node: { readonly range?: readonly [number, number, number] | null }): { start: number; end: number } {
  return { start: node.range?.[0] ?? 0, end: node.range?.[1] ?? 0 };
}
