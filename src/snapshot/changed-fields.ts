/**
 * In which fields two messages in JSON differ, for people: `circuit_breakers.thresholds[0].max_requests 100 → 200`.
 */
import type { JsonValue } from "../model/intent.ts";

/** A longer value says nothing in a sentence. */
const VALUE_LENGTH_MAX = 40;

/** The deepest fields that differ, in the order of the messages; one that is there once only is named as a whole. */
export function changedFields(before: JsonValue, after: JsonValue, path = ""): readonly string[] {
  if (isMap(before) && isMap(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...keys].flatMap((key) => field(before[key], after[key], path === "" ? key : `${path}.${key}`));
  }
  if (Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    return before.flatMap((item: JsonValue, index) => field(item, after[index] as JsonValue, `${path}[${index}]`));
  }
  return before === after ? [] : [`${path}${values(before, after)}`];
}

function field(before: JsonValue | undefined, after: JsonValue | undefined, path: string): readonly string[] {
  if (before === undefined) return [`${path} added`];
  if (after === undefined) return [`${path} removed`];
  return changedFields(before, after, path);
}

function values(before: JsonValue, after: JsonValue): string {
  const [from, to] = [JSON.stringify(before), JSON.stringify(after)];
  const isShort = !isTree(before) && !isTree(after) && from.length + to.length <= VALUE_LENGTH_MAX;
  return isShort ? ` ${from} → ${to}` : "";
}

function isTree(value: JsonValue): boolean {
  return value !== null && typeof value === "object";
}

function isMap(value: JsonValue): value is { readonly [key: string]: JsonValue } {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
