/**
 * What the rules of a field say about one value: a sentence when it breaks them.
 *
 * A judge tells one violation, as protoc-gen-validate's code does: two bounds of a range are one judge, a
 * length and a pattern are two. Texts are never quoted, because a judge cannot know which are secrets.
 */
import type { DescEnum } from "@bufbuild/protobuf";
import type { CountRules, DurationParts, FieldRules, RangeRules } from "./constraint-rules.ts";
import { numberKinds } from "./constraint-rules.ts";
import { bytesJudges, lengthJudge, textJudges } from "./constraint-texts.ts";

/** What is wrong with a value, in words that follow the name of the field. */
export type Judge<T = unknown> = (value: T) => string | undefined;

/** google.protobuf.Duration holds about ten thousand years either way. */
const DURATION_SECONDS_MAX = 315_576_000_000n;

const NANOS_PER_SECOND = 1_000_000_000;

/** Enum values that a message lists; longer lists are for the reference. */
const ENUM_VALUES_SHOWN_MAX = 20;

/** The judges of one scalar, enum, wrapped scalar or duration; none for other messages. */
export function valueJudges(rules: FieldRules, type: DescEnum | undefined): readonly Judge[] {
  return [
    ...numberKinds.flatMap((kind) => {
      const range = rules[kind] as RangeRules | undefined;
      return range === undefined ? [] : unlessEmpty(range, rangeJudges(range, String), Number);
    }),
    ...(rules.string === undefined ? [] : unlessEmpty(rules.string, textJudges(rules.string), String)),
    ...(rules.bytes === undefined ? [] : unlessEmpty(rules.bytes, bytesJudges(rules.bytes), byteLength)),
    ...(rules.bool === undefined ? [] : rangeJudges(rules.bool, String)),
    ...(rules.enum === undefined ? [] : enumJudges(rules.enum, type)),
    ...(rules.duration === undefined ? [] : durationJudges(rules.duration)),
  ] as readonly Judge[];
}

/** The judge of how many items a list or pairs a map has, if there is a bound. */
export function countJudges({ min_items, max_items, min_pairs, max_pairs }: CountRules): readonly Judge<number>[] {
  return [
    ...lengthJudge({ min: min_items, max: max_items }, ["item", "items"]),
    ...lengthJudge({ min: min_pairs, max: max_pairs }, ["pair", "pairs"]),
  ];
}

/** A judge for one list: it remembers the items that it has seen. */
export function uniqueJudge(): Judge {
  const seen = new Set<unknown>();
  return (item) => {
    const key = item instanceof Uint8Array ? String(item) : item;
    // Not a number equals nothing, not even itself.
    if (seen.has(key) && !Number.isNaN(key)) return "must not be there twice";
    seen.add(key);
    return undefined;
  };
}

function unlessEmpty<T>(
  { ignore_empty: ignoreEmpty = false }: { readonly ignore_empty?: boolean },
  judges: readonly Judge<T>[],
  size: (value: T) => number | string,
): readonly Judge<T>[] {
  if (!ignoreEmpty) return judges;
  return judges.map((judge) => (value) => (size(value) ? judge(value) : undefined));
}

function byteLength(bytes: Uint8Array): number {
  return bytes.length;
}

function rangeJudges<T extends number | bigint | boolean>(
  rules: RangeRules<T>,
  text: (value: T) => string,
): readonly Judge<T>[] {
  const { const: only, in: allowed = [], not_in: banned = [] } = rules;
  const list = (values: readonly T[]) => values.map(text).join(", ");
  const judges: Judge<T>[] = [];
  if (only !== undefined)
    judges.push((value) => (value === only ? undefined : `must be ${text(only)}, but is ${text(value)}`));
  judges.push(...boundsJudge(rules, text));
  if (allowed.length > 0) {
    judges.push((value) =>
      allowed.includes(value) ? undefined : `must be one of ${list(allowed)}, but is ${text(value)}`,
    );
  } else if (banned.length > 0) {
    judges.push((value) => (banned.includes(value) ? `must not be ${text(value)}` : undefined));
  }
  return judges;
}

