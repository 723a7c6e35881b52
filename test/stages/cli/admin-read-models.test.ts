/**
 * Which groups the admin API lists: those of the config, and no longer than needed those that have gone from it.
 */
import { expect, test } from "vitest";
import { groupViews } from "../../../src/cli/admin-read-models.ts";
import { createFleet, step } from "../../../src/fleet/fleet.ts";
import type { NodeGroup } from "../../../src/model/intent.ts";
import { emptyPublication, publish } from "../../../src/snapshot/publication.ts";
import type { Publication } from "../../../src/snapshot/publication.ts";
import type { GroupName } from "../../../src/snapshot/snapshot.ts";
import { brand } from "../../../src/support/brand.ts";
import { edge, snapshotOf, streamOf } from "../fleet/example-events.ts";

const waitsOf = () => [];
const rim = brand<GroupName>("rim");

/** The publication after a build with these groups. */
function built(state: Publication, ...names: readonly GroupName[]): Publication {
  const groups = names.map((name): NodeGroup => ({
    name,
    at: { file: "nodes.yaml", line: 1, column: 1 },
    match: {},
    consistency: "strict",
    removalGuard: { mode: "on" },
    updates: {},
  }));
  const snapshots = new Map(names.map((name) => [name, snapshotOf({ shop: "a1" }, name)]));
  return publish(state, { kind: "built", groups, snapshots, warnings: [], atMs: 1 }).state;
}

test("a group that has gone from the config is listed while connected nodes are in it, and no longer", () => {
  const publication = built(built(emptyPublication, edge, rim), rim);
  const fleet = createFleet();
  const names = () => groupViews({ publication }, { fleet, others: [], nowMs: 0, waitsOf }).map(({ name }) => name);
  expect(names()).toEqual([rim]);
  const [moves, leaves] = [streamOf("a", 1), streamOf("b", 2)];
  step(fleet, moves.opened());
  step(fleet, leaves.opened());
  expect(names()).toEqual([edge, rim]);
  step(fleet, moves.moved(rim));
  expect(names()).toEqual([edge, rim]);
  step(fleet, leaves.closed());
  expect(names()).toEqual([rim]);
});

test("a group of the config is listed without any node", () => {
  const publication = built(emptyPublication, edge);
  expect(groupViews({ publication }, { fleet: createFleet(), others: [], nowMs: 0, waitsOf })).toMatchObject([
    { name: edge, source: "config" },
  ]);
});
