/**
 * Makes `src/gen/` from the pinned descriptor set of the Envoy API and from `proto/etcd/`: `npm run generate`, about
 * one second.
 *
 * `proto/buf.gen.yaml` and `proto/buf.gen.etcd.yaml` say what is generated. The result is built aside and swapped in whole, with a stamp of its
 * inputs, so that a broken run leaves the old code and `generateIfStale` costs a few milliseconds.
 */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { binDir, hashFiles, pinnedEnv, progress, readIfThere, root, run } from "./project.mjs";

const compressedSet = "proto/envoy-api-1.40.0.binpb.gz";
const genDir = join(root, "src", "gen");

/** All that `src/gen/` depends on. */
const inputs = [
  compressedSet,
  "proto/buf.gen.yaml",
  "proto/buf.gen.etcd.yaml",
  "proto/etcd/kv.proto",
  "proto/etcd/rpc.proto",
  "scripts/generate.mjs",
  "node_modules/@bufbuild/buf/package.json",
  "node_modules/@bufbuild/protoc-gen-es/package.json",
  "node_modules/ts-proto/package.json",
];

/** Generates when `src/gen/` is missing or was made from other inputs. */
export function generateIfStale() {
  if (!isFresh()) generate();
}

function isFresh() {
  return readIfThere(join(genDir, ".stamp")) === hashFiles(inputs);
}

/** Generates, whatever is there. */
export function generate() {
  progress("generating src/gen from the protos");
  mkdirSync(join(root, ".cache"), { recursive: true });
  const work = mkdtempSync(join(root, ".cache", "gen-"));
  const set = join(work, "envoy-api.binpb");
  const fresh = join(work, "gen");
  try {
    writeFileSync(set, gunzipSync(readFileSync(join(root, compressedSet))));
    run(join(binDir, "buf"), ["generate", set, "--template", "proto/buf.gen.yaml", "-o", fresh], { env: pinnedEnv() });
    loosenJsonTypes(fresh);
    const etcd = ["generate", "proto/etcd", "--template", "proto/buf.gen.etcd.yaml", "-o", fresh];
    run(join(binDir, "buf"), etcd, { env: pinnedEnv() });
    writeFileSync(join(fresh, ".stamp"), hashFiles(inputs));
    swapIn(fresh);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @param {string} fresh */
function swapIn(fresh) {
  rmSync(genDir, { recursive: true, force: true });
  try {
    renameSync(fresh, genDir);
  } catch (cause) {
    // Another call put its result there between the two lines above; it is the same.
    if (!isFresh()) throw cause;
  }
}

/**
 * Fits the generated JSON types to how they are used here, as checks of JSON that code writes:
 * an `Any` may have fields beside its `@type`, and lists may be readonly.
 *
 * @param {string} folder
 */
function loosenJsonTypes(folder) {
  writeFileSync(join(folder, "json-value.d.ts"), jsonValueDeclaration);
  for (const path of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!path.endsWith("_pb.d.ts")) continue;
    const toRoot = "../".repeat(path.split("/").length - 1);
    const imported = `import type { JsonObject, JsonValue } from "${toRoot}json-value.js";`;
    const before = readFileSync(join(folder, path), "utf8");
    const after = before
      .replace(/^import type \{ (?:JsonObject, |JsonValue, )*Message \} from "@bufbuild\/protobuf";$/m, (line) =>
        line.includes("Json") ? `import type { Message } from "@bufbuild/protobuf";\n${imported}` : line,
      )
      .replace(
        '  "@type"?: string;',
        `  "@type": string;\n  [field: string]: import("${toRoot}json-value.js").JsonValue;`,
      )
      .replace(/^( {2}\w+\?: )([\w.]+\[\];)$/gm, "$1readonly $2");
    writeFileSync(join(folder, path), after);
  }
}

const jsonValueDeclaration = `/** JSON as code writes it; the generated types use it where the Envoy API takes any JSON. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };
`;

if (process.argv[1] === fileURLToPath(import.meta.url)) generate();
