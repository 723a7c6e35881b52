/**
 * What rules say about texts and bytes: lengths, ends, lists and patterns.
 *
 * Lengths of texts are counted in code points or in UTF-8 bytes, while JavaScript counts UTF-16 units, and
 * patterns are RE2's. A value is never quoted.
 */
import type { TextRules } from "./constraint-rules.ts";
import type { Judge } from "./constraint-values.ts";

/** The patterns of `well_known_regex`, from protoc-gen-validate's checker.go, and what they mean. */
const headerName = {
  pattern: "^:?[0-9a-zA-Z!#$%&'*+-.^_|~\\x60]+$",
  words: "must be the name of a header: letters, digits and - _ . and no space",
};
const headerValue = {
  pattern: "^[^\\x00-\\x08\\x0A-\\x1F\\x7F]*$",
  words: "must be the value of a header, without control characters",
};
const headerText = {
  pattern: "^[^\\x00\\x0A\\x0D]*$",
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
  const { pattern, words } = patternOf(rules);
  const expression = pattern === undefined ? undefined : fromRe2(pattern);
  if (expression !== undefined) need((value) => expression.test(value), words);
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

function patternOf(rules: TextRules): { readonly pattern: string | undefined; readonly words: string } {
  const { well_known_regex: known = 0, strict = true } = rules;
  if (known === 0) return { pattern: rules.pattern, words: `must match the regular expression ${rules.pattern}` };
  if (!strict) return headerText;
  return known === 1 ? headerName : headerValue;
}

/**
 * A pattern of RE2 for JavaScript: `\s` is ASCII there, `.` leaves out nothing but the line feed, any
 * punctuation may be escaped, and a character is a code point.
 */
function fromRe2(pattern: string): RegExp | undefined {
  let inClass = false;
  const translated = pattern.replace(/\\[\s\S]|[[\].]/g, (token) => {
    if (token === "\\s") return inClass ? "\\t\\n\\f\\r " : "[\\t\\n\\f\\r ]";
    if (token === "[") inClass = true;
    if (token === "]") inClass = false;
    if (token === ".") return inClass ? "." : "[^\\n]";
    const needless = /^\\[^\w^$\\.*+?()[\]{}|/-]$/.test(token) || token === "\\_" || (token === "\\-" && !inClass);
    return needless ? token.slice(1) : token;
  });
  try {
    return new RegExp(translated, "u");
  } catch {
    // A private type may have a pattern that only RE2 understands: Envoy has the last word on it.
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
