/**
 * Content hashes: 16 hexadecimal digits of SHA-256.
 *
 * Short on purpose: a reconnecting Envoy sends the version of everything it holds, and long versions
 * make that message exceed receive limits (envoy#46072). 64 bits keep the odds of an accidental
 * collision among a million resources near one in 30 million.
 */
import { createHash } from "node:crypto";

const HASH_DIGITS = 16;

/** The hash of the parts, each preceded by its length so that ["ab","c"] and ["a","bc"] differ. */
export function contentHash(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? Buffer.from(part, "utf8") : part;
    hash.update(`${bytes.byteLength}:`);
    hash.update(bytes);
  }
  return hash.digest("hex").slice(0, HASH_DIGITS);
}
