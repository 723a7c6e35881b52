/**
 * Regular expressions for Envoy, which uses RE2.
 *
 * There is no RE2 here, so this is a filter and not a proof: what RE2 certainly refuses (look-around,
 * back-references, huge repetitions) and what no engine accepts is told with its place; Envoy has the last
 * word. The syntax: https://github.com/google/re2/wiki/Syntax
 */

/** RE2 refuses larger counts in `{n,m}`. */
const REPETITIONS_MAX = 1_000;

/** What is wrong with a pattern, or undefined. */
export function regexProblem(pattern: string): { readonly message: string; readonly hint: string } | undefined {
  const plain = pattern.replace(/\\[\s\S]|\[\^?\]?(?:\\[\s\S]|\[:\^?[a-z]+:\]|[^\]\\])*\]/g, (part) =>
    /^\\[1-9k]/.test(part) ? "\u0001" : "x",
  );
  if (plain.includes("\u0001")) return { message: "RE2 has no back-references", hint: "write the text out" };
  if (/\(\?<?[=!]/.test(plain)) {
    return { message: "RE2 has no look-ahead or look-behind", hint: "use two matches, or an order of rules" };
  }
  for (const counts of plain.matchAll(/\{(\d+)(?:,(\d*))?\}/g)) {
    if (Number(counts[1]) > REPETITIONS_MAX || Number(counts[2] ?? 0) > REPETITIONS_MAX) {
      return { message: `RE2 repeats at most ${REPETITIONS_MAX} times`, hint: "use * or +" };
    }
  }
  const translated = plain
    .replace(/\(\?[imsU-]+\)/g, "")
    .replace(/\(\?[imsU-]+:/g, "(?:")
    .replaceAll("(?P<", "(?<");
  try {
    new RegExp(translated);
    return undefined;
  } catch (cause) {
    const reason =
      cause instanceof Error ? cause.message.slice(cause.message.lastIndexOf(": ") + 2) : "it cannot be parsed";
    return { message: `not a regular expression: ${reason}`, hint: "see https://github.com/google/re2/wiki/Syntax" };
  }
}
