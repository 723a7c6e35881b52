/**
 * What is told of an instance that drains, by what is left of its service.
 */
import { expect, test } from "vitest";
import { drainWarning } from "../../../src/cli/last-instances.ts";

const warning = (count: number, readyCount: number, unhealthyCount = 0) =>
  drainWarning("/services/shop/a", { count, readyCount, unhealthyCount });

test("says what becomes of requests when nobody else takes them", () => {
  expect(warning(0, 0)).toMatch(/^\/services\/shop\/a is the only instance of its service: Envoys send requests to it/);
  expect(warning(2, 0)).toMatch(/^\/services\/shop\/a is the last of 3 that takes requests: /);
});

test("says when more than half of those that do not drain are unhealthy, which is below the panic threshold", () => {
  expect(warning(3, 1, 2)).toMatch(
    /^2 of the 3 others that do not drain are unhealthy, .* \/services\/shop\/a as well$/,
  );
  expect(warning(9, 1, 2)).toMatch(/^2 of the 3 /);
  expect(warning(2, 1, 1)).toBeUndefined();
});

test("says nothing of how many drain, as long as somebody takes requests", () => {
  expect(warning(3, 1)).toBeUndefined();
  expect(warning(100, 1)).toBeUndefined();
});
