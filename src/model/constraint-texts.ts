/**
 * What rules say about texts and bytes: lengths, ends, lists and patterns.
 *
 * Lengths of texts are counted in code points or in UTF-8 bytes, while JavaScript counts UTF-16 units, and
 * patterns are RE2's. A value is never quoted.
 */
import { RE2JS } from "re2js";
import type { TextRules } from "./constraint-rules.ts";
import type { Judge } from "./constraint-values.ts";

/** The patterns of `well_known_regex`, from protoc-gen-validate's checker.go, and what they mean. */
const headerName = {
  expression: /^:?[0-9a-zA-Z!#$%&'*+-.^_|~`]+$/,
  words: "must be the name of a header: letters, digits and - _ . and no space",
};
const headerValue = {
  expression: /^[^\u0000-\u0008\u000A-\u001F\u007F]*$/,
  words: "must be the value of a header, without control characters",
};
const headerText = {
  expression: /^[^\u0000\u000A\u000D]*$/,
  words: "must not hold a line break or a NUL character, which no header can",
};

/** The judges of a text. */
export function textJudges(rules: TextRules): readonly Judge<string>[] {
  const { const: only, in: allowed = [], not_in: banned = [], prefix, suffix, contains } = rules;
  const without = rules.not_contains;
  const judges: Judge<string>[] = [];
  const need = (isRight: (value: string) => boolean, words: string) =>
    judges.push((value) => (isRight(value) ? undefined : words));
  if (only !== undefined) need((value) => value === only, `must be ${JSON.stringify(only)}`);
  if (allowed.length > 0) need((value) => allowed.includes(value), `must be one of ${quoted(allowed)}`);
  else if (banned.length > 0) need((value) => !banned.includes(value), `must not be one of ${quoted(banned)}`);
  const points = lengthJudge({ exact: rules.len, min: rules.min_len, max: rules.max_len }, ["character", "characters"]);
  const bytes = lengthJudge({ exact: rules.len_bytes, min: rules.min_bytes, max: rules.max_bytes }, ["byte", "bytes"]);
  for (const judge of points) judges.push((value) => notEmpty(value, judge(codePoints(value))));
  for (const judge of bytes) judges.push((value) => notEmpty(value, judge(utf8Length(value))));
  if (prefix !== undefined) need((value) => value.startsWith(prefix), `must start with ${JSON.stringify(prefix)}`);
  if (suffix !== undefined) need((value) => value.endsWith(suffix), `must end with ${JSON.stringify(suffix)}`);
  if (contains !== undefined) need((value) => value.includes(contains), `must contain ${JSON.stringify(contains)}`);
  if (without !== undefined) need((value) => !value.includes(without), `must not contain ${JSON.stringify(without)}`);
  const { matches, words } = patternOf(rules);
  if (matches !== undefined) need(matches, words);
  return judges;
}

/** The judges of bytes; Envoy bounds nothing but their length. */
export function bytesJudges({ len, min_len, max_len }: TextRules<Uint8Array>): readonly Judge<Uint8Array>[] {
  const lengths = lengthJudge({ exact: len, min: min_len, max: max_len }, ["byte", "bytes"]);
  return lengths.map((judge) => (value) => notEmpty(value, judge(value.length)));
}

/** The judge of a length, if there is a bound. */
export function lengthJudge(
  bounds: { readonly exact?: bigint | undefined; readonly min: bigint | undefined; readonly max: bigint | undefined },
  [one, many]: readonly [string, string],
): readonly Judge<number>[] {
  const min = Number(bounds.exact ?? bounds.min ?? 0);
  const max = Number(bounds.exact ?? bounds.max ?? Infinity);
  if (min === 0 && max === Infinity) return [];
  const count = (length: number) => `${length} ${length === 1 ? one : many}`;
  const atLeast = min === 0 ? [] : [`at least ${count(min)}`];
  const atMost = max === Infinity ? [] : [`at most ${count(max)}`];
  const words = min === max ? `exactly ${count(min)}` : [...atLeast, ...atMost].join(" and ");
  return [(length) => (length >= min && length <= max ? undefined : `must have ${words}, but has ${length}`)];
}

/** What is wrong with the length of a text, shorter for the text that most often has a wrong one. */
function notEmpty(value: string | Uint8Array, problem: string | undefined): string | undefined {
  return problem !== undefined && value.length === 0 ? "must not be empty" : problem;
}

function quoted(texts: readonly string[]): string {
  return texts.map((text) => JSON.stringify(text)).join(", ");
}

function patternOf(rules: TextRules): {
  readonly matches: ((text: string) => boolean) | undefined;
  readonly words: string;
} {
  const { pattern, well_known_regex: known = 0, strict = true } = rules;
  if (known !== 0) {
    const { expression, words } = strict ? (known === 1 ? headerName : headerValue) : headerText;
    return { matches: (text) => expression.test(text), words };
  }
  const matches = pattern === undefined ? undefined : matcher(pattern);
  return { matches, words: `must match the regular expression ${pattern}` };
}

/** Whether a text matches; undefined for a pattern that is none, on which Envoy has the last word. */
function matcher(pattern: string): ((text: string) => boolean) | undefined {
  try {
    const expression = RE2JS.compile(pattern);
    return (text) => expression.matcher(text).find();
  } catch {
    return undefined;
  }
}

function codePoints(text: string): number {
  let count = 0;
  // A low surrogate belongs to the high one before it.
  for (let index = 0; index < text.length; index += 1) if ((text.charCodeAt(index) & 0xfc00) !== 0xdc00) count += 1;
  return count;
}

function utf8Length(text: string): number {
  let length = 0;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    // The two halves of a surrogate pair are four bytes together.
    length += unit < 0x80 ? 1 : unit < 0x800 || (unit & 0xf800) === 0xd800 ? 2 : 3;
  }
  return length;
}
