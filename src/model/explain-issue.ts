/**
 * From zod's issues to sentences for people.
 *
 * Zod says what a value should have been; this adds what it is, where to look, and the way out. The zod
 * message of a text is the name of its row in `scalarRules`, that of a map the list of its keys (see
 * `schema-scalars.ts`), which is how "did you mean" knows its candidates without walking the schemas.
 */
import type * as z from "zod";
import { closestName } from "./closest-name.ts";
import type { DiagnosticCode } from "./diagnostic.ts";
import { familiarValue } from "./familiar-values.ts";
import { familiarWord } from "./familiar-words.ts";
import { futureWord } from "./future-words.ts";
import type { Path, Problem } from "./position.ts";
import { rightForm } from "./right-form.ts";
import type { RefinementParams, ScalarRule } from "./schema-scalars.ts";
import { scalarRules } from "./schema-scalars.ts";

type Issue = z.core.$ZodIssue;

/** Lists of allowed words longer than this are cut in hints. */
const WORDS_IN_HINT_MAX = 30;
/** So many fit into a sentence. */
const WORDS_IN_MESSAGE_MAX = 5;

/** The problems of one issue; `root` is the checked document. */
export function explainIssue(root: unknown, issue: Issue, parent: Path = []): readonly Problem[] {
  const path: Path = [...parent, ...(issue.path as (string | number)[])];
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey(path, key, issue.message.split(" ")));
    case "invalid_type":
      return [wrongType(root, path, issue)];
    case "invalid_union":
      return explainUnion(root, path, issue);
    case "invalid_value":
      return [wrongWord(root, path, issue.values)];
    case "invalid_key":
      return [badKey(path, issue.issues[0]?.message ?? "")];
    case "custom":
      return [refused(path, issue.message, issue.params as RefinementParams | undefined)];
    case "invalid_format":
      return [badText(root, path, issue.message)];
    case "too_small":
      return [tooSmall(root, path, issue)];
    case "too_big":
      return [
        at(
          path,
          "invalid-value",
          `must be at most ${issue.maximum}${countUnit(issue.origin)}, but is ${shown(root, path)}`,
        ),
      ];
    case "not_multiple_of":
    case "invalid_element":
      return [at(path, "invalid-value", issue.message)];
  }
}