/** Not a number is outside no bound, as in Go and in C++. */
function boundsJudge<T extends number | bigint | boolean>(
  { lt, lte, gt, gte }: RangeRules<T>,
  text: (value: T) => string,
): readonly Judge<T>[] {
  const low = gt ?? gte;
  const high = lt ?? lte;
  if (low === undefined && high === undefined) return [];
  const below = (value: T) => low !== undefined && (gt === undefined ? value < low : value <= low);
  const above = (value: T) => high !== undefined && (lt === undefined ? value > high : value >= high);
  const atLeast = low === undefined ? [] : [`${gt === undefined ? "at least" : "greater than"} ${text(low)}`];
  const atMost = high === undefined ? [] : [`${lt === undefined ? "at most" : "less than"} ${text(high)}`];
  // Bounds in the wrong order leave out what lies between them: `gt: 255, lt: 0` would be written for 0 or more than 255.
  const inverted = low !== undefined && high !== undefined && high <= low;
  const words = inverted ? [...atMost, ...atLeast].join(" or ") : [...atLeast, ...atMost].join(" and ");
  return [
    (value) => {
      const isOutside = inverted ? below(value) && above(value) : below(value) || above(value);
      return isOutside ? `must be ${words}, but is ${text(value)}` : undefined;
    },
  ];
}

function enumJudges(
  rules: RangeRules<number> & { readonly defined_only?: boolean },
  type: DescEnum | undefined,
): readonly Judge<number>[] {
  const nameOf = (value: number) => type?.value[value]?.name ?? String(value);
  const judges = [...rangeJudges(rules, nameOf)];
  if (rules.defined_only === true && type !== undefined) {
    const names = type.values.map(({ name }) => name);
    const shown = names.slice(0, ENUM_VALUES_SHOWN_MAX).join(", ");
    const list = names.length > ENUM_VALUES_SHOWN_MAX ? `a value of ${type.typeName}` : `one of ${shown}`;
    judges.push((value) => (type.value[value] === undefined ? `must be ${list}, but is ${value}` : undefined));
  }
  return judges;
}

/** Durations are compared in nanoseconds. */
function durationJudges(rules: RangeRules<DurationParts>): readonly Judge<DurationParts>[] {
  const range: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(rules)) {
    if (Array.isArray(value)) range[name] = value.map(nanoseconds);
    else if (typeof value === "object") range[name] = nanoseconds(value as DurationParts);
  }
  const judges = rangeJudges(range as RangeRules<bigint>, durationText);
  if (judges.length === 0) return [];
  return [
    (value) => (isDuration(value) ? undefined : "must be a valid duration"),
    ...judges.map(
      (judge): Judge<DurationParts> =>
        (value) =>
          isDuration(value) ? judge(nanoseconds(value)) : undefined,
    ),
  ];
}

/** JSON cannot hold another; bytes can. */
function isDuration({ seconds = 0n, nanos = 0 }: DurationParts): boolean {
  return (
    seconds >= -DURATION_SECONDS_MAX &&
    seconds <= DURATION_SECONDS_MAX &&
    Math.abs(nanos) < NANOS_PER_SECOND &&
    !(seconds > 0n && nanos < 0) &&
    !(seconds < 0n && nanos > 0)
  );
}

function nanoseconds({ seconds = 0n, nanos = 0 }: DurationParts): bigint {
  return seconds * BigInt(NANOS_PER_SECOND) + BigInt(nanos);
}

/** `1.5s`, as proto3 JSON has it. */
function durationText(total: bigint): string {
  const size = total < 0n ? -total : total;
  const digits = String(size).padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "");
  return `${total < 0n ? "-" : ""}${digits.slice(0, -9)}${fraction === "" ? "" : `.${fraction}`}s`;
}
