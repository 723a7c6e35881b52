/**
 * Every key and every value of every example, spoilt one at a time: each is refused, at its own line.
 *
 * The examples use the whole vocabulary, so a key that were read without being checked would show here. The
 * mutations are made in the text, by the positions of an independent parse, so that the line that is expected
 * does not come from the code that is tested.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from "yaml";
import type { Pair, ParsedNode } from "yaml";
import type { Document } from "../../../src/config/source.ts";
import { isConfidential } from "../../../src/model/conceal.ts";
import type { ParseCache } from "../../../src/model/parse-intent.ts";
import { createParseCache, parseIntent } from "../../../src/model/parse-intent.ts";
import { buildSnapshots } from "../../../src/snapshot/build-snapshots.ts";
import { createResourceEncoder } from "../../../src/snapshot/encode-resource.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { exampleFiles } from "../../support/examples.ts";
import { documentOf } from "./parse-text.ts";

const encoder = createResourceEncoder(envoyApi);

/** One spoilt text and where the spoilt part starts. */
interface Mutation {
  readonly title: string;
  readonly text: string;
  readonly line: number;
}

/** Maps whose keys people choose: there a misspelt key is another name and may be right. */
const freeMaps = [
  /^(?:nodes|gateways|services|routes|tcpRoutes|tlsRoutes|udpRoutes|splits|policies|secrets)$/,
  /(?:^|\.)(?:labels|metadata|headers|queryParams|retriableHeaders|localityWeights|subsets|set|add|default|claimsToHeaders|providers|methods|runtime|customTags)$/,
  /^splits\.[^.]+\.backends$/,
  /(?:^|\.)(?:filter_metadata|typed_extension_protocol_options|fields|typed_per_filter_config|layer)(?:\.|$)/,
];

/** Values that say nothing a check could hold against another: any text is right there. */
const anyValue = /\.(?:layer|value|fields|filter_metadata|typedConfig|wasm\.config)(?:\.|$)/;

describe("one mistake in an example is refused at its line", () => {
  const examples = Map.groupBy(exampleFiles(), ([name]) => name.slice(0, name.indexOf("/")));
  it.each([...examples].map(([example, files]) => ({ example, files })))("examples/$example", ({ files }) => {
    const documents = files.map(([name, path]) => documentOf(name, readFileSync(path)));
    const cache = createParseCache();
    expect(errorsOf(documents, cache)).toEqual([]);
    const misses: string[] = [];
    let tried = 0;
    for (const document of documents) {
      for (const mutation of mutationsOf(new TextDecoder().decode(document.bytes))) {
        tried += 1;
        const spoilt = documents.map((other) =>
          other === document ? documentOf(document.path, mutation.text) : other,
        );
        const errors = errorsOf(spoilt, cache);
        const place = `${document.path}:${mutation.line}`;
        if (errors.includes(place) && !errors.includes(`${place} without a hint`)) continue;
        misses.push(`${document.path}:${mutation.line} ${mutation.title} → ${errors.join(", ") || "accepted"}`);
      }
    }
    expect(misses).toEqual([]);
    expect(tried).toBeGreaterThan(15);
  });
});

/** `file:line` of each error that is found until snapshots are built, and which of them show no way out. */
function errorsOf(documents: readonly Document[], cache: ParseCache): readonly string[] {
  const { intent, diagnostics } = parseIntent({ documents, problems: [], api: envoyApi, cache });
  const built = intent && buildSnapshots({ intent, encoder, cause: { text: "test", atMs: 0 } });
  const found = built?.ok === false ? [...diagnostics, ...built.error] : diagnostics;
  const isSecret = documents.some(({ bytes }) => isConfidential(new TextDecoder().decode(bytes)));
  return found.flatMap(({ severity, at, hint }) => {
    if (severity !== "error") return [];
    const place = `${at.file}:${at.line}`;
    return hint === undefined && !isSecret ? [place, `${place} without a hint`] : [place];
  });
}

function mutationsOf(text: string): readonly Mutation[] {
  const found: Mutation[] = [];
  const lineAt = (offset: number) => text.slice(0, offset).split("\n").length;
  const replace = (title: string, node: ParsedNode, by: string): void => {
    const [start, end] = node.range;
    found.push({ title, text: text.slice(0, start) + by + text.slice(end), line: lineAt(start) });
  };
  const visit = (node: ParsedNode | null, path: string): void => {
    if (isMap(node)) for (const pair of node.items) visitPair(pair, path);
    if (isSeq(node)) for (const item of node.items) visit(item, `${path}[]`);
  };
  const visitPair = ({ key, value }: Pair<ParsedNode, ParsedNode | null>, parent: string): void => {
    const name = isScalar(key) ? String(key.value) : "";
    const path = parent === "" ? name : `${parent}.${name}`;
    if (!freeMaps.some((free) => free.test(parent.replaceAll("[]", ""))))
      replace(`key ${path} misspelt`, key, `${name}zz`);
    if (value === null || isAlias(value)) return;
    if (!anyValue.test(path) && isScalar(value)) {
      // In proto3 JSON null is absent, in a merge patch it removes.
      const values = /^(?:resources|patches)\[\]\./.test(path)
        ? ["[[1]]", "{ zz: 1 }"]
        : ["null", "[[1]]", "{ zz: 1 }"];
      for (const by of values) replace(`${path}: ${by}`, value, by);
    }
    visit(value, path);
  };
  for (const document of parseAllDocuments(text)) visit(document.contents, "");
  return found;
}
