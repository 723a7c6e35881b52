/**
 * Content hashes: 16 hexadecimal digits of SHA-256.
 *
 * Short on purpose: a reconnecting Envoy sends the version of everything it holds, and long versions
 * make that message exceed receive limits (envoy#46072). 64 bits keep the odds of an accidental
 * collision among a million resources near one in 30 million.
 */
import { createHash } from "node:crypto";

const HASH_DIGITS = 16;

/**
 * The hash of the parts, each preceded by its length so that ["ab","c"] and ["a","bc"] differ.
 *
 * Neighbouring texts are hashed in one call: a version covers thousands of short ones, and a call costs more
 * than their bytes.
 */
export function contentHash(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") {
      text += withLength(part);
    } else {
      hash.update(`${text}${part.byteLength}:`).update(part);
      text = "";
    }
  }
  return hash.update(text).digest("hex").slice(0, HASH_DIGITS);
}

/** How `contentHash` writes a text down: `contentHash(["a", "b"])` is `hashOfText(withLength("a") + withLength("b"))`. */
export function withLength(text: string): string {
  return `${Buffer.byteLength(text, "utf8")}:${text}`;
}

/** For who keeps texts with their lengths. */
export function hashOfText(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, HASH_DIGITS);
}
