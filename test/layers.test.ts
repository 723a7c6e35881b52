/**
 * The law of imports: `src/` is one folder per stage, in the order of the data flow, and flat inside.
 *
 * A file imports its own stage as `./x.ts` or a stage to the left of it as `../stage/x.ts`, whatever the form of the
 * import: value, type, re-export or dynamic. `gen/` is generated, so how deep it is does not matter.
 */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { describe, expect, test } from "vitest";

const stages = [
  "gen",
  "support",
  "etcd",
  "store",
  "config",
  "model",
  "translate",
  "snapshot",
  "explain",
  "grpc",
  "xds",
  "fleet",
  "evidence",
  "rollout",
  "telemetry",
  "admin",
  "cli",
];

const law = `the law: src/<stage>/<file>.ts, and a file imports its own stage (./x.ts) or one to its left (../stage/x.ts): ${stages.join(" ")}`;

const src = join(import.meta.dirname, "..", "src");

/** The specifiers that a file imports, in every form that can load a module or its types. */
function importsOf(code: string): readonly string[] {
  const forms = [
    /^\s*(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']/gm,
    /^\s*import\s*["']([^"']+)["']/gm,
    /\bimport\s*\(\s*["'`]([^"'`]+)["'`]/g,
    /\bnew URL\(\s*["'`](\.[^"'`]+)["'`]\s*,\s*import\.meta\.url/g,
  ];
  return forms.flatMap((form) => [...code.matchAll(form)].map((match) => match[1] ?? ""));
}

/** What is wrong with one import of a file in `stage`, or undefined. */
function breach(stage: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  if (/^\.\/[^/]+$/.test(specifier)) return undefined;
  const crossing = /^\.\.\/([^/]+)\/(.+)$/.exec(specifier);
  const [, target, rest] = crossing ?? [];
  if (target === undefined || rest === undefined) return "is neither ./x.ts nor ../stage/x.ts";
  if (!stages.includes(target)) return outsideSrc(specifier) ? undefined : `names no stage: ${target}`;
  if (target === stage) return "crosses into its own stage; write ./x.ts";
  if (target !== "gen" && rest.includes("/")) return "reaches below a stage";
  return stages.indexOf(target) < stages.indexOf(stage) ? undefined : `goes right, from ${stage} to ${target}`;
}

/** A file that the package ships beside `src/`, by URL: it is read, not imported. */
function outsideSrc(specifier: string): boolean {
  return specifier.startsWith("../../") && !specifier.endsWith(".ts");
}

const files = globSync("**/*.ts", { cwd: src }).filter((path) => dirname(path).split(sep)[0] !== "gen");

describe("the import law", () => {
  test("every folder of src is a stage, and flat", () => {
    const misplaced = files.filter((path) => !stages.includes(dirname(path)));
    expect(misplaced, law).toEqual([]);
  });

  test("every import goes to its own stage or to the left", () => {
    const breaches = files.flatMap((path) =>
      importsOf(readFileSync(join(src, path), "utf8")).flatMap((specifier) => {
        const problem = breach(dirname(path), specifier);
        return problem === undefined ? [] : [`src/${path} imports "${specifier}", which ${problem}`];
      }),
    );
    expect(breaches, law).toEqual([]);
  });
});

describe("the reading of imports", () => {
  test.each([
    ["a value", `import { a } from "../xds/a.ts";`],
    ["a type", `import type { A } from "../xds/a.ts";`],
    ["over several lines", `import {\n  a,\n  b,\n} from "../xds/a.ts";`],
    ["an effect", `import "../xds/a.ts";`],
    ["a re-export of all", `export * from "../xds/a.ts";`],
    ["a re-export of some", `export type { A } from "../xds/a.ts";`],
    ["a dynamic import", `const a = await import("../xds/a.ts");`],
    ["an import of a type in place", `let a: import("../xds/a.ts").A;`],
    ["a worker", `new Worker(new URL("../xds/a.ts", import.meta.url));`],
  ])("sees %s", (_form, code) => {
    expect(importsOf(code)).toEqual(["../xds/a.ts"]);
  });

  test.each([
    ["model", "../xds/stream.ts", "goes right, from model to xds"],
    ["model", "../model/intent.ts", "crosses into its own stage; write ./x.ts"],
    ["xds", "../model/deep/intent.ts", "reaches below a stage"],
    ["xds", "../helpers/x.ts", "names no stage: helpers"],
    ["xds", "../../test/x.ts", "names no stage: .."],
    ["xds", "./deep/x.ts", "is neither ./x.ts nor ../stage/x.ts"],
    ["xds", "../model/intent.ts", undefined],
    ["xds", "../gen/envoy/service/discovery/v3/ads.ts", undefined],
    ["xds", "../../proto/envoy-api-1.40.0.binpb.gz", undefined],
    ["xds", "./stream.ts", undefined],
    ["xds", "node:fs", undefined],
  ])("judges an import from %s of %s", (stage, specifier, problem) => {
    expect(breach(stage, specifier)).toBe(problem);
  });
});
