/**
 * YAML that every reader reads alike.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { JsonValue } from "../../../src/model/intent.ts";
import { yamlText } from "../../../src/snapshot/yaml-text.ts";

describe("yamlText", () => {
  it("writes blocks as Envoy's documentation does", () => {
    const json = { a: { b: 1, c: [] }, list: [{ "@type": "x.y/Z", n: {} }, [1, "two"], "three"], on: true };
    expect(yamlText(json)).toBe(
      [
        "a:",
        "  b: 1",
        "  c: []",
        "list:",
        '- "@type": x.y/Z',
        '  "n": {}',
        "- - 1",
        "  - two",
        "- three",
        '"on": true',
        "",
      ].join("\n"),
    );
  });

  it.each([
    "n",
    "Yes",
    "off",
    "NULL",
    "1:30",
    "017",
    "0x1f",
    "1e3",
    "1_000",
    "2001-01-01",
    "~",
    "",
    " a",
    "a: b",
    "a #b",
    "-",
    "=",
    "<<",
    "*",
    ".inf",
    "a,b",
    "é",
  ])("quotes %j", (text) => {
    expect(yamlText([text])).toBe(`- ${JSON.stringify(text)}\n`);
  });

  it.each([
    "reviews|canary",
    "public/http",
    "/healthz",
    "0.25s",
    "127.0.0.1",
    "type.googleapis.com/a.B",
    "ROUND_ROBIN",
  ])("leaves %j bare", (text) => {
    expect(yamlText([text])).toBe(`- ${text}\n`);
  });

  it("reads as it was in YAML 1.1 and 1.2, whatever it was", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        const text = yamlText(value as JsonValue);
        const [old, current] = (["1.1", "1.2"] as const).map((version) => parse(text, { version }) as unknown);
        expect(JSON.stringify(old)).toBe(JSON.stringify(value));
        expect(JSON.stringify(current)).toBe(JSON.stringify(value));
      }),
    );
  });
});
