/**
 * The command line of the benchmark of the data plane.
 */
import { parseArgs } from "node:util";
import { policyNames } from "./policy-cases.ts";
import { illnesses } from "./tail.ts";

export const parts = ["compare", "threads", "tail", "policies"] as const;

/** What is asked for. */
export interface DataplaneOptions {
  readonly parts: readonly (typeof parts)[number][];
  /** Of the part `tail`. */
  readonly illnesses: readonly (typeof illnesses)[number][];
  /** Of the part `policies`. */
  readonly policies: readonly string[];
  /** Of what is measured several times: how often. */
  readonly rounds: number;
  readonly quick: boolean;
  readonly output: "table" | "json";
}

export const USAGE = `usage: npm run bench:dataplane -- [options]

  --only LIST       of ${parts.join(", ")}: everything when absent;
                    or of ${illnesses.join(", ")}, which are the tail's; or of the policies below
  --rounds N        pairs, and rounds over all policies: 9; of the tail, three at most
  --quick           three rounds with fewer requests: whether it runs, not what it costs
  -o table|json     tables, or one JSON document, on stdout; progress is on stderr
  --json            the same as -o json

  policies: ${wrapped(policyNames)}
`;

/** The options, or what is wrong with them. */
export function readDataplaneOptions(args: readonly string[]): DataplaneOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        rounds: { type: "string" },
        quick: { type: "boolean", default: false },
        output: { type: "string", short: "o", default: "table" },
        json: { type: "boolean", default: false },
      },
    });
    const output = values.json ? "json" : values.output;
    if (output !== "table" && output !== "json") return `-o ${output}: write table or json`;
    const rounds = Number(values.rounds ?? (values.quick ? 3 : 9));
    if (!Number.isInteger(rounds) || rounds < 1) return `--rounds ${values.rounds}: write a number from 1 on`;
    const words = values.only?.split(",") ?? [...parts];
    const known: readonly string[] = [...parts, ...illnesses, ...policyNames];
    const unknown = words.find((word) => !known.includes(word));
    if (unknown !== undefined) {
      return `--only ${values.only}: "${unknown}" is none of ${[...parts, ...illnesses].join(", ")}, and no policy`;
    }
    const ill = illnesses.filter((name) => words.includes("tail") || words.includes(name));
    const policies = policyNames.filter((name) => words.includes("policies") || words.includes(name));
    const asked = { tail: ill.length > 0, policies: policies.length > 0 };
    return {
      parts: parts.filter((part) => (part === "tail" || part === "policies" ? asked[part] : words.includes(part))),
      illnesses: ill,
      policies,
      rounds,
      quick: values.quick,
      output,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Lines that fit a terminal. */
function wrapped(words: readonly string[]): string {
  const lines = [""];
  for (const word of words) {
    const last = lines.at(-1) ?? "";
    if (last.length + word.length > 90) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last}, ${word}`;
  }
  return lines.join(",\n            ");
}
