/**
 * The interpreter against what Go's code of protoc-gen-validate said about thousands of stored messages.
 *
 * The messages are a part of what `npm run fuzz:constraints` compares, kept for machines without Go.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { present } from "../../../src/support/assert.ts";
import type { CorpusRow } from "../../fuzz/constraint-corpus.ts";
import { corpusFile, pathsOf } from "../../fuzz/constraint-corpus.ts";
import { envoyApi } from "../../support/envoy-api.ts";

const lines = gunzipSync(readFileSync(corpusFile)).toString().trimEnd().split("\n");
const corpus = lines.map((line) => JSON.parse(line) as CorpusRow);

test("every stored message is refused for the fields that Go refuses, and for no other", () => {
  const differences = corpus.flatMap(([typeName, bytes, expected]) => {
    const type = present(envoyApi.registry.getMessage(typeName), "the corpus is of this API");
    const found = pathsOf(type, Buffer.from(bytes, "base64"));
    return found.join("\n") === expected.join("\n") ? [] : [{ typeName, bytes, found, expected }];
  });
  expect(differences).toEqual([]);
});

test("the stored messages are of all types with rules, and as many are wrong as right", () => {
  expect(new Set(corpus.map(([typeName]) => typeName)).size).toBeGreaterThan(1_000);
  expect(corpus.length).toBeGreaterThan(2_500);
  expect(corpus.filter(([, , paths]) => paths.length === 0).length).toBeGreaterThan(900);
  expect(corpus.reduce((sum, [, , paths]) => sum + paths.length, 0)).toBeGreaterThan(3_000);
  expect(
    new Set(corpus.flatMap(([typeName, , paths]) => paths.map((path) => `${typeName} ${path}`))).size,
  ).toBeGreaterThan(2_000);
});