/** The value at a path, or undefined. */
function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (value === null || typeof value !== "object" || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

function unknownKey(path: Path, key: string, known: readonly string[]): Problem {
  const full = [...path, key];
  const future = futureWord(path, key);
  if (future !== undefined)
    return { code: "unknown-key", message: future.message, hint: future.hint, path: full, at: "key" };
  const near = closestName(key, known);
  const similar = near === undefined ? allowed("known here: ", known) : `did you mean \`${near}\`?`;
  const hint = familiarWord(path, key) ?? similar;
  return { code: "unknown-key", message: `unknown key \`${key}\``, path: full, at: "key", hint };
}

function wrongType(root: unknown, path: Path, issue: z.core.$ZodIssueInvalidType): Problem {
  const value = valueAt(root, path);
  if (value === undefined) return missing(path);
  if (issue.expected === "int" && typeof value === "number") {
    return at(path, "invalid-value", `must be a whole number, but is ${shown(root, path)}`);
  }
  const familiar = familiarValue(path, value);
  const form = typeHint(value, issue) ?? rightForm(String(path.at(-1)), value, issue.expected);
  const problem = at(path, "wrong-type", `must be ${expected(issue)}, but is ${described(value)}`);
  const isBareText = issue.expected === "string" && (typeof value === "number" || typeof value === "boolean");
  // The value of `1.0` is 1; only the file knows how it is written.
  const isDuration = issue.message === "duration" || issue.message === "positiveDuration";
  if (isDuration && typeof value === "number")
    return { ...problem, hintFor: (written) => `write a unit: ${written}s`, plainHint: "write a unit, such as `60s`" };
  if (isBareText)
    return { ...problem, hintFor: (written) => `put it in quotes: "${written}"`, plainHint: "put it in quotes" };
  const hint = familiar ?? form;
  return hint === undefined ? problem : { ...problem, hint, ...plainForm(form, issue) };
}

/** Without the example, which is made of the value; the hint of a small value is made of nothing but examples. */
function plainForm(form: string | undefined, { message }: Issue): Pick<Problem, "plainHint"> {
  const [words = ""] = (form ?? "").split(": ", 1);
  return form === undefined ? {} : { plainHint: form === scalarRule(message)?.hint ? form : words };
}

function missing(path: Path): Problem {
  const key = String(path.at(-1));
  const problem: Problem = { code: "missing-key", message: `\`${key}\` is missing`, path, at: "key" };
  if (key === "@type")
    return { ...problem, hint: 'write "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster, or another type' };
  return problem;
}

/** The branch whose type fits what is written; when none fits, all of them in one sentence. */
function explainUnion(root: unknown, path: Path, issue: z.core.$ZodIssueInvalidUnion): readonly Problem[] {
  const value = valueAt(root, path);
  if (value === undefined) return [missing(path)];
  const fitting = issue.errors.filter((branch) => !branch.some((inner) => isOtherType(inner, value)));
  const words = fitting.map(onlyWords);
  if (words.length > 1 && words.every((some) => some !== undefined)) return [wrongWord(root, path, words.flat())];
  const best = fitting.toSorted((left, right) => left.length - right.length)[0];
  if (best !== undefined) return best.flatMap((inner) => explainIssue(root, inner, path));
  const branches = new Set(issue.errors.map((branch) => (branch[0] === undefined ? "" : expected(branch[0]))));
  const problem = at(path, "wrong-type", `must be ${[...branches].join(" or ")}, but is ${described(value)}`);
  const hint = familiarValue(path, value);
  return [hint === undefined ? problem : { ...problem, hint }];
}

/** The allowed words of a branch that is nothing but a choice. */
function onlyWords([issue, ...others]: readonly Issue[]): readonly unknown[] | undefined {
  return issue?.code === "invalid_value" && issue.path.length === 0 && others.length === 0 ? issue.values : undefined;
}

function isOtherType(issue: Issue, value: unknown): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_type") return !(issue.expected === "int" && typeof value === "number");
  return issue.code === "invalid_value" && typeof issue.values[0] !== typeof value;
}

function wrongWord(root: unknown, path: Path, words: readonly unknown[]): Problem {
  const value = valueAt(root, path);
  if (value === undefined) return missing(path);
  const texts = words.map(String);
  const sameType = typeof value === typeof words[0];
  const near = typeof value === "string" ? closestName(value, texts) : undefined;
  const one = texts.length <= WORDS_IN_MESSAGE_MAX ? alternatives(texts) : "one of the allowed words";
  const familiar = familiarValue(path, value);
  if (familiar !== undefined)
    return {
      ...at(path, "invalid-value", `must be ${one}, but is ${shown(root, path)}`),
      hint: familiar,
      plainHint: allowed("allowed: ", texts),
    };
  return {
    ...at(path, sameType ? "invalid-value" : "wrong-type", `must be ${one}, but is ${shown(root, path)}`),
    hint: near === undefined ? allowed("allowed: ", texts) : `did you mean \`${near}\`?`,
  };
}

function badKey(path: Path, kind: string): Problem {
  const rule = scalarRule(kind);
  const expectation = rule?.expected ?? "another text";
  const problem: Problem = {
    code: "invalid-value",
    message: `"${cut(String(path.at(-1)))}" must be ${expectation}`,
    path,
    at: "key",
  };
  return rule === undefined || rule.hint === "" ? problem : { ...problem, hint: rule.hint };
}

