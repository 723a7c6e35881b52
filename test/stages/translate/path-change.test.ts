/**
 * Replaced prefixes: the table of Gateway API, by what Envoy does with the fields.
 */
import { describe, expect, it } from "vitest";
import type { PathRewrite } from "../../../src/translate/path-change.ts";
import { replacePath, replacePrefix } from "../../../src/translate/path-change.ts";

/** What Envoy makes of a path that matched the prefix; `test/envoy/routing.test.ts` asks Envoy itself. */
function applied(rewrite: PathRewrite, path: string, matched: string): string {
  if (rewrite.prefixRewrite !== undefined) return rewrite.prefixRewrite + path.slice(matched.length);
  const { pattern, substitution = "" } = rewrite.regexRewrite ?? {};
  return path.replace(new RegExp(pattern?.regex ?? "$^"), substitution);
}

describe("replacePrefix", () => {
  it.each([
    ["/foo/bar", "/foo", "/xyz", "/xyz/bar"],
    ["/foo/bar", "/foo", "/xyz/", "/xyz/bar"],
    ["/foo/bar", "/foo/", "/xyz", "/xyz/bar"],
    ["/foo/bar", "/foo/", "/xyz/", "/xyz/bar"],
    ["/foo", "/foo", "/xyz", "/xyz"],
    ["/foo/", "/foo", "/xyz", "/xyz/"],
    ["/foo/bar", "/foo", "/", "/bar"],
    ["/foo/", "/foo", "/", "/"],
    ["/foo", "/foo", "/", "/"],
    ["/foo/", "/foo/", "/", "/"],
    ["/", "/", "/xyz", "/xyz/"],
    ["/bar", "/", "/xyz", "/xyz/bar"],
    ["/bar", "/", "/xyz/", "/xyz/bar"],
    ["/bar", "/", "/", "/bar"],
    ["/a.c/d", "/a.c", "/", "/d"],
  ])("makes of %s, matched by %s and replaced by %s, the path %s", (path, matched, prefix, expected) => {
    const stem = matched === "/" ? "/" : matched.replace(/\/$/, "");
    expect(applied(replacePrefix({ kind: "prefix", path: matched }, prefix), path, stem)).toBe(expected);
  });

  it("takes signs of regular expressions in a path for themselves", () => {
    expect(replacePrefix({ kind: "prefix", path: "/a.c(1)" }, "/").regexRewrite?.pattern?.regex).toBe(
      "^/a\\.c\\(1\\)/*",
    );
  });

  it("takes a match without a prefix for a bug of the parser", () => {
    expect(() => replacePrefix({ kind: "exact", path: "/foo" }, "/")).toThrow("assertion failed");
  });
});

describe("replacePath", () => {
  it("takes a backslash for itself", () => {
    expect(replacePath("/a\\1").regexRewrite?.substitution).toBe("/a\\\\1");
  });
});
