/**
 * From a checked `secrets` entry to a secret whose parts are yet to be read.
 */
import { dirname, isAbsolute, join, normalize } from "node:path";
import { present } from "../support/assert.ts";
import type { Place } from "./diagnostic.ts";
import type { YamlDocument } from "./parse-document.ts";
import type { Path, SourceDocument } from "./position.ts";
import { placeOf } from "./position.ts";
import type { SecretValue } from "./schema.ts";

/** A part of a secret. */
export type SecretKey = "certificate" | "privateKey" | "ca" | "users" | "apiKeys" | "clientSecret";

/** A secret by the places of its parts. */
export interface DraftSecret {
  readonly name: string;
  readonly at: Place;
  readonly document: YamlDocument;
  readonly path: Path;
  readonly parts: readonly DraftPart[];
}

/** One part and where its text is. */
export interface DraftPart {
  readonly key: SecretKey;
  readonly from: "file" | "nodeFile" | "fromEnv" | "fromEtcd";
  /** A path as `resolveFile` gives it, a path on the Envoy, the name of a variable, or of a key behind its prefix. */
  readonly where: string;
}

export function buildSecret(document: YamlDocument, path: Path, value: SecretValue): DraftSecret {
  const keys = ["certificate", "privateKey", "ca", "users", "apiKeys", "clientSecret"] as const;
  return {
    name: String(path.at(-1)),
    at: placeOf(document, path, "key"),
    document,
    path,
    parts: keys.flatMap((key) => {
      const text = value[key];
      return text === undefined ? [] : [buildPart(document, key, text)];
    }),
  };
}

/** A file is named relative to the file that names it; nothing keeps it from lying elsewhere. */
export function resolveFile(document: SourceDocument, written: string): string {
  return isAbsolute(written) ? normalize(written) : join(dirname(document.text.file), written);
}

function buildPart(
  document: YamlDocument,
  key: DraftPart["key"],
  { file, nodeFile, fromEnv, fromEtcd }: NonNullable<SecretValue["ca"]>,
): DraftPart {
  if (file !== undefined) return { key, from: "file", where: resolveFile(document, file) };
  if (nodeFile !== undefined) return { key, from: "nodeFile", where: nodeFile };
  if (fromEnv !== undefined) return { key, from: "fromEnv", where: fromEnv };
  return { key, from: "fromEtcd", where: present(fromEtcd, "the schema demands one of four") };
}
