/**
 * No mass removal by accident.
 */
import { describe, expect, it } from "vitest";
import { checkRemoval, checkRemovalFrom, livingNames } from "../../../src/snapshot/removal-guard.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { fakeResource, fakeSnapshot } from "../../support/snapshot-of.ts";

const on = { mode: "on" } as const;
const letters = "abcdefghijklmnopqrstuvwxyz".split("");

const clusters = (...names: readonly string[]) =>
  fakeSnapshot(names.map((name) => fakeResource(typeUrls.cluster, name)));
const first = (count: number) => clusters(...letters.slice(0, count));

/** Load assignments, `a` with hosts and `-a` without. */
function endpoints(...names: readonly string[]): Snapshot {
  return fakeSnapshot(
    names.map((name) => {
      const empty = name.startsWith("-");
      return fakeResource(typeUrls.endpoints, name.replace("-", ""), { content: name, hostCount: empty ? 0 : 2 });
    }),
  );
}

describe("checkRemoval", () => {
  it.each<[string, Snapshot, Snapshot]>([
    ["nothing to happen", first(10), first(10)],
    ["a first resource", clusters(), first(1)],
    ["growth", first(3), first(20)],
    ["two of three to go", first(3), first(1)],
    ["two of ten to go", first(10), first(8)],
    ["a fifth to go", first(20), first(16)],
    ["everything to be replaced", clusters("a", "b", "c"), clusters("x", "y", "z")],
    ["three to go when two come", clusters("a", "b", "c", "d"), clusters("d", "x", "y")],
    ["one of several load assignments to be emptied", endpoints("a", "b"), endpoints("a", "-b")],
    ["an empty load assignment to go", endpoints("-a", "-b", "-c", "d"), endpoints("d")],
    ["hosts to move to another load assignment", endpoints("a", "-b"), endpoints("-a", "b")],
  ])("allows %s", (_, served, wanted) => {
    expect(checkRemoval(served, wanted, on)).toEqual({ kind: "allowed" });
  });

  it.each<[string, Snapshot, Snapshot, { readonly removedCount: number; readonly ofCount: number }]>([
    ["the only one", first(1), clusters(), { removedCount: 1, ofCount: 1 }],
    ["the last of a few", first(2), clusters(), { removedCount: 2, ofCount: 2 }],
    ["three of ten", first(10), first(7), { removedCount: 3, ofCount: 10 }],
    ["more than a fifth", first(20), first(15), { removedCount: 5, ofCount: 20 }],
    ["three more than come", clusters("a", "b", "c", "d", "e"), clusters("e", "x"), { removedCount: 3, ofCount: 5 }],
    ["the hosts of the only load assignment", endpoints("a"), endpoints("-a"), { removedCount: 1, ofCount: 1 }],
    ["the hosts of every load assignment", endpoints("a", "b"), endpoints("-a", "-b"), { removedCount: 2, ofCount: 2 }],
  ])("holds the removal of %s", (_, served, wanted, finding) => {
    expect(checkRemoval(served, wanted, on)).toMatchObject({ kind: "held", findings: [finding] });
  });

  it("allows load assignments to go whose clusters find their hosts by themselves from now on", () => {
    const eds = (name: string) => fakeResource(typeUrls.cluster, name, { references: [assigned(name)] });
    const assigned = (name: string) => ({ typeUrl: typeUrls.endpoints, name });
    const hosts = (name: string) => fakeResource(typeUrls.endpoints, name, { hostCount: 2 });
    const served = fakeSnapshot([eds("a"), eds("b"), hosts("a"), hosts("b")]);
    const dns = (name: string) => fakeResource(typeUrls.cluster, name, { content: "dns" });
    expect(checkRemoval(served, fakeSnapshot([dns("a"), dns("b")]), on)).toEqual({ kind: "allowed" });
    expect(checkRemoval(served, fakeSnapshot([dns("a"), eds("b")]), on).kind).toBe("held");
  });

  it("holds a change that leaves the only route configuration without a virtual host", () => {
    const routes = (hostCount: number) =>
      fakeSnapshot([fakeResource(typeUrls.route, "public/http", { content: String(hostCount), hostCount })]);
    expect(checkRemoval(routes(3), routes(0), on).kind).toBe("held");
    expect(checkRemoval(routes(3), routes(2), on).kind).toBe("allowed");
  });

  it("names the type and the first ten that would go", () => {
    expect(checkRemoval(first(26), first(5), on)).toEqual({
      kind: "held",
      findings: [{ typeUrl: typeUrls.cluster, removedCount: 21, ofCount: 26, names: letters.slice(5, 15), hosts: [] }],
    });
  });

  it("says how many hosts each of the endpoints had and would have", () => {
    expect(checkRemoval(endpoints("a", "b"), endpoints("-a"), on)).toMatchObject({
      findings: [
        {
          names: ["a", "b"],
          hosts: [
            { beforeCount: 2, afterCount: 0 },
            { beforeCount: 2, afterCount: 0 },
          ],
        },
      ],
    });
  });

  it("says the same where no more than the names are known of what is served", () => {
    for (const [served, wanted] of [
      [endpoints("a", "b"), endpoints("-a", "-b")],
      [first(26), first(5)],
      [first(3), first(1)],
    ] as const) {
      expect(checkRemovalFrom(livingNames(served), wanted, on)).toEqual(checkRemoval(served, wanted, on));
    }
  });

  it("judges each type by itself", () => {
    const served = fakeSnapshot([...first(4).tables.values()].flatMap((table) => [...table.resources.values()]));
    const both = fakeSnapshot([
      ...(served.tables.get(typeUrls.cluster)?.resources.values() ?? []),
      fakeResource(typeUrls.listener, "l"),
    ]);
    expect(checkRemoval(both, served, on)).toMatchObject({ findings: [{ typeUrl: typeUrls.listener }] });
  });

  it("follows the group's thresholds", () => {
    expect(checkRemoval(first(10), first(5), { mode: "on", percent: 50 })).toEqual({ kind: "allowed" });
    expect(checkRemoval(first(10), first(5), { mode: "on", minimum: 6 })).toEqual({ kind: "allowed" });
    expect(checkRemoval(first(10), first(9), { mode: "on", percent: 5, minimum: 1 })).toMatchObject({ kind: "held" });
    expect(checkRemoval(first(10), clusters(), { mode: "off" })).toEqual({ kind: "allowed" });
  });
});
