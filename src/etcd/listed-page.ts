/**
 * One answer of a listing, read from its bytes into entries.
 *
 * The generated reader makes six objects and four large numbers of each key, most of which nobody asks for; of a hundred
 * thousand keys that is half a second in which no stream is served. This one reads what an entry has, and skips the rest.
 * Source: https://github.com/etcd-io/etcd/blob/main/api/etcdserverpb/rpc.proto (RangeResponse, ResponseHeader), mvccpb/kv.proto
 */
import { BinaryReader } from "@bufbuild/protobuf/wire";
import type { Entry } from "./etcd-port.ts";

export interface ListedPage {
  readonly clusterId: string;
  readonly revision: bigint;
  readonly entries: readonly Entry[];
  /** As bytes, because a key need not be UTF-8; undefined when there is no entry. */
  readonly lastKey: Buffer | undefined;
  /** There are more behind it. */
  readonly more: boolean;
}

/** Tags: the number of a field, with how its value is written. */
const varint = (field: number): number => field << 3;
const sized = (field: number): number => (field << 3) | 2;

const answer = { header: sized(1), keyValue: sized(2), more: varint(3) } as const;
const header = { clusterId: varint(1), revision: varint(3) } as const;
const keyValue = {
  key: sized(1),
  createRevision: varint(2),
  modRevision: varint(3),
  value: sized(5),
  lease: varint(6),
} as const;

/** Throws when the bytes are no answer. */
export function readPage(bytes: Uint8Array): ListedPage {
  const reader = new BinaryReader(bytes);
  const entries: Entry[] = [];
  let page = { clusterId: 0n, revision: 0n };
  let lastKey: Uint8Array | undefined;
  let more = false;
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === answer.keyValue) {
      const { entry, key } = readEntry(reader, endOf(reader));
      entries.push(entry);
      lastKey = key;
    } else if (tag === answer.more) more = reader.bool();
    else if (tag === answer.header) page = readHeader(reader, endOf(reader));
    else skip(reader, tag);
  }
  return {
    clusterId: String(page.clusterId),
    revision: page.revision,
    entries,
    lastKey: lastKey && Buffer.from(lastKey),
    more,
  };
}

function readHeader(reader: BinaryReader, end: number): { clusterId: bigint; revision: bigint } {
  let [clusterId, revision] = [0n, 0n];
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === header.clusterId) clusterId = BigInt(reader.uint64());
    else if (tag === header.revision) revision = BigInt(reader.int64());
    else skip(reader, tag);
  }
  return { clusterId, revision };
}

function readEntry(reader: BinaryReader, end: number): { readonly entry: Entry; readonly key: Uint8Array } {
  let [key, value] = [noBytes, noBytes];
  let [createRevision, modRevision] = [0, 0];
  let lease = 0n;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === keyValue.key) key = reader.bytes();
    else if (tag === keyValue.value) value = reader.bytes();
    else if (tag === keyValue.createRevision) createRevision = Number(reader.int64());
    else if (tag === keyValue.modRevision) modRevision = Number(reader.int64());
    else if (tag === keyValue.lease) lease = BigInt(reader.int64());
    else skip(reader, tag);
  }
  const text = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("utf8");
  // The value is a copy, so that it does not hold the whole answer.
  const entry = {
    key: text,
    value: Buffer.from(value),
    createRevision,
    modRevision,
    leaseId: lease === 0n ? undefined : String(lease),
  };
  return { entry, key };
}

const noBytes: Uint8Array = new Uint8Array();

/** Where the message that begins here ends; a length that is too large runs into the end of the bytes. */
function endOf(reader: BinaryReader): number {
  const length = reader.uint32();
  return reader.pos + length;
}

function skip(reader: BinaryReader, tag: number): void {
  reader.skip(tag & 7, tag >>> 3);
}
