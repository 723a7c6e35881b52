/**
 * The YAML printer against both versions of YAML.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { printYaml } from "../../../src/cli/print-yaml.ts";

describe("printYaml", () => {
  it.each([
    "n",
    "Y",
    "yes",
    "NO",
    "on",
    "Off",
    "true",
    "null",
    "~",
    "007",
    "0x1f",
    "0o17",
    "1_000",
    "1:30",
    "1e3",
    ".inf",
    "-",
    "<<",
    "=",
    "",
    " a",
    "a: b",
    "a #b",
    "2001-01-01",
    "10.",
  ])("quotes %j, which some reader takes for something else", (text) => {
    expect(printYaml({ id: text })).toBe(`id: ${JSON.stringify(text)}\n`);
  });

  it.each(["edge-1", "type.googleapis.com/a.B", "DELTA_GRPC", "127.0.0.1", "0.25s", "30s", "nope"])(
    "leaves %j bare",
    (text) => {
      expect(printYaml({ id: text })).toBe(`id: ${text}\n`);
    },
  );

  it("escapes characters that YAML takes for line breaks or drops", () => {
    expect(printYaml("a\u0085b\u2028c\ufeff\nd")).toBe('"a\\u0085b\\u2028c\\ufeff\\nd"\n');
  });

  it("means the same in YAML 1.1 and in YAML 1.2, whatever the value", () => {
    const value = fc.json({ stringUnit: "binary" });
    fc.assert(
      fc.property(value, (json) => {
        const text = printYaml(JSON.parse(json));
        const plain = JSON.stringify(JSON.parse(json));
        for (const version of ["1.1", "1.2"] as const) expect(JSON.stringify(parse(text, { version }))).toBe(plain);
      }),
    );
  });
});
