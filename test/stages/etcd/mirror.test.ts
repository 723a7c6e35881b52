/** What a mirror makes of changes and listings, in whatever order they come. */
import { describe, expect, test } from "vitest";
import type { Change, Entry, Listing } from "../../../src/etcd/etcd-port.ts";
import { createMirror, regressionOf, takeChanges, takeListing } from "../../../src/etcd/mirror.ts";
import { createRandom } from "../../support/random.ts";

function entry(key: string, modRevision: number): Entry {
  return { key, value: Buffer.from(`${key}@${modRevision}`), createRevision: 1, modRevision, leaseId: undefined };
}

function listing(revision: number, ...entries: readonly Entry[]): Listing {
  return { clusterId: "1", revision, entries };
}

function put(key: string, modRevision: number): Change {
  return { kind: "put", entry: entry(key, modRevision) };
}

function gone(key: string, modRevision: number): Change {
  return { kind: "delete", key, modRevision };
}

function textOf(entries: ReadonlyMap<string, Entry>): readonly string[] {
  return [...entries.values()].map(({ value }) => Buffer.from(value).toString()).toSorted((a, b) => (a < b ? -1 : 1));
}

describe("a change", () => {
  test("that a listing has already is not told again", () => {
    const mirror = createMirror();
    takeListing(mirror, listing(5, entry("a", 3)));
    expect(takeChanges(mirror, [put("a", 3), put("b", 4)], 4).changedKeys).toEqual([]);
    expect(textOf(mirror.entries)).toEqual(["a@3"]);
  });

  test("that comes twice, or behind a later one of its key, counts once", () => {
    const mirror = createMirror();
    takeListing(mirror, listing(1));
    expect(takeChanges(mirror, [put("a", 3)], 3).changedKeys).toEqual(["a"]);
    expect(takeChanges(mirror, [put("a", 2), put("a", 3)], 3).changedKeys).toEqual([]);
    takeChanges(mirror, [gone("a", 4)], 4);
    takeChanges(mirror, [put("a", 3)], 4);
    expect(textOf(mirror.entries)).toEqual([]);
  });
});

describe("a listing", () => {
  test("does not undo what came behind it while it was under way", () => {
    const mirror = createMirror();
    takeListing(mirror, listing(5, entry("a", 3), entry("b", 4)));
    takeChanges(mirror, [put("a", 7), gone("b", 8), put("c", 9)], 9);
    const { changedKeys, lostCount } = takeListing(mirror, listing(6, entry("a", 3), entry("b", 4)));
    expect({ changedKeys, lostCount }).toEqual({ changedKeys: [], lostCount: 0 });
    expect(textOf(mirror.entries)).toEqual(["a@7", "c@9"]);
  });

  test("puts right what the watch has lost, and counts it, but not what the watch may still tell", () => {
    const mirror = createMirror();
    takeListing(mirror, listing(5, entry("a", 3), entry("b", 4)));
    takeChanges(mirror, [put("c", 8)], 8);
    const outcome = takeListing(mirror, listing(8, entry("a", 6), entry("c", 8)));
    expect(outcome).toEqual({ changedKeys: ["a", "b"], lostCount: 2 });
    const early = takeListing(mirror, listing(10, entry("a", 6), entry("c", 8), entry("d", 10)));
    expect(early).toEqual({ changedKeys: ["d"], lostCount: 0 });
  });

  test("that is older than what was known, or of another cluster, is told apart", () => {
    const mirror = createMirror();
    takeListing(mirror, listing(9, entry("a", 3)));
    expect(regressionOf(mirror, listing(9), 9)).toBeUndefined();
    expect(regressionOf(mirror, listing(8), 9)).toEqual({ kind: "revision", listed: 8, known: 9 });
    expect(regressionOf(mirror, { ...listing(20), clusterId: "2" }, 9)).toMatchObject({ kind: "cluster" });
  });
});

test("whatever is lost, repeated and late, the next listing makes it equal to the store", () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const random = createRandom(seed);
    const store = new Map<string, Entry>();
    const log: Change[] = [];
    const mirror = createMirror();
    takeListing(mirror, listing(0));
    let revision = 0;
    for (let round = 0; round < 30; round += 1) {
      revision += 1;
      const key = `k${random.int(5)}`;
      if (store.has(key) && random.int(3) === 0) {
        store.delete(key);
        log.push(gone(key, revision));
      } else {
        store.set(key, entry(key, revision));
        log.push(put(key, revision));
      }
      const some = log.slice(Math.max(0, log.length - 4)).filter(() => random.int(3) > 0);
      takeChanges(mirror, some, revision);
      if (random.int(10) === 0) takeListing(mirror, listing(revision, ...store.values()));
    }
    takeListing(mirror, listing(revision, ...store.values()));
    expect(textOf(mirror.entries), `seed ${seed}`).toEqual(textOf(store));
  }
});
