/**
 * Comments that silence warnings, and warnings that were told before.
 */
import { describe, expect, it } from "vitest";
import { newWarnings } from "../../../src/model/new-warnings.ts";
import { parseText, summarize } from "./parse-text.ts";

const unused = "  s: { endpoints: [] }";

describe("a comment `fairway: ignore`", () => {
  it.each([
    ["in the line above", `services:\n  # fairway: ignore unused-definition\n${unused}\n`],
    ["in the line itself", `services:\n${unused} # fairway: ignore unused-definition\n`],
    ["among others", `services:\n  # fairway: ignore shadowed-rule, unused-definition -- for later\n${unused}\n`],
  ])("silences a warning %s", (_, text) => {
    expect(parseText(text).diagnostics).toEqual([]);
  });

  it.each([
    ["of another code", `services:\n  # fairway: ignore empty-subset\n${unused}\n`],
    ["further above", `services:\n  # fairway: ignore unused-definition\n\n${unused}\n`],
    ["behind something else in the line above", `services: # fairway: ignore unused-definition\n${unused}\n`],
  ])("does not silence it %s", (_, text) => {
    expect(parseText(text).diagnostics).toMatchObject([{ code: "unused-definition", source: { line: unused } }]);
  });

  it("silences no error", () => {
    const text = "services:\n  # fairway: ignore missing-key\n  s: {}\n";
    expect(summarize(parseText(text).diagnostics)).toEqual(["missing-key 3:3"]);
  });
});

describe("newWarnings", () => {
  const { diagnostics } = parseText(`services:\n${unused}\n`);

  it("leaves out what was told, even when its line has moved", () => {
    const moved = parseText(`# moved\nservices:\n${unused}\n`).diagnostics;
    expect(newWarnings(diagnostics, moved)).toEqual([]);
  });

  it("keeps what is new or says something else", () => {
    const two = parseText(`services:\n${unused}\n  t: { endpoints: [] }\n`).diagnostics;
    expect(summarize(newWarnings(diagnostics, two))).toEqual(["unused-definition 3:3"]);
    expect(newWarnings([], diagnostics)).toEqual(diagnostics);
  });
});
