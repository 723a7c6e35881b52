/**
 * An answer of a listing is read as the generated reader does.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { RangeResponse } from "../../../src/gen/etcd/rpc.ts";
import { entryOf } from "../../../src/etcd/entry.ts";
import { readPage } from "../../../src/etcd/listed-page.ts";

const bytes = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 300 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 10 }).map((some) => Buffer.from(some)),
);
const revision = fc.bigInt(0n, 2n ** 53n - 1n);
const keyValue = fc.record({
  key: bytes,
  createRevision: revision,
  modRevision: revision,
  version: revision,
  value: bytes,
  lease: fc.oneof(fc.constant(0n), fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n)),
});
const response = fc.record({
  header: fc.option(
    fc.record({ clusterId: fc.bigInt(0n, 2n ** 64n - 1n), memberId: fc.bigInt(0n, 9n), revision, raftTerm: revision }),
    { nil: undefined },
  ),
  kvs: fc.array(keyValue, { maxLength: 5 }),
  more: fc.boolean(),
  count: revision,
});

test("every answer gives the same entries, revision, cluster and last key", () => {
  fc.assert(
    fc.property(response, (written) => {
      const encoded = RangeResponse.encode(RangeResponse.fromPartial(written)).finish();
      const { header, kvs, more } = RangeResponse.decode(encoded);
      const page = readPage(encoded);
      expect(page).toEqual({
        clusterId: String(header?.clusterId ?? 0n),
        revision: header?.revision ?? 0n,
        entries: kvs.map(entryOf),
        lastKey: kvs.at(-1)?.key,
        more,
      });
    }),
  );
});

test("fields that nobody knows are passed over, and an answer that is cut off is none", () => {
  const entry = { key: Buffer.from("/a"), value: Buffer.from("1"), modRevision: 7n };
  const encoded = Buffer.from(RangeResponse.encode(RangeResponse.fromPartial({ kvs: [entry], more: true })).finish());
  const unknown = Buffer.from([0xfa, 0x01, 2, 1, 2, 0xf8, 0x01, 5]);
  expect(readPage(Buffer.concat([unknown, encoded, unknown]))).toEqual(readPage(encoded));
  for (let length = 1; length < 10; length += 1)
    expect(() => readPage(encoded.subarray(0, length))).toThrow(RangeError);
});
