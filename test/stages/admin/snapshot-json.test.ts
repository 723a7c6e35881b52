/**
 * Pages of a snapshot's resources: together they are the whole, and none is large.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { SnapshotJson } from "../../../src/admin/api-schema.ts";
import { nodeResourcesSchema } from "../../../src/admin/api-schema.ts";
import { nodeResourcesJson } from "../../../src/admin/node-resources-json.ts";
import type { ResourceQuery } from "../../../src/admin/snapshot-json.ts";
import { snapshotJson } from "../../../src/admin/snapshot-json.ts";
import type { Resource, ResourceName, VersionInfo } from "../../../src/snapshot/resource.ts";
import type { Snapshot } from "../../../src/snapshot/snapshot.ts";
import { createSnapshot, createTable } from "../../../src/snapshot/snapshot.ts";
import { resourceTypes } from "../../../src/snapshot/type-url.ts";
import { present } from "../../../src/support/assert.ts";
import { brand } from "../../../src/support/brand.ts";
import { edge } from "../fleet/example-events.ts";

function snapshotWith(names: readonly (readonly string[])[], bytes = 1): Snapshot {
  const tables = resourceTypes.map(({ typeUrl }, index) => {
    const resources = (names[index] ?? []).map((name) => resourceOf(typeUrl, name, bytes));
    return [typeUrl, createTable(typeUrl, resources)] as const;
  });
  return createSnapshot(edge, new Map(tables), {
    updates: { graceMs: 0, deadlineMs: 0, onDeadline: "hold", drainMs: 0 },
    cause: { text: "test", atMs: 0 },
  });
}

function resourceOf(typeUrl: string, name: string, bytes: number): Resource {
  return {
    typeUrl,
    name: brand<ResourceName>(name),
    version: brand<VersionInfo>("1"),
    body: new Uint8Array(bytes),
    references: [],
    at: { file: "a.yaml", line: 1, column: 1 },
    hostCount: 0,
  };
}

async function allPages(snapshot: Snapshot, query: ResourceQuery): Promise<readonly SnapshotJson[]> {
  const pages: SnapshotJson[] = [];
  for (let after: string | undefined; ; after = pages.at(-1)?.next) {
    if (pages.length > 0 && after === undefined) return pages;
    pages.push(await snapshotJson([snapshot], { ...query, after }));
  }
}

function namesOf(page: SnapshotJson): readonly string[] {
  return Object.entries(page.types).flatMap(([type, { resources }]) => resources.map(({ name }) => `${type}/${name}`));
}

test("the pages hold every resource once, in order, whatever the names", async () => {
  const names = fc.uniqueArray(
    fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom("a", "/", "é", "b", ".") }),
    {
      maxLength: 6,
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(names, { maxLength: 9 }), fc.integer({ min: 1, max: 7 }), async (all, limit) => {
      const snapshot = snapshotWith(all);
      const whole = namesOf(await snapshotJson([snapshot], { limit: 1_000 }));
      const pages = await allPages(snapshot, { limit });
      expect(pages.flatMap(namesOf)).toEqual(whole);
      expect(whole).toHaveLength(all.flat().length);
      expect(Math.max(...pages.map((page) => namesOf(page).length))).toBeLessThanOrEqual(limit);
    }),
  );
});

test("a page of rendered resources ends when it is large, however few they are", async () => {
  const snapshot = snapshotWith([["a", "b", "c", "d", "e"]], 600_000);
  const pages = await allPages(snapshot, { limit: 1_000, render: () => ({}) });
  expect(pages.map((page) => namesOf(page).length)).toEqual([2, 2, 1]);
});

test("only one type is shown when only one is asked for", async () => {
  const snapshot = snapshotWith([["secret"], ["cluster"], ["endpoints"]]);
  const page = await snapshotJson([snapshot], { limit: 10, type: "clusters" });
  expect(Object.keys(page.types)).toEqual(["clusters"]);
  expect(namesOf(page)).toEqual(["clusters/cluster"]);
});

test("a resource that ends by itself has its TTL, in a snapshot and in what a node has, and another has none", async () => {
  const { typeUrl } = present(resourceTypes[1], "clusters are there");
  const [kept, lent] = [resourceOf(typeUrl, "kept", 1), { ...resourceOf(typeUrl, "lent", 1), ttlMs: 90_000 }];
  const snapshot = createSnapshot(edge, new Map([[typeUrl, createTable(typeUrl, [kept, lent])]]), {
    updates: { graceMs: 0, deadlineMs: 0, onDeadline: "hold", drainMs: 0 },
    cause: { text: "test", atMs: 0 },
  });
  const page = await snapshotJson([snapshot], { limit: 10 });
  expect(page.types["clusters"]?.resources.map(({ name, ttl }) => [name, ttl])).toEqual([
    ["kept", undefined],
    ["lent", "90s"],
  ]);
  const inspected = [kept, lent].map((resource) => {
    const { name } = resource;
    return { typeUrl, name, status: "synced", heldVersion: "1", held: resource, wanted: undefined } as const;
  });
  const ofNode = nodeResourcesSchema.parse(nodeResourcesJson({ resources: inspected, next: undefined }, undefined));
  expect(ofNode.resources.map(({ name, ttl }) => [name, ttl])).toEqual([
    ["kept", undefined],
    ["lent", "90s"],
  ]);
});

test("endpoints and routes say how many hosts they have, and nobody else does", async () => {
  const [endpoints, cluster] = ["endpoints", "clusters"].map(
    (plural) =>
      present(
        resourceTypes.find((type) => type.plural === plural),
        "the type is delivered",
      ).typeUrl,
  );
  const snapshot = createSnapshot(
    edge,
    new Map([
      [endpoints ?? "", createTable(endpoints ?? "", [{ ...resourceOf(endpoints ?? "", "a", 1), hostCount: 3 }])],
      [cluster ?? "", createTable(cluster ?? "", [resourceOf(cluster ?? "", "a", 1)])],
    ]),
    { updates: { graceMs: 0, deadlineMs: 0, onDeadline: "hold", drainMs: 0 }, cause: { text: "test", atMs: 0 } },
  );
  const { types } = await snapshotJson([snapshot], { limit: 10 });
  expect(types["endpoints"]?.resources[0]).toHaveProperty("hosts", 3);
  expect(types["clusters"]?.resources[0]).not.toHaveProperty("hosts");
});
