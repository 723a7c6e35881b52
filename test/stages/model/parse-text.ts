/**
 * Parsing of texts, for the tests of this stage.
 */
import type { Document } from "../../../src/config/source.ts";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import type { LiveWeights } from "../../../src/model/live-weights.ts";
import type { Intent } from "../../../src/model/intent.ts";
import { parseIntent } from "../../../src/model/parse-intent.ts";
import { contentHash } from "../../../src/support/hash.ts";
import { pem } from "../../support/certificates.ts";
import { envoyApi } from "../../support/envoy-api.ts";

/** A document as a source would hand it over. */
export function documentOf(path: string, content: string | Uint8Array): Document {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { path, bytes, hash: contentHash([bytes]) };
}

/** Parses one file named `fairway.yaml`, or several by name; whatever file is named holds a certificate or its key. */
export function parseText(
  files: string | Uint8Array | Readonly<Record<string, string>>,
  live: ReadonlyMap<string, LiveWeights> = new Map(),
): {
  readonly diagnostics: readonly Diagnostic[];
  readonly intent: Intent | undefined;
} {
  const single = typeof files === "string" || files instanceof Uint8Array;
  const documents = single
    ? [documentOf("fairway.yaml", files)]
    : Object.entries(files).map(([path, text]) => documentOf(path, text));
  const input = { documents, problems: [], api: envoyApi, live };
  const environment = { PARTNERS_CA: pem("ca.pem") };
  const named = parseIntent(input).files.map((path) =>
    documentOf(path, pem(path.endsWith(".key") ? "one.key" : "one.pem")),
  );
  return parseIntent({
    ...input,
    content: { files: named, problems: [], environment, nowMs: Date.UTC(2026, 1) },
  });
}

/** The intent of a text that must be right. */
export function intentOf(files: string | Readonly<Record<string, string>>): Intent {
  const { intent, diagnostics } = parseText(files);
  if (intent === undefined) throw new Error(`the sample is wrong: ${JSON.stringify(diagnostics, undefined, 2)}`);
  return intent;
}

/** `code line:column` of each diagnostic, with the file's name when there are several. */
export function summarize(diagnostics: readonly Diagnostic[]): readonly string[] {
  return diagnostics.map(({ code, at }) => {
    const file = at.file === "fairway.yaml" ? "" : `${at.file}:`;
    return `${code} ${file}${at.line}:${at.column}`;
  });
}
