/**
 * Compares the constraints of `src/model/constraints.ts` with the code that protoc-gen-validate made for Go, on
 * many random messages: `npm run fuzz:constraints [-- --messages 200000 --seed 7]`.
 *
 * Both must name the same fields of every message, as often. What is in an `Any` is left out, because Go's code
 * does not look into it. `--corpus` keeps some of the messages with Go's verdicts for the test that needs no Go.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import type { DescMessage } from "@bufbuild/protobuf";
import { createRuleReader } from "../src/model/constraint-rules.ts";
import { present } from "../src/support/assert.ts";
import { corpusFile, pathsOf } from "../test/fuzz/constraint-corpus.ts";
import type { CorpusRow } from "../test/fuzz/constraint-corpus.ts";
import { randomMessage } from "../test/fuzz/random-message.ts";
import { envoyApi } from "../test/support/envoy-api.ts";
import { createRandom } from "../test/support/random.ts";
import { root } from "./project.mjs";

/** Messages that are on their way to Go at a time. */
const BATCH = 2_000;

/** Differences that are printed. */
const SHOWN_MAX = 10;

/** What is kept of each type: valid messages, and invalid ones. */
const CORPUS_PER_TYPE = { valid: 1, invalid: 2 };

/** Larger messages are not kept; counted in base64. */
const CORPUS_TEXT_MAX = 600;

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "120000" },
    seed: { type: "string", default: "1" },
    corpus: { type: "boolean", default: false },
  },
});

const directory = mkdtempSync(join(tmpdir(), "fairway-fuzz-"));
try {
  await fuzz(Number(values.messages), Number(values.seed));
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function fuzz(messages: number, seed: number): Promise<void> {
  const oracle = startOracle(buildOracle());
  const random = createRandom(seed);
  const rules = createRuleReader(envoyApi);
  const types = typesWithRules();
  const counts = { valid: 0, invalid: 0, violations: 0, differences: 0 };
  const covered = new Set<string>();
  const without = new Set<string>();
  const corpus = createCorpus();
  const startedMs = performance.now();
  for (let done = 0; done < messages; done += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, messages - done) }, (_, index) => {
      const type = present(types[(done + index) % types.length], "there are types");
      return { type, bytes: randomMessage(type, { api: envoyApi, rules, random }) };
    });
    const verdicts = await oracle.judge(batch);
    for (const [index, { type, bytes }] of batch.entries()) {
      const theirs = verdicts[index];
      if (theirs === null || theirs === undefined) {
        without.add(type.typeName);
        continue;
      }
      covered.add(type.typeName);
      counts[theirs.length === 0 ? "valid" : "invalid"] += 1;
      counts.violations += theirs.length;
      const ours = pathsOf(type, bytes);
      if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
        counts.differences += 1;
        if (counts.differences <= SHOWN_MAX) show({ seed, number: done + index, type, bytes, ours, theirs });
      }
      corpus.offer([type.typeName, Buffer.from(bytes).toString("base64"), theirs]);
    }
  }
  oracle.end();
  const { valid, invalid, violations, differences } = counts;
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  const share = ((100 * invalid) / (valid + invalid)).toFixed(1);
  print(`seed ${seed}: ${valid + invalid} messages of ${covered.size} types in ${seconds} s`);
  print(`${valid} valid, ${invalid} invalid (${share} %), ${violations} violations`);
  if (without.size > 0) print(`without code in Go, so not compared: ${[...without].sort().join(", ")}`);
  print(`${differences} differences`);
  if (values.corpus) {
    const lines = corpus.rows.map((row) => `${JSON.stringify(row)}\n`).join("");
    writeFileSync(corpusFile, gzipSync(lines, { level: 9 }));
    print(`${corpus.rows.length} messages written to ${corpusFile.pathname}`);
  }
  if (differences > 0) process.exitCode = 1;
}

/** Every type that states a rule itself. */
function typesWithRules(): readonly DescMessage[] {
  const rules = createRuleReader(envoyApi);
  const types: DescMessage[] = [];
  for (const type of envoyApi.registry) {
    if (type.kind !== "message") continue;
    const states =
      type.oneofs.some((oneof) => rules.isRequired(oneof)) ||
      type.fields.some((field) => rules.of(field) !== undefined);
    if (states) types.push(type);
  }
  return types;
}

interface Sample {
  readonly type: DescMessage;
  readonly bytes: Uint8Array;
}

/** The program in `proto/dump/verdicts`. */
function buildOracle(): string {
  const binary = join(directory, "verdicts");
  const { error, status } = spawnSync("go", ["build", "-o", binary, "./verdicts"], {
    cwd: join(root, "proto", "dump"),
    env: { ...process.env, GOTOOLCHAIN: "local", GOWORK: "off", GOFLAGS: "" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (error !== undefined) throw new Error("this needs Go on PATH, of the version in proto/dump/go.mod or newer");
  if (status !== 0) throw new Error("the Go program in proto/dump/verdicts cannot be built");
  return binary;
}

function startOracle(binary: string): {
  judge(batch: readonly Sample[]): Promise<readonly (readonly string[] | null)[]>;
  end(): void;
} {
  const child = spawn(binary, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async judge(batch) {
      for (const { type, bytes } of batch) {
        for (const part of [Buffer.from(type.typeName), bytes]) {
          const size = Buffer.alloc(4);
          size.writeUInt32BE(part.length);
          child.stdin.write(size);
          child.stdin.write(part);
        }
      }
      const verdicts: (readonly string[] | null)[] = [];
      for (let index = 0; index < batch.length; index += 1) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error("the Go program ended before its last verdict");
        verdicts.push(JSON.parse(value) as readonly string[] | null);
      }
      return verdicts;
    },
    end: () => child.stdin.end(),
  };
}

/** Keeps the first small messages of each type. */
function createCorpus() {
  const rows: CorpusRow[] = [];
  const kept = new Map<string, number>();
  return {
    rows,
    offer(row: CorpusRow): void {
      const verdict = row[2].length === 0 ? "valid" : "invalid";
      const count = kept.get(`${row[0]} ${verdict}`) ?? 0;
      if (count === CORPUS_PER_TYPE[verdict] || row[1].length > CORPUS_TEXT_MAX) return;
      kept.set(`${row[0]} ${verdict}`, count + 1);
      rows.push(row);
    },
  };
}

function show(difference: {
  readonly seed: number;
  readonly number: number;
  readonly type: DescMessage;
  readonly bytes: Uint8Array;
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}): void {
  const { seed, number, type, bytes, ours, theirs } = difference;
  print(`message ${number} of seed ${seed}, ${type.typeName}`);
  print(`  Go:   ${JSON.stringify(theirs)}`);
  print(`  ours: ${JSON.stringify(ours)}`);
  print(`  ${jsonOf(type, bytes)}`);
}

/** JSON cannot say everything that bytes can. */
function jsonOf(type: DescMessage, bytes: Uint8Array): string {
  try {
    return JSON.stringify(envoyApi.toJson(type.typeName, bytes));
  } catch {
    return Buffer.from(bytes).toString("base64");
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
