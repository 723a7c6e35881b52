/**
 * What is told of an instance that drains, by what is left of its service.
 */
import { expect, test } from "vitest";
import { drainWarning } from "../../../src/cli/last-instances.ts";

const warning = (count: number, readyCount: number) => drainWarning("/services/shop/a", { count, readyCount });

test("says what becomes of requests when nobody else takes them", () => {
  expect(warning(0, 0)).toMatch(/^\/services\/shop\/a is the only instance of its service: Envoys send requests to it/);
  expect(warning(2, 0)).toMatch(/^\/services\/shop\/a is the last of 3 that takes requests: /);
});

test("says when fewer than half are left, which is below the panic threshold", () => {
  expect(warning(3, 1)).toMatch(/^1 of 4 instances are left/);
  expect(warning(4, 2)).toMatch(/^2 of 5 instances are left/);
  expect(warning(3, 2)).toBeUndefined();
  expect(warning(1, 1)).toBeUndefined();
});
