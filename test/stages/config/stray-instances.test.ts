/** What is told of keys that are in no service, and how often. */
import { expect, test } from "vitest";
import { StrayInstances } from "../../../src/config/stray-instances.ts";

function open(): StrayInstances {
  const strays = new StrayInstances();
  strays.reset(new Set(["/services/shop/"]));
  return strays;
}

test("a key with a slash in its id is told with its service, once for each value", () => {
  const strays = open();
  strays.take("/services/shop/bad/6", 3);
  const message = 'the instance id "bad/6" has a slash in it';
  expect(strays.report()).toEqual({ refused: [{ key: "/services/shop/bad/6", revision: 3, message }], unnamed: [] });
  strays.take("/services/shop/bad/6", 3);
  expect(strays.report()).toEqual({ refused: [], unnamed: [] });
  strays.take("/services/shop/bad/6", 4);
  expect(strays.report()).toMatchObject({ refused: [{ revision: 4 }] });
});

test("a service that nobody names is told once, until it is named and forgotten again", () => {
  const strays = open();
  strays.take("/services/shp/1", 3);
  strays.take("/services/shp/2", 4);
  strays.take("/services/gone/1", 5);
  strays.take("/services/gone/1", undefined);
  expect(strays.report()).toEqual({ refused: [], unnamed: ["/services/shp/"] });
  strays.take("/services/shp/3", 6);
  expect(strays.report()).toEqual({ refused: [], unnamed: [] });
  strays.reset(new Set(["/services/shp/"]));
  strays.reset(new Set());
  strays.take("/services/shp/1", 3);
  expect(strays.report()).toMatchObject({ unnamed: ["/services/shp/"] });
});

test("a service that nobody names is told again when it comes back after it was gone", () => {
  const strays = open();
  strays.take("/services/shp/1", 3);
  expect(strays.report().unnamed).toEqual(["/services/shp/"]);
  strays.take("/services/shp/1", undefined);
  expect(strays.report().unnamed).toEqual([]);
  strays.take("/services/shp/1", 5);
  expect(strays.report().unnamed).toEqual(["/services/shp/"]);
});

test("what is there at this moment can be looked up, whether it was told or not", () => {
  const strays = open();
  strays.take("/services/shp/2", 3);
  strays.take("/services/shp/1", 4);
  strays.take("/services/shop/bad/6", 5);
  expect(strays.unnamed).toEqual({ count: 2, prefixes: ["/services/shp/"] });
  expect(strays.refused).toMatchObject({ count: 1, first: [{ key: "/services/shop/bad/6", revision: 5 }] });
  strays.take("/services/shp/2", undefined);
  strays.take("/services/shop/bad/6", undefined);
  expect(strays.unnamed.count).toBe(1);
  expect(strays.refused).toEqual({ count: 0, first: [] });
  strays.reset(new Set(["/services/shp/"]));
  expect(strays.unnamed).toEqual({ count: 0, prefixes: [] });
});

test("of another fleet's services so many are told and no more", () => {
  const strays = open();
  for (let index = 0; index < 20_000; index += 1) strays.take(`/services/s${index}/1`, 1);
  expect(strays.report().unnamed).toHaveLength(1_000);
  for (let index = 0; index < 20_000; index += 1) strays.take(`/services/s${index}/2`, 1);
  expect(strays.unnamed.prefixes).toHaveLength(100);
  expect(strays.report()).toEqual({ refused: [], unnamed: [] });
});
