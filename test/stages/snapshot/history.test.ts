/**
 * The last snapshots of each group.
 */
import { describe, expect, it } from "vitest";
import { present } from "../../../src/support/assert.ts";
import { emptyHistory, findSnapshot, findTable, remember } from "../../../src/snapshot/history.ts";
import type { SnapshotHistory } from "../../../src/snapshot/history.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { fakeResource, fakeSnapshot } from "../../support/snapshot-of.ts";

const snapshot = (content: string) => fakeSnapshot([fakeResource(typeUrls.cluster, "a", { content })]);
const historyOf = (snapshots: readonly Snapshot[]) => snapshots.reduce<SnapshotHistory>(remember, emptyHistory);

describe("remember", () => {
  it("keeps the last fifty of a group, newest first", () => {
    const all = Array.from({ length: 60 }, (_, index) => snapshot(`${index}`));
    expect([...historyOf(all).values()]).toEqual([all.toReversed().slice(0, 50)]);
  });

  it("does not count one version twice in a row, but does when it comes back", () => {
    const [a, again, b] = [snapshot("a"), snapshot("a"), snapshot("b")];
    expect([...historyOf([a, again, b, a]).values()]).toEqual([[a, b, again]]);
  });
});

describe("findSnapshot and findTable", () => {
  it("find by version what is remembered", () => {
    const [a, b] = [snapshot("a"), snapshot("b")];
    const history = historyOf([a, b]);
    const table = present(a.tables.get(typeUrls.cluster), "every snapshot has it");
    expect(findSnapshot(history, a.version)).toBe(a);
    expect(findTable(history, typeUrls.cluster, table.version)).toBe(table);
    expect(findSnapshot(history, snapshot("c").version)).toBeUndefined();
    expect(findTable(history, typeUrls.listener, table.version)).toBeUndefined();
  });
});
