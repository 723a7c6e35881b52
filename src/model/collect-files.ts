/**
 * The files and keys of etcd that a document names, which are read for it and watched.
 *
 * Read from the plain values, as names are: a file that is named beside a mistake stays watched while the
 * mistake is repaired.
 */
import { pathOfSecretKey } from "../config/etcd-secret-keys.ts";
import { resolveFile } from "./build-secret.ts";
import { visitValues } from "./collect-names.ts";
import { filterPartFiles } from "./filter-parts.ts";
import type { YamlDocument } from "./parse-document.ts";
import { scalarRules } from "./schema-scalars.ts";

/** Paths in the form of `resolveFile` and `pathOfSecretKey`, in the order written. */
export function collectFiles(document: YamlDocument): readonly string[] {
  const found: string[] = [];
  const visit = (pattern: readonly string[]): void =>
    visitValues(document.value, pattern, (value) => {
      if (typeof value === "string" && value !== "") found.push(resolveFile(document, value));
    });
  visit(["secrets", "*", "*", "file"]);
  visitValues(document.value, ["secrets", "*", "*", "fromEtcd"], (value) => {
    if (typeof value === "string" && scalarRules.secretKey.pattern.test(value)) found.push(pathOfSecretKey(value));
  });
  for (const { part, at } of filterPartFiles) {
    visit(["policies", "*", part, ...at]);
    visit(["routes", "*", "rules", "*", "filters", "*", part, ...at]);
  }
  return found;
}
