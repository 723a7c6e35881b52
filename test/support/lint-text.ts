/**
 * Warnings of config texts, as `fairway check` would find them.
 */
import { collectDiagnostics } from "../../src/model/collect-diagnostics.ts";
import type { Diagnostic } from "../../src/model/diagnostic.ts";
import { parseIntent } from "../../src/model/parse-intent.ts";
import { lintIntent } from "../../src/translate/lint.ts";
import { documentOf } from "../stages/model/parse-text.ts";
import { envoyApi } from "./envoy-api.ts";

/** Parses files that must be right, and lints them; a single one is named `fairway.yaml`, and a secret may be `fromEnv: SECRET`. */
export function lintText(files: string | Readonly<Record<string, string>>): readonly Diagnostic[] {
  const named = typeof files === "string" ? { "fairway.yaml": files } : files;
  const documents = Object.entries(named).map(([path, text]) => documentOf(path, text));
  const { intent, diagnostics } = parseIntent({
    documents,
    problems: [],
    api: envoyApi,
    content: { files: [], problems: [], environment: { SECRET: "geheim" }, nowMs: 0 },
  });
  if (intent === undefined) throw new Error(`the sample is wrong: ${JSON.stringify(diagnostics, undefined, 2)}`);
  return collectDiagnostics([...diagnostics, ...lintIntent(intent)], documents);
}
