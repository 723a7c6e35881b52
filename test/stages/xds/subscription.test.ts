/**
 * What a list of names means, in both variants.
 */
import { describe, expect, test } from "vitest";
import { createSubscription, subscribeDelta, subscribeSotw } from "../../../src/xds/subscription.ts";
import { createNamePool } from "../../../src/xds/name-pool.ts";
import type { Subscription } from "../../../src/xds/subscription.ts";

const pool = createNamePool();
const withWildcard = { wildcardAllowed: true, pool };
const named = { wildcardAllowed: false, pool };

const asked = ({ wildcard, names }: Subscription) => [...(wildcard ? ["*"] : []), ...[...names].sort()];

describe("sotw", () => {
  const rows: readonly (readonly [string, readonly (readonly string[])[], readonly string[]])[] = [
    ["an empty list is the wildcard while the stream has named nothing", [[]], ["*"]],
    ["an empty list stays the wildcard", [[], []], ["*"]],
    ["an empty list means nothing once a name was sent", [["a"], []], []],
    ["an empty list means nothing once * was sent", [["*"], []], []],
    ["* and names may be mixed", [["*", "a"]], ["*", "a"]],
    ["a list without * ends the wildcard", [["*", "a"], ["a"]], ["a"]],
    [
      "the list replaces the one before",
      [
        ["a", "b"],
        ["b", "c"],
      ],
      ["b", "c"],
    ],
  ];
  test.each(rows)("%s", (_title, lists, expected) => {
    const subscription = createSubscription();
    for (const names of lists) subscribeSotw(subscription, names, withWildcard);
    expect(asked(subscription)).toEqual(expected);
  });

  test("says what was added and dropped", () => {
    const subscription = createSubscription();
    subscribeSotw(subscription, ["a", "b"], named);
    expect(subscribeSotw(subscription, ["b", "c"], named)).toEqual({
      added: ["c"],
      fresh: ["c"],
      dropped: ["a"],
      wildcardStarted: false,
    });
  });

  test("a type without wildcard takes an empty list as nothing", () => {
    const subscription = createSubscription();
    subscribeSotw(subscription, [], named);
    expect(asked(subscription)).toEqual([]);
  });
});

describe("delta", () => {
  type Step = { readonly subscribe?: readonly string[]; readonly unsubscribe?: readonly string[] };
  const rows: readonly (readonly [string, readonly Step[], readonly string[]])[] = [
    ["naming nothing in the first request is the wildcard", [{}], ["*"]],
    ["naming nothing later changes nothing", [{ subscribe: ["a"] }, {}], ["a"]],
    ["* asks for everything", [{ subscribe: ["*"] }], ["*"]],
    ["the wildcard stays beside names", [{}, { subscribe: ["a"] }], ["*", "a"]],
    ["* is dropped like a name", [{ subscribe: ["*", "a"] }, { unsubscribe: ["*"] }], ["a"]],
    [
      "a name that was never subscribed is dropped without effect",
      [{ subscribe: ["a"] }, { unsubscribe: ["x"] }],
      ["a"],
    ],
  ];
  test.each(rows)("%s", (_title, steps, expected) => {
    const subscription = createSubscription();
    steps.forEach(({ subscribe = [], unsubscribe = [] }, index) =>
      subscribeDelta(subscription, { subscribe, unsubscribe, first: index === 0 }, withWildcard),
    );
    expect(asked(subscription)).toEqual(expected);
  });

  test("a name that is subscribed again counts as added, because the client may have forgotten it", () => {
    const subscription = createSubscription();
    subscribeDelta(subscription, { subscribe: ["a"], unsubscribe: [], first: true }, withWildcard);
    const again = subscribeDelta(subscription, { subscribe: ["a"], unsubscribe: [], first: false }, withWildcard);
    expect(again.added).toEqual(["a"]);
  });
});
