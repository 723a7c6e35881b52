/**
 * Which nodes a question is about, for every kind of matcher.
 */
import { describe, expect, test } from "vitest";
import { selectNodes } from "../../../src/admin/match-nodes.ts";
import { NodeMatcher } from "../../../src/gen/envoy/type/matcher/v3/node.ts";
import type { NodeIdentity } from "../../../src/xds/stream-event.ts";

const node: NodeIdentity = {
  id: "edge-1",
  cluster: "edge",
  locality: { region: "", zone: "", subZone: "" },
  metadata: new Map<string, string | number | boolean>([
    ["team", "shop"],
    ["rack.row", 7],
    ["rack.spare", false],
    ["tags.0", "blue"],
    ["tags.1", "fast"],
  ]),
  userAgent: "envoy",
};

type Matcher = Parameters<typeof NodeMatcher.fromPartial>[0];
type Pattern = NonNullable<NonNullable<NonNullable<Matcher["nodeId"]>["matchPattern"]>>;
type ValuePattern = NonNullable<NonNullable<NonNullable<Matcher["nodeMetadatas"]>[number]["value"]>["matchPattern"]>;

function verdict(...matchers: readonly Matcher[]): boolean | string {
  const selected = selectNodes(matchers.map((matcher) => NodeMatcher.fromPartial(matcher)));
  return selected.ok ? selected.value(node) : selected.error;
}

const byId = (matchPattern: Pattern, ignoreCase = false): Matcher => ({ nodeId: { matchPattern, ignoreCase } });
const byValue = (path: string, matchPattern: ValuePattern): Matcher => ({
  nodeMetadatas: [
    { path: path.split(".").map((value) => ({ segment: { $case: "key", value } })), value: { matchPattern } },
  ],
});
const text = (value: string): ValuePattern => ({
  $case: "stringMatch",
  value: { matchPattern: { $case: "exact", value } },
});

describe("a node", () => {
  test.each<[string, boolean, readonly Matcher[]]>([
    ["is selected when nothing is asked", true, []],
    ["is selected by its exact id", true, [byId({ $case: "exact", value: "edge-1" })]],
    ["is not selected by another id", false, [byId({ $case: "exact", value: "edge-2" })]],
    ["is selected by a prefix", true, [byId({ $case: "prefix", value: "edge" })]],
    ["is selected by a suffix", true, [byId({ $case: "suffix", value: "-1" })]],
    ["is selected by a part", true, [byId({ $case: "contains", value: "ge-" })]],
    ["is selected by a regular expression", true, [byId({ $case: "safeRegex", value: { regex: "edge-[0-9]" } })]],
    ["is not selected by one for a part of it", false, [byId({ $case: "safeRegex", value: { regex: "edge" } })]],
    ["is not selected in another case", false, [byId({ $case: "exact", value: "EDGE-1" })]],
    ["is selected in any case when it is ignored", true, [byId({ $case: "exact", value: "EDGE-1" }, true)]],
    [
      "is selected when one of two matchers matches",
      true,
      [byId({ $case: "exact", value: "x" }), byValue("team", text("shop"))],
    ],
    [
      "is not selected when only a part matches",
      false,
      [{ ...byId({ $case: "exact", value: "x" }), ...byValue("team", text("shop")) }],
    ],
    ["is not selected by other text in its metadata", false, [byValue("team", text("cart"))]],
    ["is not selected by metadata that it has not", false, [byValue("none", text("shop"))]],
    [
      "is selected by an exact number",
      true,
      [byValue("rack.row", { $case: "doubleMatch", value: { matchPattern: { $case: "exact", value: 7 } } })],
    ],
    [
      "is selected by a range",
      true,
      [
        byValue("rack.row", {
          $case: "doubleMatch",
          value: { matchPattern: { $case: "range", value: { start: 7, end: 8 } } },
        }),
      ],
    ],
    [
      "is not selected by the end of a range",
      false,
      [
        byValue("rack.row", {
          $case: "doubleMatch",
          value: { matchPattern: { $case: "range", value: { start: 1, end: 7 } } },
        }),
      ],
    ],
    ["is selected by a truth value", true, [byValue("rack.spare", { $case: "boolMatch", value: false })]],
    ["is selected by a value that is there", true, [byValue("team", { $case: "presentMatch", value: true })]],
    [
      "is not selected by what is no value but a map of them",
      false,
      [byValue("rack", { $case: "presentMatch", value: true })],
    ],
    [
      "is selected by an item of a list",
      true,
      [
        byValue("tags", {
          $case: "listMatch",
          value: { matchPattern: { $case: "oneOf", value: { matchPattern: text("fast") } } },
        }),
      ],
    ],
    [
      "is selected by one of several values",
      true,
      [
        byValue("team", {
          $case: "orMatch",
          value: { valueMatchers: [{ matchPattern: text("cart") }, { matchPattern: text("shop") }] },
        }),
      ],
    ],
  ])("%s", (_title, expected, matchers) => {
    expect(verdict(...matchers)).toBe(expected);
  });
});

describe("what cannot be matched is refused", () => {
  test.each<[string, Matcher, string]>([
    ["an empty matcher of the id", { nodeId: {} }, "a string matcher is empty"],
    ["what is no regular expression", byId({ $case: "safeRegex", value: { regex: "(" } }), "not an RE2 expression"],
    ["a pattern without end", byId({ $case: "prefix", value: "x".repeat(2_000) }), "too long"],
    ["an extension", byId({ $case: "custom", value: { name: "x" } }), "extensions are not supported"],
    ["metadata without a path", { nodeMetadatas: [{ value: { matchPattern: text("x") } }] }, "needs a path"],
    [
      "metadata without a value",
      { nodeMetadatas: [{ path: [{ segment: { $case: "key", value: "a" } }] }] },
      "needs a value",
    ],
    ["null", byValue("team", { $case: "nullMatch", value: {} }), "no nulls are kept"],
  ])("%s", (_title, matcher, words) => {
    expect(verdict(matcher)).toContain(words);
  });

  test("more matchers than anybody writes", () => {
    expect(verdict(...Array.from({ length: 101 }, () => byId({ $case: "exact", value: "x" })))).toContain(
      "at most 100",
    );
  });
});
