/**
 * `wasm`: a module in WebAssembly that Envoy runs for each request and answer.
 *
 * Fairway looks at what a module exports and never runs it. The words are those of Envoy Gateway's
 * EnvoyExtensionPolicy.
 */
import * as z from "zod";
import { resolveFile } from "./build-secret.ts";
import type { Place } from "./diagnostic.ts";
import { durationMs } from "./duration.ts";
import { examineWasm } from "./examine-wasm.ts";
import { filterPart } from "./filter-part.ts";
import { placeOf } from "./position.ts";
import { block, exactlyOne, name, scalar } from "./schema-scalars.ts";

/** A module, and what it is told. */
export interface Wasm {
  /** In Envoy's log. */
  readonly name: string;
  readonly rootId: string;
  readonly code: WasmCode;
  /** Told to the module as a text. */
  readonly config?: string;
  /** Whether requests go on when the module cannot be run. */
  readonly failOpen: boolean;
  readonly runtime: WasmRuntime;
}

export type WasmCode =
  | { readonly kind: "inline"; readonly base64: string }
  /** Not read yet. */
  | { readonly kind: "file"; readonly path: string; readonly at: Place }
  /** On the Envoy's machine. */
  | { readonly kind: "nodeFile"; readonly path: string }
  | {
      readonly kind: "http";
      readonly url: string;
      readonly sha256: string;
      readonly service: string;
      readonly subset?: string;
      readonly timeoutMs?: number;
    };

const runtimes = ["v8", "wamr", "wasmtime"] as const;

export type WasmRuntime = (typeof runtimes)[number];

const http = block({
  url: scalar("httpUri").describe("Where every Envoy fetches the module."),
  sha256: scalar("sha256").describe("What the module's SHA-256 must be; Envoy takes no other."),
  service: name.describe("The service that is asked for `url`."),
  subset: name.optional().describe("One subset of the service."),
  timeout: scalar("positiveDuration").optional().describe("How long the answer may take; 30s when absent."),
}).meta({
  description: "Fetched by every Envoy.",
  examples: [{ url: "https://modules.example.com/stamp.wasm", sha256: "0".repeat(64), service: "modules" }],
});

const schema = block({
  name: name.optional().describe("What Envoy's log calls it; the policy's or route's name when absent."),
  rootID: name.optional().describe("Which of the plugins in the module, where there are several."),
  code: exactlyOne({
    file: scalar("text").optional().describe("A file beside Fairway, relative to this config file; watched."),
    nodeFile: scalar("text").optional().describe("A path on the Envoy."),
    http: http.optional(),
  }).meta({ description: "Where the module is.", examples: [{ file: "modules/stamp.wasm" }] }),
  config: z
    .unknown()
    .optional()
    .meta({
      description: "What the module is told: a text as it is, all else as JSON.",
      examples: [{ header: "x-stamp" }],
    }),
  failOpen: z.boolean().optional().describe("Lets requests go on when the module cannot be run."),
  runtime: z.enum(runtimes).optional().meta({ description: "What runs it; v8 when absent, which most Envoys have." }),
}).meta({
  description: "A module in WebAssembly that Envoy runs for each request and answer; Fairway never runs it.",
  examples: [{ code: { file: "modules/stamp.wasm" }, config: { header: "x-stamp" } }],
});

export const wasm = filterPart({
  schema,
  build: (value, { document, path }): Wasm => {
    const { code, config, failOpen, runtime } = value;
    const { file, nodeFile } = code;
    const at = placeOf(document, [...path, "code", "file"], "value");
    return {
      name: value.name ?? String(path[1]),
      rootId: value.rootID ?? "",
      code:
        file !== undefined
          ? { kind: "file", path: resolveFile(document, file), at }
          : nodeFile !== undefined
            ? { kind: "nodeFile", path: nodeFile }
            : buildHttp(code),
      ...(config === undefined ? {} : { config: typeof config === "string" ? config : JSON.stringify(config) }),
      failOpen: failOpen ?? false,
      runtime: runtime ?? "v8",
    };
  },
  names: [{ section: "services", at: ["code", "http"] }],
  files: [["code", "file"]],
  fill: (settings: Wasm, outside): Wasm => {
    const { code } = settings;
    if (code.kind !== "file") return settings;
    const bytes = outside.bytes(code.path, code.at);
    if (bytes === undefined) return settings;
    const problem = examineWasm(bytes);
    if (problem === undefined) {
      return { ...settings, code: { kind: "inline", base64: Buffer.from(bytes).toString("base64") } };
    }
    const message = `${code.path} ${problem.message}`;
    outside.report({ code: "invalid-wasm", severity: "error", message, hint: problem.hint, at: code.at });
    return settings;
  },
  services: ({ code }) => (code.kind === "http" ? [code.service] : []),
});

function buildHttp({ http: written }: z.infer<typeof schema>["code"]): WasmCode {
  const { url = "", sha256 = "", service = "", subset, timeout } = written ?? {};
  return {
    kind: "http",
    url,
    sha256,
    service,
    ...(subset === undefined ? {} : { subset }),
    ...(timeout === undefined ? {} : { timeoutMs: durationMs(timeout) }),
  };
}
