/**
 * What the pages say exists: links, files, commands, flags, variables, npm scripts, and the tests that hold the rules of
 * the protocol.
 */
import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { parseIntent } from "../src/model/parse-intent.ts";
import { envoyApi } from "./support/envoy-api.ts";
import { fairwayMain } from "../demo/kit/program.ts";

const root = join(import.meta.dirname, "..");

interface Page {
  readonly path: string;
  readonly text: string;
  /** Everything set as code, line by line: fenced blocks, and what is in backticks. */
  readonly code: readonly string[];
}

const FENCE = /^( *)```(\w*)\n([\s\S]*?)^ *```$/gm;

const pages: readonly Page[] = globSync("**/*.md", {
  cwd: root,
  exclude: (path) => /^(?:node_modules|dist|\.cache|\.git|\.fairway)$/.test(path),
}).map((path) => {
  const text = readFileSync(join(root, path), "utf8");
  return { path, text, code: codeOf(text) };
});

const page = (path: string): Page => pages.find((each) => each.path === path) as Page;

/** Names of commands, and the flags of each; filled by asking the program itself. */
const commands = new Map<string, ReadonlySet<string>>();

/** Each command is started once; on a busy machine that is seconds for each. */
const HELP_MS_MAX = 300_000;

beforeAll(() => {
  const listed = help("--help").split("Commands:")[1] ?? "";
  for (const [, name = ""] of listed.matchAll(/^ {2}([a-z-]+)/gm)) {
    commands.set(name, name === "help" ? new Set() : flagsOf(name));
  }
}, HELP_MS_MAX);

/** Of the command and of those below it. */
function flagsOf(...command: readonly string[]): Set<string> {
  const text = help(...command, "--help");
  const below = [...(text.split("Commands:")[1] ?? "").matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = ""]) => name);
  const flags = below.filter((name) => name !== "help").flatMap((name) => [...flagsOf(...command, name)]);
  return new Set([...flagsIn(text), ...flags]);
}

describe("links", () => {
  test("lead to files and headings that exist", () => {
    const broken = pages.flatMap(({ path, text }) =>
      [...withoutFences(text).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
        .map(([, target = ""]) => target)
        .filter((target) => !leads(path, target))
        .map((target) => `${path}: ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test("leave no page of docs/ out of its index", () => {
    const index = page("docs/README.md").text;
    const names = pages
      .filter(({ path }) => path.startsWith("docs/") && path !== "docs/README.md")
      .map(({ path }) => relative("docs", path));
    expect(names.filter((name) => !index.includes(`(${name})`))).toEqual([]);
  });
});

describe("commands", () => {
  test("of npm are scripts of the package", () => {
    const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: object };
    const named = pages.flatMap(({ path, code }) =>
      code.flatMap((line) =>
        [...line.matchAll(/\bnpm (?:run (?:-\S+ )*([\w:-]+)|(test|start)\b)/g)].map(([, script, short]) => ({
          path,
          script: script ?? short ?? "",
        })),
      ),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter(({ script }) => !Object.hasOwn(scripts, script))).toEqual([]);
  });

  test("of fairway are known to it, with their flags", () => {
    const wrong = pages.flatMap(({ path, code }) =>
      code.flatMap((line) => mistakesIn(line).map((mistake) => `${path}: ${mistake}`)),
    );
    expect(wrong).toEqual([]);
  });

  test("of fairway that are begun by npm are silent, because npm's own lines would be in what they write", () => {
    const started = pages.flatMap(({ path, code }) =>
      code.filter((line) => /\bnpm start\b/.test(line)).map((line) => ({ path, line })),
    );
    expect(started.length).toBeGreaterThan(1);
    expect(started.filter(({ line }) => !/\bnpm start --silent\b/.test(line))).toEqual([]);
  });

  test("of fairway in a block that is pasted in a clone find what `fairway` is there", () => {
    const tried = blocks(page("docs/etcd.md").text, "sh").find((text) => text.includes("docker/backend.mjs")) ?? "";
    expect(tried).toMatch(/^fairway\(\) \{ npm start --silent -- "\$@"; \}\n/);
    const places = (text: string) => new Set(text.match(/\/tmp\/shop[\w-]*/g));
    const own = [...places(tried)].filter((place) => places(page("README.md").text).has(place));
    expect(own, "the state of one would hold what the other begins with").toEqual([]);
    expect(page("README.md").text).toContain(tried.split("\n")[0]);
  });

  test("of fairway are all in the README", () => {
    const { text } = page("README.md");
    const missing = [...commands.keys()].filter((name) => !text.includes(`\`fairway ${name}\``));
    expect(missing).toEqual([]);
  });

  test("have the flags of serve in a table", () => {
    const { text } = page("docs/operations.md");
    const flags = [...(commands.get("serve") ?? [])].filter((flag) => flag !== "--help");
    expect(flags.filter((flag) => !text.includes(`| \`${flag}\` |`))).toEqual([]);
  });
});

describe("names in code", () => {
  test("of flags alone belong to fairway or to a program that is known here", () => {
    const own = new Set([...commands.values()].flatMap((flags) => [...flags]));
    const others = new Set(["--concurrency", "--cpus", "--drain-strategy", "--drain-time-s", "--version"]);
    const named = pages.flatMap(({ path, code }) =>
      code.filter((line) => /^--[a-z]/.test(line)).map((line) => ({ path, flag: /^--[\w-]+/.exec(line)?.[0] ?? line })),
    );
    expect(named.filter(({ flag }) => !own.has(flag) && !others.has(flag))).toEqual([]);
  });

  test("of variables are read somewhere", () => {
    const sources = globSync(["src/**/*.ts", "scripts/**/*"], { cwd: root, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes("/src/gen"))
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
      .join("\n");
    const named = new Set(pages.flatMap(({ text }) => [...text.matchAll(/\bFAIRWAY_[A-Z_]+\b/g)].map(String)));
    expect([...named].filter((name) => !sources.includes(`"${name}"`))).toEqual([]);
  });

  test("of files and folders of the project are there", () => {
    const top = /^(?:src|test|docs|demo|docker|envoy|examples|snapshots|proto|scripts|bench)\/[\w./-]*$/;
    const named = pages.flatMap(({ path, code }) =>
      code.filter((line) => top.test(line) && line !== "src/gen/").map((name) => ({ path, name })),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ name }) => !existsSync(join(root, name)))).toEqual([]);
  });

  test("of ARCHITECTURE.md are files of their stage, and every stage is there", () => {
    const rows = [...page("ARCHITECTURE.md").text.matchAll(/^\| `(\w+)\/` \|[^|]*\| (.*) \|$/gm)];
    const missing = rows.flatMap(([, stage = "", names = ""]) =>
      [...names.matchAll(/`([\w-]+\.ts)`/g)]
        .map(([, name = ""]) => join("src", stage, name))
        .filter((path) => !existsSync(join(root, path))),
    );
    expect(missing).toEqual([]);
    const stages = globSync("src/*/", { cwd: root }).map((path) => path.split("/")[1] ?? "");
    expect(stages.filter((stage) => stage !== "" && !rows.some(([, name]) => name === stage))).toEqual([]);
  });

  test("name no registry and no place on somebody's machine", () => {
    const pattern = /registry\.\w+\.\w+|\/(?:home|root|work|Users)\/|pypi\.org|npmjs\.com/;
    expect(pages.filter(({ text }) => pattern.test(text)).map(({ path }) => path)).toEqual([]);
  });
});

