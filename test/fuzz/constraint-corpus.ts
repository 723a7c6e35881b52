/**
 * Messages with the verdicts that Go's code of protoc-gen-validate has given on them, and ours in the same form.
 *
 * `npm run fuzz:constraints -- --corpus` writes the file: gzipped lines of JSON.
 */
import type { DescMessage } from "@bufbuild/protobuf";
import { fromBinary } from "@bufbuild/protobuf";
import { violatedConstraints } from "../../src/model/constraints.ts";
import { envoyApi } from "../support/envoy-api.ts";

/** The type, the bytes in base64, and the paths of what Go holds against them. */
export type CorpusRow = readonly [typeName: string, bytes: string, paths: readonly string[]];

export const corpusFile = new URL("constraint-corpus.jsonl.gz", import.meta.url);

/** `health_checks/0/timeout` for every violation, sorted, as `proto/dump/verdicts` prints them. */
export function pathsOf(type: DescMessage, bytes: Uint8Array): readonly string[] {
  const problems = violatedConstraints(envoyApi, type, fromBinary(type, bytes), { intoAny: false });
  const paths = problems.map(({ path }) => path.join("/"));
  // Go sorts by bytes.
  return paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}
