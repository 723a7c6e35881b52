/**
 * What is wrong with a written plan, in words that say what to write instead.
 */
import type { z } from "zod";
import { closestName } from "../model/closest-name.ts";

type Issue = Parameters<NonNullable<z.core.ParseContext<z.core.$ZodIssue>["error"]>>[0];

/** For what a schema has no words of its own; unknown keys are told by `planProblems`. */
export function wordsOfIssue(issue: Issue): string | undefined {
  switch (issue.code) {
    case "too_big":
      return `is more than ${String(issue.maximum)}`;
    case "too_small":
      return `is less than ${String(issue.minimum)}`;
    case "invalid_type":
      return issue.input === undefined
        ? "is missing"
        : `must be ${expectedWords[issue.expected] ?? issue.expected}, but is ${JSON.stringify(issue.input)?.slice(0, 80)}`;
    case "invalid_value": {
      const words = issue.values.map((value) => `\`${String(value)}\``).join(" or ");
      return `must be ${words}, but is ${JSON.stringify(issue.input)?.slice(0, 80)}`;
    }
    default:
      return undefined;
  }
}

const expectedWords: Readonly<Record<string, string>> = {
  object: "a map",
  record: "a map",
  array: "a list",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** Each with its place, such as `steps[2].weight: is more than 100`; `known` are the keys of a plan. */
export function planProblems(
  issues: readonly z.core.$ZodIssue[],
  known: readonly string[],
  at: readonly PropertyKey[] = [],
): readonly string[] {
  return issues.flatMap((issue) => {
    const path = [...at, ...issue.path];
    if (issue.code !== "unrecognized_keys") return [`${placeOf(path)}: ${issue.message}`];
    return issue.keys.map((key) => {
      const near = closestName(key, known);
      const hint = near === undefined || near === key ? "it has no such key here" : `did you mean \`${near}\`?`;
      return `${placeOf([...path, key])}: unknown key \`${key}\`: ${hint}`;
    });
  });
}

/** `steps[2].weight`. */
function placeOf(path: readonly PropertyKey[]): string {
  const text = path.reduce<string>(
    (before, key) =>
      typeof key === "number" ? `${before}[${key}]` : before === "" ? String(key) : `${before}.${String(key)}`,
    "",
  );
  return text === "" ? "the plan" : text;
}
