/**
 * `# fairway: ignore single-host-subset`: a comment that silences a warning at its place.
 *
 * It silences that code (or several, with commas) in its own line and, when nothing else stands beside it, in the
 * line below. An error cannot be silenced.
 */
import type { SourceText } from "./position.ts";
import { lineOf } from "./position.ts";

const comment = /#\s*fairway:\s*ignore\s+(?<codes>[a-z0-9-]+(?:\s*,\s*[a-z0-9-]+)*)/;

/** Whether a comment is about this code in this line. */
export function silences(text: SourceText, line: number, code: string): boolean {
  const above = line > 1 ? lineOf(text, line - 1).trimStart() : "";
  // A comment behind something else in the line above is about that.
  return ignores(lineOf(text, line), code) || (above.startsWith("#") && ignores(above, code));
}

function ignores(line: string, code: string): boolean {
  const codes = comment.exec(line)?.groups?.["codes"];
  return codes?.split(",").some((listed) => listed.trim() === code) === true;
}