describe("what ARCHITECTURE.md says is absent", () => {
  test("is absent: translate imports neither packages nor anything of Node", () => {
    expect(findInCode("src/translate/*.ts", /from "(?!\.)/)).toEqual([]);
  });

  test("is absent: xds knows no YAML, no files, and of the model groups and places only", () => {
    expect(findInCode("src/xds/*.ts", /from "(?:yaml|node:)|\b(?:Gateway|Service|Route|Intent)\b.*from/)).toEqual([]);
  });

  test("is absent: nobody but the commands writes to the terminal", () => {
    const found = findInCode("src/**/*.ts", /\bconsole\.|process\.(?:stdout|stderr)/);
    expect(found.filter((line) => !line.startsWith("src/cli/"))).toEqual([]);
  });

  test("is absent: nobody but the clock reads the time, save for the building thread", () => {
    const found = findInCode("src/**/*.ts", /\bDate\.now\(|\bperformance\.now\(|\bMath\.random\(|new Date\(\)/);
    const files = new Set(found.map((line) => line.split(":")[0]));
    expect(files).toEqual(new Set(["src/cli/build-worker.ts", "src/support/clock.ts"]));
  });

  test("is absent: a second place that pushes to nodes", () => {
    const found = findInCode("src/**/*.ts", /\bserver\.publish\(/);
    expect(found).toHaveLength(2);
    const files = new Set(found.map((line) => line.split(":")[0]));
    expect(files).toEqual(new Set(["src/cli/check-with-envoy.ts", "src/cli/publisher.ts"]));
  });

  test("is absent: anybody but the commands who constructs what has a lifetime", () => {
    const pattern =
      /new (?:AdsServer|DirectorySource|EtcdSecrets|Builder|SavedSnapshots|ControlPlane|Worker|Registry)\(/;
    const found = findInCode("src/**/*.ts", pattern);
    expect(found.filter((line) => !line.startsWith("src/cli/"))).toEqual([]);
    expect(found.length).toBeGreaterThan(4);
  });
});

describe("docs/protocol.md", () => {
  test("quotes tests by titles that they have", () => {
    const quoted = [...page("docs/protocol.md").text.matchAll(/\]\(\.\.\/(test\/[\w./-]+\.test\.ts)\): "([^"]+)"/g)];
    expect(quoted.length).toBeGreaterThan(20);
    const missing = quoted.filter(([, path = "", title = ""]) => {
      const file = join(root, path);
      return !existsSync(file) || !readFileSync(file, "utf8").includes(title);
    });
    expect(missing.map(([, path, title]) => `${path}: ${title}`)).toEqual([]);
  });
});

describe("README.md", () => {
  test("has a config that is good", () => {
    const config = blocks(page("README.md").text, "yaml").find((text) => text.includes("gateways:")) ?? "";
    const documents = [{ path: "shop.yaml", bytes: Buffer.from(config), hash: "1" }];
    const { diagnostics, intent } = parseIntent({ documents, problems: [], api: envoyApi });
    expect(diagnostics).toEqual([]);
    expect(intent?.routes).toHaveLength(1);
  });

  test("does not call missing what has a section among the HTTP filters", () => {
    const missing = /no words yet for ([^;]*);/.exec(page("README.md").text)?.[1] ?? "";
    const there = [...page("docs/http-filters.md").text.matchAll(/^## (.*)$/gm)].map(([, heading = ""]) => heading);
    expect(missing).not.toBe("");
    expect(there).toContain("CORS");
    expect(there.filter((heading) => missing.toLowerCase().includes(heading.toLowerCase()))).toEqual([]);
  });

  test("shows what the broken config is told", () => {
    const good = blocks(page("README.md").text, "yaml").find((text) => text.includes("gateways:")) ?? "";
    const broken = good
      .replace("weight: 90", "weight: 0")
      .replace("subset: canary, weight: 10 ", "subset: canari, weight: 100 ");
    const documents = [{ path: "/tmp/shop/shop.yaml", bytes: Buffer.from(broken), hash: "1" }];
    const [diagnostic] = parseIntent({ documents, problems: [], api: envoyApi }).diagnostics;
    const { line, column } = diagnostic?.at ?? {};
    const shown = `/tmp/shop/shop.yaml:${line}:${column}: error[${diagnostic?.code}]: ${diagnostic?.message}`;
    expect(page("README.md").text).toContain(shown);
    expect(page("README.md").text).toContain(`hint: ${diagnostic?.hint}`);
  });
});

/** `path:line` of every line of code, comments left out, that a pattern finds. */
function findInCode(glob: string, pattern: RegExp): readonly string[] {
  return globSync(glob, { cwd: root })
    .filter((path) => !path.startsWith("src/gen/"))
    .flatMap((path) => {
      const lines = readFileSync(join(root, path), "utf8").split("\n");
      return lines.flatMap((line, index) =>
        pattern.test(line) && !/^\s*(?:\*|\/[*/])/.test(line) ? [`${path}:${index + 1}`] : [],
      );
    });
}

function help(...args: readonly string[]): string {
  return execFileSync(process.execPath, [fairwayMain, ...args], { encoding: "utf8" });
}

function flagsIn(text: string): ReadonlySet<string> {
  return new Set([...text.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag = ""]) => flag));
}

/** What is wrong with the calls of fairway in one line of code. */
function mistakesIn(line: string): readonly string[] {
  return [...line.matchAll(/(?<![\w./@-])fairway (?!--)([a-z][a-z-]*)((?: [^|>;&#]*)?)/g)].flatMap(
    ([, name = "", rest = ""]) => {
      const flags = commands.get(name);
      if (flags === undefined) return [`there is no command fairway ${name}`];
      const typed = [...rest.matchAll(/(?<= )--[\w-]+/g)].map(String);
      return typed.filter((flag) => !flags.has(flag)).map((flag) => `fairway ${name} has no ${flag}`);
    },
  );
}

function leads(from: string, target: string): boolean {
  const [path = "", anchor] = target.split("#");
  const to = path === "" ? from : join(dirname(from), path);
  if (!existsSync(join(root, to))) return false;
  if (anchor === undefined) return true;
  const headings = withoutFences(readFileSync(join(root, to), "utf8")).matchAll(/^#+ (.*)$/gm);
  return [...headings].some(([, heading = ""]) => slug(heading) === anchor);
}

/** The anchor of a heading, as code hosts make it. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

function withoutFences(text: string): string {
  return text.replaceAll(FENCE, "");
}

/** The fenced blocks in a language, without the indentation of the list they stand in. */
function blocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(FENCE)]
    .filter(([, , name]) => name === language)
    .map(([, indent = "", , body = ""]) => body.replaceAll(new RegExp(`^ {${indent.length}}`, "gm"), ""));
}

function codeOf(text: string): readonly string[] {
  const fenced = [...text.matchAll(FENCE)].flatMap(([, , , body = ""]) => body.split("\n"));
  const spans = [...withoutFences(text).matchAll(/`([^`\n]+)`/g)].map(([, span = ""]) => span);
  return [...fenced, ...spans].map((line) => line.trim());
}
