/**
 * Envoy's StringMatcher, and its regular expressions, which have to match the whole text.
 */
import type { StringMatcherJson } from "../gen/envoy/type/matcher/v3/string_pb.d.ts";

/** Undefined when the matcher is an extension, whose verdict only Envoy knows. */
export function matchesText(matcher: StringMatcherJson, text: string): boolean | undefined {
  const { exact, prefix, suffix, contains, safeRegex } = matcher;
  // Envoy ignores the case option for regular expressions.
  if (safeRegex !== undefined) return matchesRegex(safeRegex.regex ?? "", text);
  const fold = (value: string) => (matcher.ignoreCase === true ? value.toLowerCase() : value);
  const value = fold(text);
  if (exact !== undefined) return value === fold(exact);
  if (prefix !== undefined) return value.startsWith(fold(prefix));
  if (suffix !== undefined) return value.endsWith(fold(suffix));
  if (contains !== undefined) return value.includes(fold(contains));
  return undefined;
}

/** The matcher in words: `is "x"`, `begins with "x"`. */
export function describeText(matcher: StringMatcherJson): string {
  const { exact, prefix, suffix, contains, safeRegex } = matcher;
  const rest = matcher.ignoreCase === true ? ", in any case" : "";
  if (safeRegex !== undefined) return `matches ${safeRegex.regex ?? ""}`;
  if (exact !== undefined) return `is ${JSON.stringify(exact)}${rest}`;
  if (prefix !== undefined) return `begins with ${JSON.stringify(prefix)}${rest}`;
  if (suffix !== undefined) return `ends with ${JSON.stringify(suffix)}${rest}`;
  if (contains !== undefined) return `contains ${JSON.stringify(contains)}${rest}`;
  return "is what an extension says";
}

/** Whether the regular expression matches the whole text. */
export function matchesRegex(pattern: string, text: string): boolean {
  return compile(`^(?:${pattern})$`, "s").test(text);
}

/** All non-overlapping matches replaced; `\1` in the substitution is the first group, `\0` all of it. */
export function replaceRegex(pattern: string, substitution: string, text: string): string {
  return text.replace(compile(pattern, "gs"), (whole: string, ...groups: readonly unknown[]) =>
    substitution.replace(/\\(\d|\\)/g, (escape, digit: string) => {
      if (digit === "\\") return "\\";
      if (digit === "0") return whole;
      const group = groups[Number(digit) - 1];
      return typeof group === "string" ? group : "";
    }),
  );
}

function compile(pattern: string, flags: string): RegExp {
  return new RegExp(pattern.replaceAll("(?P<", "(?<"), flags);
}
