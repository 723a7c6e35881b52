/**
 * The fast reader against the careful one: what the fast one takes, the careful one takes as well, with the
 * same values at the same places. Files are the examples and docs of the project, generated ones, and both
 * with damage done to them.
 */
import { readFileSync, readdirSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { modelFile } from "../../../bench/model-config.ts";
import { parseCarefully } from "../../../src/model/parse-document.ts";
import type { YamlDocument } from "../../../src/model/parse-document.ts";
import type { SourceNode, SourceText } from "../../../src/model/position.ts";
import { sourceText } from "../../../src/model/position.ts";
import { readPlainYaml } from "../../../src/model/read-plain-yaml.ts";

const root = new URL("../../../", import.meta.url);
const examples = textsBelow("examples/");
const rendered = textsBelow("snapshots/");
const docs = readdirSync(new URL("docs/", root))
  .filter((file) => file.endsWith(".md"))
  .flatMap((file) => [...readFileSync(new URL(`docs/${file}`, root), "utf8").matchAll(/```(?:ya?ml|json)\n(.*?)```/gs)])
  .map((match) => match[1] ?? "");
const benchmark = [0, 3, 5].map((file) => modelFile({ count: 100, perFile: 5 }, file, { service: 0, route: 0 }));
/** What a damage test needs to find: comments in odd places, blocks of one line, lists at the column of their key. */
const odd = [
  "a:\n- b: 1 # c\n\n# d\n- c\n",
  "a:\n  - b: 1\n  # below\n  - - c\n    # deeper\nd: 2\n",
  "---\na: 1\n---\nb: 2\n",
  '{\n  "a": 1.5,\n  "b": [\n    2, # two\n    -3\n  ]\n}\n',
  "- - a\n  - b: 1\n    c: [x, { y: z, }]\n",
];
const wholeFiles = [...examples, ...rendered, ...docs, ...benchmark, ...odd];

describe("the fast reader", () => {
  it("reads every file of the project as the careful one does, and most files at all", () => {
    for (const text of wholeFiles) expectSameReading(text);
    const taken = wholeFiles.filter((text) => readPlainYaml(sourceText("x.yaml", text)) !== undefined);
    expect(taken.length / wholeFiles.length).toBeGreaterThan(0.9);
  });

  it("takes what a benchmark or a program would write", () => {
    for (const text of [...benchmark, JSON.stringify({ services: { a: { endpoints: ["1.2.3.4:5"] } } })]) {
      expect(readPlainYaml(sourceText("x.yaml", text))).toBeDefined();
    }
  });

  it.each([
    "a: &x 1\nb: *x\n",
    "a: !!str 1\n",
    "%YAML 1.1\n---\na: 1\n",
    "a: 1\na: 2\n",
    "<<: { a: 1 }\n",
    "__proto__: { a: 1 }\n",
    "a: yes\n",
    "on: 1\nno: 2\n",
    "a: 0777\n",
    "a: 1_000\n",
    "a: 12:30\n",
    "a: 9007199254740993\n",
    "a: 0x10\n",
    "a: -0\n",
    "a: .inf\n",
    "a: Null\n",
    "a:\n",
    "a: |\n  b\n",
    "a: b\n  c\n",
    'a: "\\u0041"\n',
    "a: 'it''s'\n",
    "a:\tb\n",
    "a: 1\r\n",
    "? a\n: 1\n",
    "[a: 1]",
    "{a, b}",
    "a: {\n}\n",
    " ---\na: 1\n---\nb: 2\n",
    "a: 1\n...\n",
    "a",
    "",
    "# nothing\n",
    "a: b: c\n",
    "a: [\n",
    `${"[".repeat(40)}${"]".repeat(40)}`,
    `${"x".repeat(300)}: 1\n`,
  ])("leaves %j to the careful one", (text) => {
    expect(readPlainYaml(sourceText("x.yaml", text))).toBeUndefined();
  });

  it("agrees on generated files", () => {
    fc.assert(
      fc.property(yamlText, (text) => expectSameReading(text)),
      { numRuns: 2_000 },
    );
  });

  it("agrees on damaged files", () => {
    const small = fc.constantFrom(...wholeFiles.filter((text) => text.length < 1_500));
    fc.assert(
      fc.property(fc.oneof(small, yamlText), fc.array(damage, { minLength: 1, maxLength: 4 }), (text, damages) =>
        expectSameReading(damages.reduce((damaged, inflict) => inflict(damaged), text)),
      ),
      { numRuns: 3_000 },
    );
  });
});

function expectSameReading(text: string): void {
  const source = sourceText("x.yaml", text);
  const fast = readPlainYaml(source);
  if (fast === undefined) return;
  const careful = parseCarefully(source);
  const message = JSON.stringify(text);
  expect(careful.diagnostics, message).toEqual([]);
  expect(careful.complete, message).toBe(true);
  expect(fast.map(observable), message).toStrictEqual(careful.documents.map(observable));
}

function observable(document: YamlDocument): unknown {
  return { value: document.value, places: places(document.root, document.text) };
}

/** Where a value of several lines ends nobody asks: it is shown at its key or first word. */
function places(node: SourceNode, source: SourceText): unknown {
  const manyLines = source.text.slice(node.start, Math.max(node.start, node.end - 1)).includes("\n");
  const fields = (node.fields ?? []).map((field) => ({
    key: field.name,
    start: field.keyStart,
    end: field.keyEnd,
    value: places(field.value, source),
  }));
  return {
    start: node.start,
    end: manyLines ? "below" : node.end,
    fields,
    items: node.items?.map((item) => places(item, source)),
  };
}

/** Words that are easy to misread among those that are not. */
const word = fc.constantFrom(
  ..."a shop v1 10.0.0.1:80 /cart 5s 3 0 -7 1.5 007 1e3 .5 true null ~ yes off on a-b x:y =z 0o7 12:30 +1 -".split(" "),
);
const scalar = fc.oneof(
  { weight: 4, arbitrary: word },
  { weight: 2, arbitrary: word.map((text) => `"${text}"`) },
  { weight: 1, arbitrary: word.map((text) => `'${text}'`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('"a: b"', "'# c'", '"[x]"', "two words", '""', "{}", "[]", "*.a", "a#b", "ü"),
  },
);
const key = fc.constantFrom("a", "b", "c", "on", "no", "5", "true", '"q"', "'s t'", "x-y", "5xx", "~");
const gap = fc.constantFrom("", "", "", "", " # c", "\n", "\n# left\n", "\n      # right");

/** Lines of a value; a block is indented by whoever puts it somewhere. */
const { block } = fc.letrec<{ flow: string; block: readonly string[] }>((tie) => ({
  flow: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    fc.array(tie("flow"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
    fc
      .array(fc.tuple(key, tie("flow")), { maxLength: 3 })
      .map((pairs) => `{ ${pairs.map((pair) => pair.join(": ")).join(", ")} }`),
  ),
  block: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc
      .array(fc.tuple(key, tie("flow"), gap), { minLength: 1, maxLength: 3 })
      .map((pairs) => pairs.flatMap(([name, value, after]) => `${name}: ${value}${after}`.split("\n"))),
    fc
      .array(fc.tuple(tie("flow"), gap), { minLength: 1, maxLength: 3 })
      .map((items) => items.flatMap(([value, after]) => `- ${value}${after}`.split("\n"))),
    fc
      .array(fc.tuple(key, tie("block"), fc.nat({ max: 3 })), { minLength: 1, maxLength: 3 })
      .map((pairs) => pairs.flatMap(([name, lines, depth]) => [`${name}:`, ...indent(lines, " ".repeat(depth))])),
    fc
      .array(tie("block"), { minLength: 1, maxLength: 3 })
      .map((items) => items.flatMap(([first = "", ...rest]) => [`- ${first}`, ...indent(rest, "  ")])),
  ),
}));
const yamlText = fc
  .tuple(fc.constantFrom("", "---\n", "# top\n"), block)
  .map(([top, lines]) => `${top}${lines.join("\n")}\n`);

function indent(lines: readonly string[], by: string): readonly string[] {
  return lines.map((line) => (line === "" ? "" : `${by}${line}`));
}

/** Something that an unlucky hand does to a text. */
const damage: fc.Arbitrary<(text: string) => string> = fc
  .tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.constantFrom(
      ..."\n|\n  | |  |: |:|- |-|#| #|# x|\n# c\n|{|}|[|]|,|\"|'|0|e5|null|a: |---\n|\n---\n|...\n|? |>|&a |*a|!t |%|@|\\|~|1:2|\t|\r\n|é".split(
        "|",
      ),
    ),
    fc.constantFrom("insert", "remove", "repeat line", "remove line", "indent line", "outdent line"),
  )
  .map(([where, bit, how]) => (text) => {
    const at = Math.floor(where * text.length);
    if (how === "insert") return text.slice(0, at) + bit + text.slice(at);
    if (how === "remove") return text.slice(0, at) + text.slice(at + bit.length);
    const lines = text.split("\n");
    const index = Math.floor(where * lines.length);
    const line = lines[index] ?? "";
    const instead = {
      "repeat line": [line, line],
      "remove line": [],
      "indent line": [` ${line}`],
      "outdent line": [line.slice(1)],
    };
    return lines.toSpliced(index, 1, ...instead[how]).join("\n");
  });

function textsBelow(folder: string): readonly string[] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.(?:ya?ml|json)$/.test(path))
    .map((path) => readFileSync(new URL(folder + path, root), "utf8"));
}
