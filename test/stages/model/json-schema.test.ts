/**
 * The JSON Schema that editors use.
 */
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { jsonSchema } from "../../../src/model/json-schema.ts";
import { outlierDetectionSchema } from "../../../src/model/schema-outlier-detection.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { exampleFiles } from "../../support/examples.ts";
import { sample } from "./sample.ts";

const schema = jsonSchema();
const validate = new Ajv2020({ strict: false }).compile(schema);

describe("the JSON Schema", () => {
  it("is a titled 2020-12 schema without undefined parts", () => {
    expect(schema).toMatchObject({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: "Fairway configuration",
    });
    expect(schema).toEqual(JSON.parse(JSON.stringify(schema)));
  });

  it("accepts what the parser accepts", () => {
    expect(validate(parse(sample)), JSON.stringify(validate.errors)).toBe(true);
  });

  it.each(exampleFiles())("accepts examples/%s", (_name, path) => {
    for (const document of parseAllDocuments(readFileSync(path, "utf8"))) {
      expect(validate(document.toJS()), JSON.stringify(validate.errors)).toBe(true);
    }
  });

  it.each([
    ["an unknown key", { service: {} }],
    ["an unknown key in a policy", { services: { a: { endpoints: [], circuitBreaker: { maxRequest: 1 } } } }],
    ["a name with a bar", { services: { "a|b": { endpoints: [] } } }],
    ["a duration without unit", { services: { a: { endpoints: [], connectTimeout: "5" } } }],
    ["a rule with backends and a split", { routes: { r: { rules: [{ split: "s", backends: [{ service: "a" }] }] } } }],
    [
      "a path of two kinds",
      { routes: { r: { rules: [{ split: "s", matches: [{ path: { exact: "/", prefix: "/" } }] }] } } },
    ],
  ])("refuses %s", (_, document) => {
    expect(validate(document)).toBe(false);
  });

  it("has examples that are right", () => {
    let count = 0;
    const seen = new Set<string>();
    visit(schema, (part) => {
      const text = JSON.stringify(part);
      // Policy blocks stand in the schema of services and of subsets, in two spellings.
      if (!Array.isArray(part["examples"]) || seen.has(text)) return;
      seen.add(text);
      const check = new Ajv2020({ strict: false }).compile(part);
      for (const example of part["examples"]) {
        count++;
        expect(check(example), JSON.stringify([example, check.errors])).toBe(true);
      }
    });
    expect(count).toBeGreaterThan(20);
  });

  it("describes every key", () => {
    const bare: string[] = [];
    visit(schema, ({ properties }) => {
      for (const [key, part] of Object.entries((properties ?? {}) as Record<string, { description?: string }>)) {
        if (part.description === undefined) bare.push(`${key}: ${JSON.stringify(part).slice(0, 80)}`);
      }
    });
    expect(bare).toEqual([]);
  });
});

describe("outlier detection", () => {
  it("has every field of Envoy's message in both spellings, except the extensions", () => {
    const fields = envoyApi.descriptor("envoy.config.cluster.v3.OutlierDetection")?.fields ?? [];
    const expected = fields
      .filter((field) => field.name !== "monitors")
      .flatMap((field) => [field.name, field.jsonName]);
    expect(Object.keys(outlierDetectionSchema.shape).toSorted()).toEqual([...new Set(expected)].toSorted());
  });
});

function visit(value: unknown, found: (part: Record<string, unknown>) => void): void {
  if (value === null || typeof value !== "object") return;
  if (!Array.isArray(value)) found(value as Record<string, unknown>);
  for (const part of Object.values(value)) visit(part, found);
}
