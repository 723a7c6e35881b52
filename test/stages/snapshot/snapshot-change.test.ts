/**
 * Snapshots that cross from one thread to the other as differences.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { applyChange, describeChange } from "../../../src/snapshot/snapshot-change.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import type { ResourceCache, SnapshotNotation } from "../../support/build-snapshot.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";

/** What the other thread receives: a copy, as the structured clone makes it. */
function sent(before: Snapshot | undefined, after: Snapshot): ReturnType<typeof describeChange> {
  return structuredClone(describeChange(before, after));
}

function content(snapshot: Snapshot): unknown {
  return [...snapshot.tables.values()].map(({ typeUrl, version, resources }) => ({
    typeUrl,
    version,
    resources: [...resources.values()].map(({ name, version: ofResource, at }) => ({ name, ofResource, at })),
  }));
}

const notation: fc.Arbitrary<SnapshotNotation> = fc
  .dictionary(fc.constantFrom("a", "b", "c", "d", "e"), fc.constantFrom(["10.0.0.1"], ["10.0.0.2"], []))
  .map((clusters) => ({ clusters }));

describe("a change between two snapshots", () => {
  test("turns the one into the other, in the same order", () => {
    fc.assert(
      fc.property(notation, notation, (first, second) => {
        const cache: ResourceCache = new Map();
        const [before, after] = [buildSnapshot(first, cache), buildSnapshot(second, cache)];
        const received = applyChange(undefined, sent(undefined, before));
        expect(content(received)).toEqual(content(before));
        expect(content(applyChange(received, sent(before, after)))).toEqual(content(after));
      }),
    );
  });

  test("carries only the resources that changed and keeps the other objects", () => {
    const cache: ResourceCache = new Map();
    const before = buildSnapshot({ clusters: { a: ["1"], b: ["1"] }, routes: { r: ["a"] } }, cache);
    const after = buildSnapshot({ clusters: { a: ["1"], b: ["2"] }, routes: { r: ["a"] } }, cache);
    const change = sent(before, after);
    const endpoints = change.tables.find(({ typeUrl }) => typeUrl === typeUrls.endpoints);
    expect(endpoints?.upserted.map(({ name }) => name)).toEqual(["b"]);
    const received = applyChange(undefined, sent(undefined, before));
    const updated = applyChange(received, change);
    const of = (snapshot: Snapshot) => [...(snapshot.tables.get(typeUrls.endpoints)?.resources.values() ?? [])];
    expect(of(updated)[0]).toBe(of(received)[0]);
    expect(of(updated)[1]).not.toBe(of(received)[1]);
  });
});
