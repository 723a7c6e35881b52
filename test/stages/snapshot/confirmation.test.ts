/**
 * What a confirmation lets through: one content, in the groups that held it, for a day, and once.
 */
import { expect, test } from "vitest";
import type { Confirmation } from "../../../src/snapshot/confirmation.ts";
import {
  addConfirmation,
  confirmationInForce,
  confirmationOf,
  spendConfirmation,
} from "../../../src/snapshot/confirmation.ts";

const DAY_MS = 24 * 60 * 60_000;

const given = (of: Partial<Confirmation> = {}): Confirmation => ({
  version: "aa",
  groups: ["edge", "inner"],
  spent: [],
  actor: "alice",
  replica: "one",
  atMs: 1_000,
  ...of,
});

const edge = { group: "edge", version: "aa" };

test("a confirmation is for its content and its groups alone", () => {
  const all = [given()];
  expect(confirmationInForce(all, edge, 2_000)).toBe(all[0]);
  expect(confirmationInForce(all, { ...edge, version: "ab" }, 2_000)).toBeUndefined();
  expect(confirmationInForce(all, { ...edge, group: "outer" }, 2_000)).toBeUndefined();
});

test("a confirmation is in force for a day, also by a clock that is behind", () => {
  expect(confirmationInForce([given()], edge, 0)).toBeDefined();
  expect(confirmationInForce([given()], edge, 999 + DAY_MS)).toBeDefined();
  expect(confirmationInForce([given()], edge, 1_000 + DAY_MS)).toBeUndefined();
});

test("a confirmation that is spent in one group is in force in the others, and is shown all the same", () => {
  const all = spendConfirmation([given()], { ...edge, atMs: 1_000 });
  expect(confirmationInForce(all, edge, 2_000)).toBeUndefined();
  expect(confirmationInForce(all, { ...edge, group: "inner" }, 2_000)).toBeDefined();
  expect(confirmationOf(all, edge)).toMatchObject({ actor: "alice", spent: ["edge"] });
});

test("one that is given anew is in force although the one before is spent", () => {
  const all = addConfirmation(spendConfirmation([given()], { ...edge, atMs: 1_000 }), given({ atMs: 5_000 }));
  expect(confirmationInForce(all, edge, 6_000)?.atMs).toBe(5_000);
});

test("spending what is spent, or not there, changes nothing", () => {
  const all = spendConfirmation([given()], { ...edge, atMs: 1_000 });
  expect(spendConfirmation(all, { ...edge, atMs: 1_000 })).toBe(all);
  expect(spendConfirmation(all, { ...edge, group: "inner", atMs: 1 })).toBe(all);
});

test("fifty are kept, the newest first", () => {
  let all: readonly Confirmation[] = [];
  for (let atMs = 1; atMs <= 60; atMs += 1) all = addConfirmation(all, given({ atMs }));
  expect([all.length, all[0]?.atMs, all.at(-1)?.atMs]).toEqual([50, 60, 11]);
});
