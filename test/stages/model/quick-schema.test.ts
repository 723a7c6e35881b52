/**
 * The quick check of a schema says yes where zod does, and nowhere else.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as z from "zod";
import { parseDocument } from "../../../src/model/parse-document.ts";
import { compileSchema } from "../../../src/model/quick-schema.ts";
import { documentSchema } from "../../../src/model/schema.ts";
import { instanceSchema } from "../../../src/model/schema-service.ts";
import { exampleFiles } from "../../support/examples.ts";
import type { Random } from "../../support/random.ts";
import { createRandom } from "../../support/random.ts";
import { documentOf } from "./parse-text.ts";

/** Of each example so many damaged copies. */
const COPIES = 150;

type Parent = Record<string, unknown>;

const fitsDocument = compileSchema(documentSchema);

test("it agrees with zod about all examples, and about what damage makes of them", () => {
  const random = createRandom(1);
  const values = exampleFiles().flatMap(([name, path]) =>
    parseDocument(documentOf(name, readFileSync(path))).documents.map(({ value }) => value),
  );
  let right = 0;
  let wrong = 0;
  for (const value of values) {
    expect(fitsDocument(value)).toBe(true);
    for (let copy = 0; copy < COPIES; copy += 1) {
      const damaged = damage(structuredClone(value), random);
      const { success } = documentSchema.safeParse(damaged);
      expect(fitsDocument(damaged), JSON.stringify(damaged)).toBe(success);
      if (success) right += 1;
      else wrong += 1;
    }
  }
  expect(Math.min(right, wrong)).toBeGreaterThan(300);
});

test.each([
  [{ address: "10.0.0.1:80" }],
  [{ address: "10.0.0.1:80", labels: { a: "b" }, draining: false, metadata: { any: [{ thing: null }] } }],
  [{ address: "10.0.0.1" }],
  [{ address: "10.0.0.1:80", weight: 1.5 }],
  [{ address: "10.0.0.1:80", weight: 0 }],
  [{ address: "10.0.0.1:80", priority: 129 }],
  [{ address: "10.0.0.1:80", health: "sick" }],
  [{ address: "10.0.0.1:80", labels: { "": "b" } }],
  [{ address: "10.0.0.1:80", labels: { a: 1 } }],
  [{ address: "10.0.0.1:80", labels: [] }],
  [{ address: "10.0.0.1:80", adress: "x" }],
  [{ address: undefined }],
  [{}],
  [[]],
  [null],
])("it agrees with zod about the instance %j", (value) => {
  expect(compileSchema(instanceSchema)(value)).toBe(instanceSchema.safeParse(value).success);
});

test("kinds of schemas that it does not know are asked of zod", () => {
  const tuple = compileSchema(z.strictObject({ pair: z.tuple([z.string(), z.number()]) }));
  expect(tuple({ pair: ["a", 1] })).toBe(true);
  expect(tuple({ pair: ["a", "b"] })).toBe(false);
  const listed = compileSchema(z.record(z.enum(["a", "b"]), z.string()));
  expect(listed({ a: "x", b: "y" })).toBe(true);
  expect(listed({ a: "x" })).toBe(false);
});

/** With one or two values or keys that are others. */
function damage(value: unknown, random: Random): unknown {
  const places: { readonly parent: Parent; readonly key: string }[] = [];
  const collect = (parent: Parent): void => {
    for (const [key, child] of Object.entries(parent)) {
      places.push({ parent, key });
      if (typeof child === "object" && child !== null) collect(child as Parent);
    }
  };
  collect(value as Parent);
  for (let count = 1 + random.int(2); count > 0; count -= 1) {
    const { parent, key } = random.pick(places);
    const other = random.pick(places);
    const strange = [null, "", "x", 0, 1, -1, 1.5, true, [], {}, Number.NaN, "10.0.0.1:80", "5s", ["a"], { a: "b" }];
    const changes = [
      () => (parent[key] = random.pick(strange)),
      () => (parent[key] = structuredClone(other.parent[other.key])),
      () => (parent[other.key] = structuredClone(parent[key])),
      () => delete parent[key],
    ];
    random.pick(changes)();
  }
  return value;
}
