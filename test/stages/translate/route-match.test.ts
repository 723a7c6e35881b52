/**
 * Matches in Envoy's words.
 */
import { describe, expect, it } from "vitest";
import type { RuleMatch } from "../../../src/model/intent-route.ts";
import { translateRouteMatch } from "../../../src/translate/route-match.ts";
import { match } from "../../support/build-intent.ts";

const everything: RuleMatch["path"] = { kind: "prefix", path: "/" };

describe("translateRouteMatch", () => {
  it.each<[string, RuleMatch, object]>([
    ["every path", match(everything), { prefix: "/" }],
    ["whole path elements", match({ kind: "prefix", path: "/a/b" }), { pathSeparatedPrefix: "/a/b" }],
    [
      "a prefix with a slash at its end like one without",
      match({ kind: "prefix", path: "/a/" }),
      { pathSeparatedPrefix: "/a" },
    ],
    ["one path", match({ kind: "exact", path: "/a/" }), { path: "/a/" }],
    ["a regular expression", match({ kind: "regex", pattern: "/v[0-9]+" }), { safeRegex: { regex: "/v[0-9]+" } }],
    [
      "a method",
      match(everything, { method: "GET" }),
      { prefix: "/", headers: [{ name: ":method", stringMatch: { exact: "GET" } }] },
    ],
    [
      "headers",
      match(everything, {
        headers: [
          { name: "a", value: { kind: "exact", text: "1" } },
          { name: "b", value: { kind: "prefix", text: "2" } },
          { name: "c", value: { kind: "regex", pattern: "3" } },
          { name: "d", value: { kind: "present" } },
          { name: "e", value: { kind: "absent" } },
          { name: "f", value: { kind: "suffix", text: "4" } },
          { name: "g", value: { kind: "contains", text: "5" } },
        ],
      }),
      {
        prefix: "/",
        headers: [
          { name: "a", stringMatch: { exact: "1" } },
          { name: "b", stringMatch: { prefix: "2" } },
          { name: "c", stringMatch: { safeRegex: { regex: "3" } } },
          { name: "d", presentMatch: true },
          { name: "e", presentMatch: false },
          { name: "f", stringMatch: { suffix: "4" } },
          { name: "g", stringMatch: { contains: "5" } },
        ],
      },
    ],
    [
      "query parameters",
      match(everything, {
        queryParams: [
          { name: "a", value: { kind: "exact", text: "1" } },
          { name: "b", value: { kind: "present" } },
        ],
      }),
      {
        prefix: "/",
        queryParameters: [
          { name: "a", stringMatch: { exact: "1" } },
          { name: "b", presentMatch: true },
        ],
      },
    ],
    ["gRPC alone", match({ kind: "exact", path: "/a.B/C" }, { grpc: {} }), { path: "/a.B/C", grpc: {} }],
  ])("matches %s", (_, written, expected) => {
    expect(translateRouteMatch(written)).toEqual(expected);
  });
});
