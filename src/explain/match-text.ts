/**
 * Envoy's StringMatcher, and its regular expressions, which have to match the whole text.
 */
import { RE2JS } from "re2js";
import type { StringMatcherJson } from "../gen/envoy/type/matcher/v3/string_pb.d.ts";

/** Undefined when only Envoy knows the verdict, such as that of an extension. */
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

/** Whether the regular expression matches the whole text; undefined for one that RE2 cannot compile. */
export function matchesRegex(pattern: string, text: string): boolean | undefined {
  return compile(pattern)?.matches(text);
}

/** All non-overlapping matches replaced; `\1` in the substitution is the first group, `\0` all of it. */
export function replaceRegex(pattern: string, substitution: string, text: string): string {
  const matcher = compile(pattern)?.matcher(text);
  let replaced = "";
  let from = 0;
  while (matcher?.find() === true) {
    const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, index) => matcher.group(index) ?? "");
    const instead = substitution.replace(/\\([\d\\])/g, (_, what: string) =>
      what === "\\" ? what : (groups[Number(what)] ?? ""),
    );
    replaced += text.slice(from, matcher.start()) + instead;
    from = matcher.end();
  }
  return replaced + text.slice(from);
}

/** Linear in the text, as in Envoy: a request that somebody asks about cannot hold this thread up. */
function compile(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern);
  } catch {
    return undefined;
  }
}
