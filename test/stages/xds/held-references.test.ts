/**
 * What clusters that clients hold refer to: found once for those who hold the same, and right for each.
 */
import { expect, test } from "vitest";
import type { ResourceName } from "../../../src/snapshot/resource.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { brand } from "../../../src/support/brand.ts";
import { childrenOf } from "../../../src/xds/held-references.ts";
import type { Held } from "../../../src/xds/holding.ts";
import type { TypeState } from "../../../src/xds/stream-state.ts";
import { createStream, typeStateOf } from "../../../src/xds/stream-state.ts";
import { plainView } from "../../../src/xds/view.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";

const [before, after] = [1, 2].map((tune) => {
  const clusters = { a: { hosts: ["10.0.0.1"], tune }, b: { hosts: ["10.0.0.2"] } };
  return buildSnapshot({ clusters }).tables.get(typeUrls.cluster);
});

function name(text: string): ResourceName {
  return brand<ResourceName>(text);
}

/** A client that holds all clusters of `after` but for these. */
function holding(exceptions: Readonly<Record<string, Held | undefined>>): TypeState {
  const type = typeStateOf(createStream({ streamId: 1, nodeId: "n", variant: "delta" }), typeUrls.cluster);
  if (type === undefined || after === undefined) throw new Error("there are clusters");
  type.subscription.wildcard = true;
  type.held.assume(plainView(after));
  for (const [text, held] of Object.entries(exceptions)) {
    if (held === undefined) type.held.delete(name(text));
    else type.held.set(name(text), held);
  }
  return type;
}

const oldA = () => before?.resources.get(name("a"));
const endpointsOf = (type: TypeState) => [...childrenOf(type, typeUrls.endpoints)].sort();

test("clients that have refused the same share the set of children", () => {
  const [one, two] = [holding({ a: oldA() }), holding({ a: oldA() })];
  expect(endpointsOf(one)).toEqual(["a", "b"]);
  expect(childrenOf(two, typeUrls.endpoints)).toBe(childrenOf(one, typeUrls.endpoints));
});

test("clients that hold something else have children of their own", () => {
  expect(endpointsOf(holding({}))).toEqual(["a", "b"]);
  expect(endpointsOf(holding({ a: undefined }))).toEqual(["b"]);
  expect(endpointsOf(holding({ b: undefined }))).toEqual(["a"]);
  expect(endpointsOf(holding({ a: "" }))).toEqual(["b"]);
  expect(endpointsOf(holding({ a: oldA(), b: undefined }))).toEqual(["a"]);
});
