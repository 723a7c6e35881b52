/**
 * Answers of the client status service in pages: complete, bounded, and a little at a time.
 */
import { expect, test } from "vitest";
import type { ClientStatusSource } from "../../../src/admin/client-status.ts";
import { clientStatusPages } from "../../../src/admin/client-status.ts";
import { ClientStatusResponse } from "../../../src/gen/envoy/service/status/v3/csds.ts";
import { brand } from "../../../src/support/brand.ts";
import type { Resource, ResourceName, VersionInfo } from "../../../src/snapshot/resource.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import type { InspectedResource } from "../../../src/xds/inspect-stream.ts";
import { identity } from "../fleet/example-events.ts";

const MIB = 1024 * 1024;

function resourceOf(name: string, bytes: number): Resource {
  return {
    typeUrl: typeUrls.cluster,
    name: brand<ResourceName>(name),
    version: brand<VersionInfo>("1"),
    body: Buffer.alloc(bytes),
    references: [],
    at: { file: "a.yaml", line: 1, column: 1 },
    hostCount: 0,
  };
}

/** So many nodes, each with so many synced resources of so many bytes. */
function sourceOf(of: { readonly nodes: number; readonly resources: number; readonly bytes: number }) {
  const inspected = Array.from({ length: of.resources }, (_, index): InspectedResource => {
    const wanted = resourceOf(`c${String(index).padStart(5, "0")}`, of.bytes);
    return { typeUrl: wanted.typeUrl, name: wanted.name, status: "synced", heldVersion: "1", held: wanted, wanted };
  });
  const source: ClientStatusSource = {
    nodes: () => Array.from({ length: of.nodes }, (_, index) => identity(`n${index}`)),
    resources: (_id, { after, limit }) => {
      const from = after === undefined ? 0 : inspected.findIndex(({ name }) => name === after.name) + 1;
      const resources = inspected.slice(from, from + limit);
      const last = resources.at(-1);
      const isLast = last === undefined || from + limit >= inspected.length;
      return { resources, next: isLast ? undefined : { typeUrl: last.typeUrl, name: last.name } };
    },
    node: () => undefined,
    content: ({ body }) => body,
  };
  return source;
}

function answer(source: ClientStatusSource, withContents = true) {
  const pages = [...clientStatusPages(source, { nodes: source.nodes(), withContents })];
  const responses = pages.flatMap((page) => page ?? []);
  const decoded = responses.map((bytes) => ClientStatusResponse.decode(bytes));
  const entries = decoded.flatMap(({ config }) =>
    config.flatMap(({ node, genericXdsConfigs }) => genericXdsConfigs.map(({ name }) => `${node?.id} ${name}`)),
  );
  return { responses, decoded, entries, pauses: pages.length - responses.length };
}

test("an answer is cut into responses that a client takes, and nothing is lost or said twice", () => {
  const { responses, entries } = answer(sourceOf({ nodes: 3, resources: 500, bytes: 10_000 }));
  expect(responses.length).toBeGreaterThan(3);
  for (const response of responses) expect(response.byteLength).toBeLessThan(4 * MIB);
  expect(new Set(entries).size).toBe(1_500);
  expect(entries).toHaveLength(1_500);
});

test("without contents the same is one response", () => {
  const { responses, entries, decoded } = answer(sourceOf({ nodes: 3, resources: 500, bytes: 10_000 }), false);
  expect([responses.length, entries.length]).toEqual([1, 1_500]);
  expect(decoded[0]?.config[0]?.genericXdsConfigs[0]?.xdsConfig).toBeUndefined();
});

test("others have a turn after a few hundred resources", () => {
  expect(answer(sourceOf({ nodes: 2, resources: 1_000, bytes: 10 })).pauses).toBe(10);
});

test("a resource that is larger than a response is named without its content", () => {
  const { responses, decoded } = answer(sourceOf({ nodes: 1, resources: 1, bytes: 5 * MIB }));
  expect(responses).toHaveLength(1);
  expect(decoded[0]?.config[0]?.genericXdsConfigs).toMatchObject([{ name: "c00000", xdsConfig: undefined }]);
});

test("nodes without a resource are listed, and no node is an empty response", () => {
  expect(answer(sourceOf({ nodes: 2, resources: 0, bytes: 0 })).decoded[0]?.config.map(({ node }) => node?.id)).toEqual(
    ["n0", "n1"],
  );
  expect(answer(sourceOf({ nodes: 0, resources: 0, bytes: 0 })).decoded).toEqual([{ config: [] }]);
});