function badText(root: unknown, path: Path, kind: string): Problem {
  const rule = scalarRule(kind);
  const problem = at(path, "invalid-value", `must be ${rule?.expected ?? "another text"}, but is ${shown(root, path)}`);
  const familiar = familiarValue(path, valueAt(root, path));
  if (familiar !== undefined) return { ...problem, hint: familiar };
  return rule === undefined || rule.hint === "" ? problem : { ...problem, hint: rule.hint };
}

function refused(path: Path, message: string, params: RefinementParams | undefined): Problem {
  const problem = at(path, params?.code ?? "invalid-value", message);
  const placed: Problem = params?.code === "duplicate-name" ? { ...problem, at: "key" } : problem;
  return params?.hint === undefined ? placed : { ...placed, hint: params.hint };
}

function tooSmall(root: unknown, path: Path, issue: z.core.$ZodIssueTooSmall): Problem {
  if (issue.origin === "array") return at(path, "invalid-value", "must not be an empty list");
  const bound = issue.inclusive === false ? `greater than ${issue.minimum}` : `at least ${issue.minimum}`;
  return at(path, "invalid-value", `must be ${bound}, but is ${shown(root, path)}`);
}

function countUnit(origin: string): string {
  return origin === "array" ? " items" : "";
}

function at(path: Path, code: DiagnosticCode, message: string): Problem {
  const last = path.at(-1);
  const subject =
    last === undefined ? "the document" : typeof last === "number" ? `item ${last + 1} of the list` : `\`${last}\``;
  const complete = message.startsWith("must ") ? `${subject} ${message}` : message;
  return { code, message: complete, path, at: "value" };
}

function expected(issue: Issue): string {
  const rule = scalarRule(issue.message);
  if (rule !== undefined) return issue.message === "text" ? "a text" : rule.expected;
  if (issue.message === "map") return "a map";
  if (issue.code === "invalid_value") return issue.values.map((word) => `\`${String(word)}\``).join(" or ");
  if (issue.code !== "invalid_type") return "another value";
  const names: Readonly<Record<string, string>> = {
    string: "a text",
    number: "a number",
    int: "a whole number",
    boolean: "true or false",
    array: "a list",
  };
  return names[issue.expected] ?? "a map";
}

function typeHint(value: unknown, issue: z.core.$ZodIssueInvalidType): string | undefined {
  const rule = scalarRule(issue.message);
  if (rule !== undefined && rule.hint !== "") return rule.hint;
  const isNumeric = typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value));
  const isBoolean = value === "true" || value === "false";
  if (["number", "int"].includes(issue.expected)) {
    if (isNumeric) return `remove the quotes: ${value}`;
    if (typeof value === "string" && /^\d+ ?%$/.test(value))
      return `write the number alone: ${Number.parseInt(value, 10)}`;
  }
  return issue.expected === "boolean" && isBoolean ? `remove the quotes: ${value}` : undefined;
}

function scalarRule(kind: string): ScalarRule | undefined {
  return Object.hasOwn(scalarRules, kind) ? scalarRules[kind as keyof typeof scalarRules] : undefined;
}

function described(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return `the text "${cut(value)}"`;
  if (typeof value === "number") return `the number ${value}`;
  return typeof value === "boolean" ? String(value) : "a map";
}

function shown(root: unknown, path: Path): string {
  const value = valueAt(root, path);
  if (typeof value === "string") return `"${cut(value)}"`;
  if (value !== null && typeof value === "object") return `${Object.keys(value).length}`;
  return String(value);
}

function cut(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

/** "`a`, `b` or `c`". */
function alternatives(words: readonly string[]): string {
  const quoted = words.map((word) => `\`${word}\``);
  const last = quoted.pop() ?? "";
  return quoted.length === 0 ? last : `${quoted.join(", ")} or ${last}`;
}

function allowed(lead: string, words: readonly string[]): string {
  const some = words.slice(0, WORDS_IN_HINT_MAX).join(", ");
  return words.length > WORDS_IN_HINT_MAX ? `${lead}${some}, …` : lead + some;
}
