/**
 * A changed path in Envoy's words, with Gateway API's meaning.
 *
 * Gateway API replaces whole path elements, whatever slashes end the prefixes: `/foo` by `/` makes `/bar` of
 * `/foo/bar`, and `/` of `/foo`. Envoy replaces characters and would make `//bar` of the first.
 */
import type { RegexMatchAndSubstituteJson } from "../gen/envoy/type/matcher/v3/regex_pb.d.ts";
import type { PathMatch } from "../model/intent-route.ts";
import { assert } from "../support/assert.ts";

/** Fields that a RouteAction and a RedirectAction both have. */
export interface PathRewrite {
  readonly prefixRewrite?: string;
  readonly regexRewrite?: RegexMatchAndSubstituteJson;
}

/** Puts `prefix` in the place of the prefix that matched. */
export function replacePrefix(matched: PathMatch, prefix: string): PathRewrite {
  assert(matched.kind === "prefix", "replacing a prefix where none is matched is refused when it is parsed");
  const stem = withoutSlash(matched.path);
  const replacement = withoutSlash(prefix);
  // Every path begins with the match `/`, slash included.
  if (stem === "") return { prefixRewrite: `${replacement}/` };
  if (replacement === "") return { regexRewrite: substitute(`^${quoted(stem)}/*`, "/") };
  return { prefixRewrite: replacement };
}

/** Replaces the whole path; the query stays. */
export function replacePath(path: string): PathRewrite {
  return { regexRewrite: substitute("^/.*$", path.replaceAll("\\", "\\\\")) };
}

function substitute(regex: string, substitution: string): RegexMatchAndSubstituteJson {
  return { pattern: { regex }, substitution };
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, "");
}

/** The text as a regular expression that matches nothing else. */
function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
