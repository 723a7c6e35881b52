/**
 * From checked conditions on paths and values to those of the intent.
 */
import type { ValueMatch } from "./intent-match.ts";
import type { PathMatch } from "./intent-route.ts";
import type { PathMatchValue, ValueMatchValue } from "./schema-match.ts";
import { byName } from "./sort.ts";

export function buildPathMatch(value: PathMatchValue | undefined): PathMatch {
  if (value === undefined) return { kind: "prefix", path: "/" };
  if (typeof value === "string") return { kind: "prefix", path: value };
  if (value.exact !== undefined) return { kind: "exact", path: value.exact };
  if (value.regex !== undefined) return { kind: "regex", pattern: value.regex };
  return { kind: "prefix", path: value.prefix ?? "/" };
}

/** By name; names of headers know no case. */
export function buildValueMatches(
  written: Readonly<Record<string, ValueMatchValue>>,
  spell = (name: string) => name.toLowerCase(),
): readonly ValueMatch[] {
  return Object.entries(written)
    .map(([name, match]) => buildValueMatch(spell(name), match))
    .toSorted(byName);
}

export function buildValueMatch(name: string, value: ValueMatchValue): ValueMatch {
  if (typeof value === "string") return { name, value: { kind: "exact", text: value } };
  if (value.exact !== undefined) return { name, value: { kind: "exact", text: value.exact } };
  if (value.prefix !== undefined) return { name, value: { kind: "prefix", text: value.prefix } };
  if (value.suffix !== undefined) return { name, value: { kind: "suffix", text: value.suffix } };
  if (value.contains !== undefined) return { name, value: { kind: "contains", text: value.contains } };
  if (value.regex !== undefined) return { name, value: { kind: "regex", pattern: value.regex } };
  return { name, value: { kind: value.present === false ? "absent" : "present" } };
}
