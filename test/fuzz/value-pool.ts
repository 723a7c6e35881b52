/**
 * The values at the boundaries of a rule, right ones and wrong ones.
 */
import type { DescEnum } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import type { FieldRules, RangeRules, TextRules } from "../../src/model/constraint-rules.ts";
import { numberKinds } from "../../src/model/constraint-rules.ts";
import { valueJudges } from "../../src/model/constraint-values.ts";

/** What a value must be; no scalar and no enum is a duration. */
interface ValueKind {
  readonly scalar?: ScalarType | undefined;
  readonly type?: DescEnum | undefined;
  readonly rules: FieldRules;
}

/** Values to choose from: those that the interpreter takes, and those that it does not. */
export interface ValuePool {
  readonly right: readonly unknown[];
  readonly wrong: readonly unknown[];
}

/** Pools by rule; a rule belongs to one field. */
const pools = new WeakMap<FieldRules, ValuePool>();

/** The pool of a field; the same for the same rules. */
export function valuePool(kind: ValueKind): ValuePool {
  const known = pools.get(kind.rules);
  if (known !== undefined) return known;
  const all = valuesOf(kind);
  const judges = valueJudges(kind.rules, kind.type);
  const isRight = (value: unknown) => judges.every((judge) => judge(value) === undefined);
  const pool = { right: all.filter(isRight), wrong: all.filter((value) => !isRight(value)) };
  // Fields without rules share an empty record, and differ.
  if (Object.keys(kind.rules).length > 0) pools.set(kind.rules, pool);
  return pool;
}

function valuesOf({ scalar, type, rules }: ValueKind): readonly unknown[] {
  if (type !== undefined) return enumValues(type, rules.enum ?? {});
  if (scalar === undefined) return durations(rules.duration ?? {});
  if (scalar === ScalarType.BOOL) return [true, false];
  if (scalar === ScalarType.STRING) return texts(rules.string ?? {});
  if (scalar === ScalarType.BYTES) return lengths(rules.bytes ?? {}).map((length) => new Uint8Array(length).fill(97));
  const range = numberKinds.map((kind) => rules[kind]).find((each) => each !== undefined) as RangeRules | undefined;
  return numbers(scalar, range ?? {});
}

function enumValues(type: DescEnum, { in: some = [], not_in: none = [] }: RangeRules<number>): readonly number[] {
  const defined = type.values.map(({ number }) => number);
  return [...defined.slice(0, 6), ...some, ...none, Math.max(...defined) + 1, -1];
}

/** `[smallest, largest]` of the kinds of whole numbers. */
const wholeNumbers: Readonly<Partial<Record<ScalarType, readonly [bigint, bigint]>>> = {
  [ScalarType.INT32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [ScalarType.SINT32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [ScalarType.SFIXED32]: [-(2n ** 31n), 2n ** 31n - 1n],
  [ScalarType.UINT32]: [0n, 2n ** 32n - 1n],
  [ScalarType.FIXED32]: [0n, 2n ** 32n - 1n],
  [ScalarType.INT64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [ScalarType.SINT64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [ScalarType.SFIXED64]: [-(2n ** 63n), 2n ** 63n - 1n],
  [ScalarType.UINT64]: [0n, 2n ** 64n - 1n],
  [ScalarType.FIXED64]: [0n, 2n ** 64n - 1n],
};

function numbers(scalar: ScalarType, rules: RangeRules): readonly (number | bigint)[] {
  const { lt, lte, gt, gte, const: only, in: some = [] } = rules;
  const bounds = [lt, lte, gt, gte, only, ...some].filter((bound) => bound !== undefined);
  const whole = wholeNumbers[scalar];
  if (whole === undefined) {
    const near = bounds.map(Number).flatMap((bound) => [bound - 0.5, bound, bound + 0.5]);
    return [0, 1, -1, 0.25, NaN, Infinity, -Infinity, ...near];
  }
  const [smallest, largest] = whole;
  const near = bounds.map(BigInt).flatMap((bound) => [bound - 1n, bound, bound + 1n]);
  const all = [0n, 1n, 2n, -1n, smallest, largest, ...near].filter((each) => each >= smallest && each <= largest);
  return largest < 2n ** 33n ? all.map(Number) : all;
}

function durations({ lt, lte, gt, gte }: RangeRules<{ readonly seconds?: bigint; readonly nanos?: number }>) {
  const near = [lt, lte, gt, gte].flatMap((bound) => {
    if (bound === undefined) return [];
    const { seconds = 0n, nanos = 0 } = bound;
    const total = seconds * 1_000_000_000n + BigInt(nanos);
    return [-1_000_000_000n, -1n, 0n, 1n, 1_000_000_000n].map((step) => total + step);
  });
  const valid = [0n, 1n, -1n, 1_500_000_000n, ...near].map((total) => ({
    seconds: total / 1_000_000_000n,
    nanos: Number(total % 1_000_000_000n),
  }));
  return [
    ...valid,
    { seconds: 315_576_000_000n, nanos: 0 },
    { seconds: 315_576_000_001n, nanos: 0 },
    { seconds: 1n, nanos: -1 },
    { seconds: 1n, nanos: 1_000_000_000 },
  ];
}

/** Texts about which patterns and header rules have an opinion. */
const specials = [
  ...["a", "a b", "a,b", "a\tb", "a\nb", "a\rb", "a\u0000b", "a\u007fb", "a\u00a0b", "a\u2028b", "\u00e9", "\u{1F6A2}"],
  ...[
    "/",
    "/a",
    "/a/",
    "/a?b",
    "a#b",
    'a"b',
    "a;b",
    "a\\b",
    "a~b:c",
    "A-1_.",
    ":authority",
    "@",
    "A@",
    "a=b",
    "%",
    "%a%",
  ],
  ...["%a", "a%", "a.mmdb", "a.mmdb\n", "\u2028.mmdb", "\n.mmdb", "amm.mmdbx", "http", "\u0000", "\n", "^", "`", "{"],
];

function texts(rules: TextRules): readonly string[] {
  const { prefix = "", suffix = "", contains = "", in: some = [], not_in: none = [], const: only = "" } = rules;
  const sized = lengths(rules).flatMap((length) => [
    "a".repeat(length),
    "\u{1F6A2}".repeat(length > 2_000 ? length >> 2 : length),
    "\u00e9".repeat(length >> 1),
  ]);
  return ["", only, ...some, ...none, `${prefix}${contains}a${suffix}`, ...specials, ...sized];
}

/** About the bounds of a length, of characters and of bytes. */
function lengths({ len, min_len, max_len, len_bytes, min_bytes, max_bytes }: TextRules<unknown>): readonly number[] {
  const bounds = [len, min_len, max_len, len_bytes, min_bytes, max_bytes].filter((bound) => bound !== undefined);
  const near = bounds.flatMap((bound) => [Number(bound) - 1, Number(bound), Number(bound) + 1]);
  return [0, 1, 5, ...near].filter((length) => length >= 0);
}
