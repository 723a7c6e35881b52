/**
 * The command line of the benchmarks.
 */
import { parseArgs } from "node:util";
import { etcdCases } from "./etcd.ts";

/** What is asked for. */
export interface BenchOptions {
  readonly bench: "push" | "big" | "model" | "tighten" | "etcd";
  readonly nodes: readonly number[] | undefined;
  readonly services: readonly number[] | undefined;
  readonly changes: number | undefined;
  /** Of `etcd`. */
  readonly cases: readonly (typeof etcdCases)[number][];
  readonly output: "table" | "json";
  readonly profileDir: string | undefined;
}

export const USAGE = `usage: npm run bench -- [push|big|model|tighten|etcd] [options]

  push      save to last acknowledgement: simulated nodes, several kinds of change (the default)
  big       ten thousand services in one file, saved at once
  model     files to resources, at once and after an edit of one file
  tighten   a circuit breaker tightened in a real Envoy
  etcd      instances that register in a real etcd, one by one, many a second, and a hundred thousand at once

  --nodes LIST      fleet sizes: push 1,100, big 10, etcd 100
  --services LIST   config sizes: push 10,1000, big 10000, model 10,1000,10000, etcd 10000
  --cases LIST      of etcd: latency,flaps,loads,told; all when absent
  --changes N       measured changes for each row: push 100, model 20, tighten 30, etcd 100
  -o table|json     a table, or one JSON document, on stdout; progress is on stderr
  --profile DIR     leaves CPU profiles of the server there; the times are then longer
`;

/** The options, or what is wrong with them. */
export function readOptions(args: readonly string[]): BenchOptions | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        nodes: { type: "string" },
        services: { type: "string" },
        cases: { type: "string" },
        changes: { type: "string" },
        output: { type: "string", short: "o" },
        profile: { type: "string" },
      },
    });
    const [bench = "push", ...rest] = positionals;
    if (rest.length > 0 || !isOneOf(bench, ["push", "big", "model", "tighten", "etcd"]))
      return `unknown: ${positionals.join(" ")}`;
    const cases = values.cases?.split(",") ?? etcdCases;
    if (!cases.every((each) => isOneOf(each, etcdCases))) return `--cases ${values.cases}: of ${etcdCases.join(", ")}`;
    const output = values.output ?? "table";
    if (!isOneOf(output, ["table", "json"])) return `-o ${output}: write table or json`;
    return {
      bench,
      nodes: counts("--nodes", values.nodes),
      services: counts("--services", values.services),
      changes: counts("--changes", values.changes)?.[0],
      cases,
      output,
      profileDir: values.profile,
    };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isOneOf<const Word extends string>(word: string, words: readonly Word[]): word is Word {
  return (words as readonly string[]).includes(word);
}

function counts(flag: string, text: string | undefined): readonly number[] | undefined {
  const numbers = text?.split(",").map(Number);
  if (numbers?.some((number) => !Number.isInteger(number) || number < 1) === true) {
    throw new Error(`${flag} ${text}: write numbers from 1 on, with commas between them`);
  }
  return numbers;
}
