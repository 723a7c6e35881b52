/**
 * From checked matches of headers and query parameters to those of the intent.
 */
import type { ValueMatch } from "./intent-match.ts";
import type { RouteValue } from "./schema.ts";
import { byName } from "./sort.ts";

type MatchValue = NonNullable<RouteValue["rules"][number]["matches"]>[number];
type ValueMatchValue = NonNullable<MatchValue["headers"]>[string];

/** By name; names of headers know no case. */
export function buildValueMatches(
  written: Readonly<Record<string, ValueMatchValue>>,
  spell = (name: string) => name.toLowerCase(),
): readonly ValueMatch[] {
  return Object.entries(written)
    .map(([name, match]) => buildValueMatch(spell(name), match))
    .toSorted(byName);
}

function buildValueMatch(name: string, value: ValueMatchValue): ValueMatch {
  if (typeof value === "string") return { name, value: { kind: "exact", text: value } };
  if (value.exact !== undefined) return { name, value: { kind: "exact", text: value.exact } };
  if (value.prefix !== undefined) return { name, value: { kind: "prefix", text: value.prefix } };
  if (value.suffix !== undefined) return { name, value: { kind: "suffix", text: value.suffix } };
  if (value.contains !== undefined) return { name, value: { kind: "contains", text: value.contains } };
  if (value.regex !== undefined) return { name, value: { kind: "regex", pattern: value.regex } };
  return { name, value: { kind: value.present === false ? "absent" : "present" } };
}
