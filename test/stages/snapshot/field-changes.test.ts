/**
 * Fields that differ, told by the names of what they are in.
 */
import { describe, expect, test } from "vitest";
import { addressOf, fieldChanges } from "../../../src/snapshot/field-changes.ts";

const named = (name: string, value = 1) => ({ name, value });

describe("fieldChanges", () => {
  test("the deepest fields are told with both values, and what comes or goes as a whole", () => {
    const before = { a: { b: 1, same: [1] }, gone: { x: 1 } };
    const after = { a: { b: 2, same: [1] }, come: true };
    expect(fieldChanges(before, after)).toEqual([
      { path: "a.b", kind: "changed", before: 1, after: 2 },
      { path: "gone", kind: "removed", before: { x: 1 } },
      { path: "come", kind: "added", after: true },
    ]);
    expect(fieldChanges(before, before)).toEqual([]);
    expect(fieldChanges({ a: 1 }, { a: [1] })).toEqual([{ path: "a", kind: "changed", before: 1, after: [1] }]);
  });

  test("items with names are compared by them, so that one in front changes no other", () => {
    expect(fieldChanges({ l: [named("a"), named("b")] }, { l: [named("new"), named("a"), named("b", 2)] })).toEqual([
      { path: "l[b].value", kind: "changed", before: 1, after: 2 },
      { path: "l[new]", kind: "added", after: named("new") },
    ]);
  });

  test("another order of named items is a change", () => {
    expect(fieldChanges([named("a"), named("b")], [named("b"), named("a")], "l")).toEqual([
      { path: "l", kind: "reordered", before: ["a", "b"], after: ["b", "a"] },
    ]);
  });

  test("items without names, or with one name twice, are compared by position, without what is equal at both ends", () => {
    expect(fieldChanges([1, 2, 3], [1, 9, 2, 3], "l")).toEqual([{ path: "l[1]", kind: "added", after: 9 }]);
    expect(fieldChanges([1, 2, 3], [1, 3], "l")).toEqual([{ path: "l[1]", kind: "removed", before: 2 }]);
    expect(fieldChanges([1, 2], [1, 3], "l")).toEqual([{ path: "l[1]", kind: "changed", before: 2, after: 3 }]);
    const twice = [named("a"), named("a")];
    expect(fieldChanges(twice, [named("a"), named("a", 2)], "l")).toEqual([
      { path: "l[1].value", kind: "changed", before: 1, after: 2 },
    ]);
  });

  test("hosts are called by their addresses", () => {
    const host = (port: number, weight: number) => ({
      endpoint: { address: { socket_address: { address: "::1", port_value: port } } },
      weight,
    });
    expect(fieldChanges([host(1, 1), host(2, 1)], [host(2, 5)], "hosts")).toEqual([
      { path: "hosts[[::1]:1]", kind: "removed", before: host(1, 1) },
      { path: "hosts[[::1]:2].weight", kind: "changed", before: 1, after: 5 },
    ]);
    expect(addressOf({ pipe: { path: "/run/a" } })).toBe("/run/a");
    expect(addressOf({ envoy_internal_address: {} })).toBeUndefined();
  });
});
