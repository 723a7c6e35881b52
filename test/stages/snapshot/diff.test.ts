/**
 * What differs between two snapshots.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { diffSnapshots } from "../../../src/snapshot/diff.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { fakeResource, fakeSnapshot } from "../../support/snapshot-of.ts";

/** Clusters by name and content. */
function clusters(contents: Readonly<Record<string, string>>): Snapshot {
  return fakeSnapshot(
    Object.entries(contents).map(([name, content]) => fakeResource(typeUrls.cluster, name, { content })),
  );
}

const anyContents = fc.dictionary(fc.constantFrom("a", "b", "c", "d", "e"), fc.constantFrom("1", "2", "3"));

describe("diffSnapshots", () => {
  it("names what was added, changed and removed, sorted", () => {
    const diff = diffSnapshots(
      clusters({ gone: "1", same: "1", other: "1" }),
      clusters({ same: "1", other: "2", z: "1", a: "1" }),
    );
    expect(diff).toEqual([{ typeUrl: typeUrls.cluster, added: ["a", "z"], changed: ["other"], removed: ["gone"] }]);
  });

  it("takes everything of a first snapshot for added", () => {
    expect(diffSnapshots(undefined, clusters({ a: "1" }))).toMatchObject([{ added: ["a"], changed: [], removed: [] }]);
  });

  it("finds nothing between equal snapshots", () => {
    expect(diffSnapshots(clusters({ a: "1" }), clusters({ a: "1" }))).toEqual([]);
  });

  it("leads from any snapshot to any other", () => {
    fc.assert(
      fc.property(anyContents, anyContents, (before, after) => {
        const [diff] = diffSnapshots(clusters(before), clusters(after));
        const reached: Record<string, string> = { ...before };
        for (const name of diff?.removed ?? []) delete reached[name];
        for (const name of [...(diff?.added ?? []), ...(diff?.changed ?? [])]) reached[name] = after[name] ?? "";
        expect(reached).toEqual({ ...after });
      }),
    );
  });

  it("has nothing to say twice: what is added one way is removed the other", () => {
    fc.assert(
      fc.property(anyContents, anyContents, (before, after) => {
        const [there] = diffSnapshots(clusters(before), clusters(after));
        const [back] = diffSnapshots(clusters(after), clusters(before));
        expect([there?.added, there?.changed, there?.removed]).toEqual([back?.removed, back?.changed, back?.added]);
      }),
    );
  });
});
