/**
 * Paths as Envoy's HttpConnectionManager leaves them; every line was asked of Envoy 1.40.
 */
import { expect, test } from "vitest";
import { requestPath } from "../../../src/explain/request-path.ts";

const both = { normalizePath: true, mergeSlashes: true };

test.each([
  ["/a/../b", "/b"],
  ["/a/%2e%2E/b", "/b"],
  ["/..", "/"],
  ["/a/.", "/a/"],
  ["/a/b/..", "/a/"],
  ["/a//../b", "/a/b"],
  ["/a\\..\\b", "/b"],
  ["/%41%7e%2D", "/A~-"],
  ["/a%2Fb%5C", "/a%2Fb%5C"],
  ["/%zz%4%", "/%zz%4%"],
  ["/%252e", "/%252e"],
  ['/a|b"<>^`{}', "/a%7Cb%22%3C%3E%5E%60%7B%7D"],
  ["/a/...", "/a/..."],
  ["//a//b///?x=//../", "/a/b/?x=//../"],
  ["///", "//"],
])("normalises %s to %s", (written, path) => {
  expect(requestPath(written, both)).toEqual({ kind: "path", path });
});

test("leaves a path alone unless it is told to change it", () => {
  expect(requestPath("/a/../%41//b", {})).toEqual({ kind: "path", path: "/a/../%41//b" });
  expect(requestPath("/a/..//b", { mergeSlashes: true })).toEqual({ kind: "path", path: "/a/../b" });
  expect(requestPath("/a//../b", { normalizePath: true })).toEqual({ kind: "path", path: "/a/b" });
});

test("does with escaped slashes what the listener says", () => {
  const asked = (action: "REJECT_REQUEST" | "UNESCAPE_AND_FORWARD" | "UNESCAPE_AND_REDIRECT") =>
    requestPath("/a%2f..%5cb?%2f", { normalizePath: true, pathWithEscapedSlashesAction: action });
  expect(asked("REJECT_REQUEST").kind).toBe("refused");
  expect(asked("UNESCAPE_AND_FORWARD")).toEqual({ kind: "path", path: "/b?%2f" });
  expect(asked("UNESCAPE_AND_REDIRECT")).toEqual({ kind: "redirect", path: "/b?%2f" });
});

test("refuses what Envoy refuses", () => {
  expect(requestPath("/a#b", {}).kind).toBe("refused");
  expect(requestPath("/a%00", both).kind).toBe("refused");
  expect(requestPath("/a%00", {})).toEqual({ kind: "path", path: "/a%00" });
});
