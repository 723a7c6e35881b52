/**
 * The form of one file of the state directory: a header, then the bytes that were given.
 *
 * The header carries the length and the SHA-256 of what follows, so that a file that was torn by a crash
 * or damaged by a disk is told from a whole one and never read in part. The key is in the header because
 * file names cannot hold every key.
 *
 *     offset  size
 *          0     8  magic "FWSTATE\n"
 *          8     4  format version, big endian
 *         12     4  length of the key
 *         16     8  length of the payload
 *         24    32  SHA-256 of bytes 0 to 24, the key and the payload
 *         56     –  key in UTF-8, payload
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";

import { contentHash } from "../support/hash.ts";
import { err, ok } from "../support/result.ts";
import type { Result } from "../support/result.ts";

const MAGIC = Buffer.from("FWSTATE\n", "latin1");
const FORMAT_VERSION = 1;
const SUMMED_BYTES = 24;
const HEADER_BYTES = 56;
/** A group's name, with room; a longer one in a header is damage. */
const KEY_BYTES_MAX = 4096;
/** Ten times the largest snapshot we have built; it bounds what a damaged length can make us read. */
export const payloadBytesMax = 256 * 1024 * 1024;
/** Hashing this much takes about a millisecond; then others get their turn. */
const HASH_CHUNK_BYTES = 1024 * 1024;

/** The most that a whole file can have. */
export const fileBytesMax = HEADER_BYTES + KEY_BYTES_MAX + payloadBytesMax;

export interface StateFile {
  readonly key: string;
  readonly payload: Uint8Array;
}

/** Everything that precedes the payload in the file. */
export async function encodeHeader(file: StateFile): Promise<Uint8Array> {
  const key = Buffer.from(file.key, "utf8");
  const header = Buffer.alloc(HEADER_BYTES);
  MAGIC.copy(header, 0);
  header.writeUInt32BE(FORMAT_VERSION, 8);
  header.writeUInt32BE(key.byteLength, 12);
  header.writeBigUInt64BE(BigInt(file.payload.byteLength), 16);
  const summed = [header.subarray(0, SUMMED_BYTES), key, file.payload];
  (await sha256(summed)).copy(header, SUMMED_BYTES);
  return Buffer.concat([header, key]);
}

/** The file's content, or what is wrong with it. */
export async function decodeStateFile(bytes: Uint8Array): Promise<Result<StateFile, string>> {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.byteLength < HEADER_BYTES) return err("it is cut short");
  if (!file.subarray(0, MAGIC.byteLength).equals(MAGIC)) return err("it is no state file");
  const version = file.readUInt32BE(8);
  if (version !== FORMAT_VERSION) return err(`its format has version ${version}, which is unknown`);
  const keyEnd = HEADER_BYTES + file.readUInt32BE(12);
  const expected = BigInt(keyEnd) + file.readBigUInt64BE(16);
  if (BigInt(file.byteLength) !== expected) {
    return err(`it has ${file.byteLength} bytes instead of ${expected}`);
  }
  const key = file.subarray(HEADER_BYTES, keyEnd);
  const payload = file.subarray(keyEnd);
  const sum = await sha256([file.subarray(0, SUMMED_BYTES), key, payload]);
  if (!timingSafeEqual(sum, file.subarray(SUMMED_BYTES, HEADER_BYTES))) {
    return err("its checksum is wrong");
  }
  return ok({ key: key.toString("utf8"), payload: new Uint8Array(payload) });
}

/** The stem of a key's file names: legible where the key is, and distinct always. */
export function fileStem(key: string): string {
  const legible = key.replaceAll(/[^A-Za-z0-9_-]+/g, "_").slice(0, 40);
  return `${legible}-${contentHash([key])}`;
}

async function sha256(parts: readonly Uint8Array[]): Promise<Buffer> {
  const hash = createHash("sha256");
  for (const part of parts) {
    for (let at = 0; at < part.byteLength; at += HASH_CHUNK_BYTES) {
      if (at > 0) await nextTurn();
      hash.update(part.subarray(at, at + HASH_CHUNK_BYTES));
    }
  }
  return hash.digest();
}
