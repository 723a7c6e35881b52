/**
 * The house rules that no other tool checks: sizes, names, opening comments, leftovers, and that ARCHITECTURE.md knows every stage.
 *
 * The length of functions and the count of parameters are lint rules (.oxlintrc.json).
 */
import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

interface SourceFile {
  readonly path: string;
  readonly text: string;
}

function read(...patterns: readonly string[]): readonly SourceFile[] {
  return patterns
    .flatMap((pattern) => globSync(pattern, { cwd: root }))
    .filter((path) => !path.startsWith("src/gen/"))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }));
}

const src = read("src/**/*.ts");
const tests = read("test/**/*.ts");
const tools = read("scripts/**/*.{mjs,ts}", "demo/**/*.ts", "bench/**/*.ts");
const all = [...src, ...tests, ...tools];

const linesOf = ({ text }: SourceFile) => text.split("\n").length - 1;

/** `path:line: the line` of every line that a pattern finds, but in this file, which has the patterns. */
function find(files: readonly SourceFile[], pattern: RegExp): readonly string[] {
  const others = files.filter(({ path }) => path !== "test/tidy.test.ts");
  return others.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

/** Words that say nothing of what a thing is. Envoy's HTTP connection manager is called that. */
const banned = /(^|[-.])(managers?|helpers?|utils?|commons?|process(or|ing)?|handlers?|handle|datas?|infos?)([-.]|$)/;

describe("the house rules", () => {
  test("a file of code has at most 400 lines, one of tests 600", () => {
    const long = [...src, ...tools].filter((file) => linesOf(file) > 400);
    const longTests = tests.filter((file) => linesOf(file) > 600);
    expect([...long, ...longTests].map((file) => `${file.path}: ${linesOf(file)} lines`)).toEqual([]);
  });

  test("every file opens with a comment for a stranger", () => {
    const bare = all.filter(({ text }) => !/^(#!.*\n)?\/\*\*\n? ?\*? ?\S/.test(text));
    expect(bare.map(({ path }) => path)).toEqual([]);
  });

  test("files are named in kebab-case, and for what they are", () => {
    const names = all.map(({ path }) => basename(path));
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/.test(name))).toEqual([]);
    expect(names.filter((name) => banned.test(name.replace("http-connection-manager", "")))).toEqual([]);
  });

  test("nothing is left to do", () => {
    expect(find(all, /\b(TODO|FIXME|XXX|HACK)\b/)).toEqual([]);
  });

  test("no test is skipped, singled out, expected to fail or tried again", () => {
    const pattern = /\b(describe|it|test|suite)\.(only|skip\w*|runIf|todo|fails)\b|\bretry\s*:\s*\d/;
    expect(find(tests, pattern)).toEqual([]);
  });

  test("no test mocks a module, because fakes stand at the ports", () => {
    expect(find(tests, /\bvi\.(mock|doMock|fn|spyOn)\(/)).toEqual([]);
  });

  test("there are no default exports", () => {
    expect(find(src, /^export default\b/)).toEqual([]);
  });

  test("ARCHITECTURE.md names every stage", () => {
    const page = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
    const stages = new Set(src.map(({ path }) => path.split("/")[1] ?? ""));
    expect([...stages].filter((stage) => !page.includes(`${stage}/`))).toEqual([]);
  });
});
