/**
 * Content hashes: they are compared with those on disk and on other replicas, so they may never change.
 */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { contentHash } from "../../../src/support/hash.ts";

/** The definition: one part after the other, each behind its length in bytes. */
function defined(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = Buffer.from(part as Uint8Array);
    hash.update(`${bytes.byteLength}:`).update(bytes);
  }
  return hash.digest("hex").slice(0, 16);
}

describe("a content hash", () => {
  test.each<[string, readonly (string | Uint8Array)[]]>([
    ["nothing", []],
    ["an empty part", [""]],
    ["texts", ["shop", "0123456789abcdef", "reviews", "fedcba9876543210"]],
    ["a text and bytes", ["type.googleapis.com/envoy.config.cluster.v3.Cluster", new Uint8Array([0, 255, 128])]],
    ["bytes between texts", ["a", new Uint8Array(300), "b", "c", new Uint8Array(0)]],
    ["text beyond ASCII", ["naïve", "日本", "😀", "z"]],
    ["halves of a surrogate pair, which are no text", ["\ud83d", "\ude00"]],
  ])("of %s is that of the parts, each behind its length", (_name, parts) => {
    expect(contentHash(parts)).toBe(defined(parts));
  });

  test("is the same as ever", () => {
    expect(contentHash(["shop", new Uint8Array([1, 2, 3])])).toBe("eef9be05108e7bac");
  });

  test("differs when the same bytes are divided otherwise", () => {
    expect(contentHash(["ab", "c"])).not.toBe(contentHash(["a", "bc"]));
  });
});
