/**
 * The pages about the input say what the code does.
 */
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { diagnosticCodes } from "../../../src/model/diagnostic.ts";
import { drawDiagnostics } from "../../../src/model/draw-diagnostic.ts";
import { jsonSchema } from "../../../src/model/json-schema.ts";
import { parseText } from "./parse-text.ts";

function page(name: string): string {
  return readFileSync(new URL(`../../../docs/${name}`, import.meta.url), "utf8");
}

function blocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, kind, block]) =>
    kind === language ? [block ?? ""] : [],
  );
}

describe("docs/diagnostics.md", () => {
  const rows = [...page("diagnostics.md").matchAll(/^\| `([a-z-]+)` \| (.+?) \| (.+?) \| (.+?) \|$/gm)];

  it("has one row for each code, in the order and with the words of the table", () => {
    expect(rows.map(([, code, meaning]) => [code, meaning])).toEqual(Object.entries(diagnosticCodes));
  });

  it("shows a diagnostic as it is drawn", () => {
    const { diagnostics } = parseText("services:\n  shop:\n    endpoint: []\n    endpoints: []\n");
    expect(`${drawDiagnostics(diagnostics).split("\n\n")[0]}\n`).toBe(blocks(page("diagnostics.md"), "text")[0]);
  });
});

describe("docs/configuration.md", () => {
  const samples = blocks(page("configuration.md"), "yaml");

  it("has samples that are right together", () => {
    const files = Object.fromEntries(samples.map((sample, index) => [`sample-${index}.yaml`, sample]));
    const { diagnostics, intent } = parseText(files);
    // A sample about circuit breakers needs no route, and all secrets here hold the certificates of the tests.
    const expected = new Set(["unused-definition", "certificate-hostnames"]);
    expect(
      drawDiagnostics(
        diagnostics.filter(({ code }) => !expected.has(code)),
        files,
      ),
    ).toBe("");
    expect(intent?.routes).toHaveLength(10);
  });

  it("has samples that the JSON Schema accepts", () => {
    const validate = new Ajv2020({ strict: false }).compile(jsonSchema());
    for (const sample of samples) expect(validate(parse(sample)), JSON.stringify(validate.errors)).toBe(true);
  });
});
