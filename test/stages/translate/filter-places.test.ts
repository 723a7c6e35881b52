/**
 * The places that extensions can name are all that there are, in the order of the chain.
 */
import { expect, test } from "vitest";
import { filterPlaces } from "../../../src/model/filter-extensions.ts";
import { filterPartNames } from "../../../src/model/filter-parts.ts";
import { partsOfChain } from "../../../src/translate/http-filters.ts";

test("every part that makes filters is a place, and they are listed as requests meet them", () => {
  expect(filterPlaces).toEqual(partsOfChain);
  expect(filterPlaces.toSorted()).toEqual(filterPartNames.filter((name) => name !== "extensions"));
});
