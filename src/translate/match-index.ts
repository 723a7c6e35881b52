/**
 * Which earlier match takes everything that a later one could: an index over matches in the order in which
 * Envoy tries them.
 *
 * A match covers another when both have the same path and each of its conditions follows from one of the
 * other's: an exact value from itself, a prefix from a longer text, a presence from any value. Two regular
 * expressions are compared as texts; only those that match every path are known to cover another path.
 * Nothing is compared pair by pair: matches whose conditions are of the same kinds (a shape) differ only in
 * their texts, so what a later match would have to be, to be covered by that shape, is looked up.
 */
import type { ValueMatch } from "../model/intent-match.ts";
import type { RuleMatch } from "../model/intent-route.ts";
import { unreachable } from "../support/assert.ts";
import type { RouteEntry } from "./route.ts";

/** Shapes of one path that are looked through; with more, only equal shapes are compared. */
const SHAPES_MAX = 64;
/** Every path begins with a slash. */
const anyPath: ReadonlySet<string> = new Set([".*", ".+", "/.*"]);
const ANY_PATH = "any path";

interface Condition {
  /** What it looks at: `method`, `header x-canary`, `query debug`. */
  readonly subject: string;
  readonly kind: ValueMatch["value"]["kind"] | "opaque";
  readonly text: string;
}

interface Shape {
  readonly conditions: readonly Condition[];
  readonly entries: Map<string, RouteEntry>;
}

/** By path, then by shape. */
export type MatchIndex = Map<string, Map<string, Shape>>;

/** Adds the entry, and returns an entry of another rule, added before, that takes all its requests. */
export function addToIndex(index: MatchIndex, entry: RouteEntry): RouteEntry | undefined {
  const conditions = conditionsOf(entry.match);
  const path = pathKey(entry.match);
  const shapes = index.get(path) ?? new Map<string, Shape>();
  index.set(path, shapes);
  const key = conditions.map(shapeOf).join("\0");
  const own = shapes.get(key) ?? { conditions, entries: new Map<string, RouteEntry>() };
  const found = findCover([own, ...others(shapes, own), ...others(index.get(ANY_PATH), own)], conditions);
  shapes.set(key, own);
  const texts = conditions.map(({ text }) => text).join("\0");
  if (!own.entries.has(texts)) own.entries.set(texts, entry);
  return found === undefined || found.rule === entry.rule ? undefined : found;
}

function others(shapes: ReadonlyMap<string, Shape> | undefined, own: Shape): readonly Shape[] {
  if (shapes === undefined || shapes.size > SHAPES_MAX) return [];
  return [...shapes.values()].filter((shape) => shape !== own);
}

function findCover(shapes: readonly Shape[], conditions: readonly Condition[]): RouteEntry | undefined {
  for (const shape of shapes) {
    const texts = textsFor(shape, conditions);
    const entry = texts === undefined ? undefined : shape.entries.get(texts);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

/** The texts of the match of this shape that would cover the conditions; undefined when none would. */
function textsFor(shape: Shape, conditions: readonly Condition[]): string | undefined {
  const texts: string[] = [];
  for (const wanted of shape.conditions) {
    const given = conditions.find(({ subject }) => subject === wanted.subject);
    const text = given === undefined ? undefined : textFor(wanted, given);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return texts.join("\0");
}

function textFor(wanted: Condition, given: Condition): string | undefined {
  switch (wanted.kind) {
    case "present":
      return given.kind === "opaque" || given.kind === "absent" ? undefined : "";
    case "prefix": {
      const isText = given.kind === "exact" || given.kind === "prefix";
      return isText && given.text.length >= wanted.text.length ? given.text.slice(0, wanted.text.length) : undefined;
    }
    case "exact":
    case "suffix":
    case "contains":
    case "regex":
    case "absent":
    case "opaque":
      return given.kind === wanted.kind ? given.text : undefined;
    default:
      return unreachable(wanted.kind);
  }
}

/** `/a/` and `/a` are the same prefix to Envoy. */
function pathKey({ path }: RuleMatch): string {
  switch (path.kind) {
    case "exact":
      return `exact ${path.path}`;
    case "prefix":
      return `prefix ${path.path.replace(/\/+$/, "")}`;
    case "regex":
      return anyPath.has(path.pattern) ? ANY_PATH : `regex ${path.pattern}`;
    default:
      return unreachable(path);
  }
}

/** A condition that this file does not know keeps a match from covering any that lacks just the same. */
function conditionsOf({ path: _, method, headers, queryParams, at: _place, ...rest }: RuleMatch): readonly Condition[] {
  return [
    ...(method === undefined ? [] : [{ subject: "method", kind: "exact", text: method } as const]),
    ...headers.map((header) => valueCondition("header", header)),
    ...queryParams.map((param) => valueCondition("query", param)),
    ...Object.entries(rest).map(([subject, value]) => opaque(subject, value)),
  ];
}

function valueCondition(what: string, { name, value, ...rest }: ValueMatch): Condition {
  const subject = `${what} ${name}`;
  if (Object.keys(rest).length > 0) return opaque(subject, { value, ...rest });
  switch (value.kind) {
    case "exact":
    case "prefix":
      return { subject, kind: value.kind, text: value.text };
    case "suffix":
    case "contains":
      return { subject, kind: value.kind, text: value.text };
    case "regex":
      return { subject, kind: "regex", text: value.pattern };
    case "present":
      return { subject, kind: "present", text: "" };
    case "absent":
      return { subject, kind: "absent", text: "" };
    default:
      return unreachable(value);
  }
}

function opaque(subject: string, value: unknown): Condition {
  return { subject, kind: "opaque", text: JSON.stringify(value) };
}

function shapeOf({ subject, kind, text }: Condition): string {
  return kind === "prefix" ? `${subject} prefix ${text.length}` : `${subject} ${kind}`;
}
