/**
 * What left a list and what came into it.
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { differences } from "../../../src/support/differences.ts";

it("makes the second list of the first one, as far as order does not matter", () => {
  const items = Array.from({ length: 200 }, (_, id) => ({ id }));
  const some = fc.subarray(items);
  fc.assert(
    fc.property(some, some, (before, after) => {
      const { gone, come } = differences(before, after);
      const left = [...before];
      for (const item of gone) left.splice(left.indexOf(item), 1);
      const ids = (list: readonly { readonly id: number }[]) => list.map(({ id }) => id).toSorted((a, b) => a - b);
      expect(ids([...left, ...come])).toEqual(ids(after));
    }),
  );
});

it("finds one that is changed, added or gone among many, and nothing else", () => {
  const items = Array.from({ length: 1_000 }, (_, id) => ({ id }));
  const other = { id: -1 };
  const [first, last] = [items[500], items[501]];
  expect(differences(items, items.with(500, other))).toEqual({ gone: [first], come: [other] });
  expect(differences(items, items.toSpliced(500, 0, other))).toEqual({ gone: [], come: [other] });
  expect(differences(items, items.toSpliced(500, 2))).toEqual({ gone: [first, last], come: [] });
});
