/**
 * Regular expressions for Envoy, which uses RE2.
 *
 * The parser is a port of RE2's Go version, so that what it refuses Envoy refuses, but for the few
 * differences below. How large the compiled program may be is Envoy's setting
 * (`re2.max_program_size.error_level`) and its size differs by implementation, so that is left to Envoy.
 * The syntax: https://github.com/google/re2/wiki/Syntax
 */
import { RE2JS } from "re2js";

/** A longer pattern is left to Envoy: unless its limit was raised, it refuses far shorter ones. */
const PATTERN_LENGTH_MAX = 10_000;

/** What the C++ version takes and the Go version does not. */
const onlyInGo = /^(?:duplicate capture group name|invalid escape sequence: `\\C`)/;

/** What is wrong with a pattern, or undefined. */
export function regexProblem(pattern: string): { readonly message: string; readonly hint: string } | undefined {
  if (pattern.length > PATTERN_LENGTH_MAX) return undefined;
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    const reason = words.replace("error parsing regexp: ", "");
    return onlyInGo.test(reason) ? undefined : explain(pattern, reason);
  }
}

/** What RE2 lacks by design is said in so many words, because other engines have it. */
function explain(pattern: string, reason: string): { readonly message: string; readonly hint: string } {
  if (/^invalid escape sequence: `\\[1-9k]/.test(reason)) {
    return { message: "RE2 has no back-references", hint: "write the text out" };
  }
  // Without what is escaped, and without character classes.
  const plain = pattern.replace(/\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:\^?[a-z]+:\]|[^\]\\])*\]/g, "x");
  if (/^invalid (?:or unsupported Perl syntax|named capture)/.test(reason) && /\(\?<?[=!]/.test(plain)) {
    return { message: "RE2 has no look-ahead or look-behind", hint: "use two matches, or an order of rules" };
  }
  if (/^invalid repeat count: `\{\d+(?:,\d*)?\}`/.test(reason)) {
    return { message: `RE2 repeats at most 1000 times: ${reason}`, hint: "use * or +" };
  }
  return { message: `not a regular expression: ${reason}`, hint: "see https://github.com/google/re2/wiki/Syntax" };
}
