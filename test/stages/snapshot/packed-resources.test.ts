/**
 * Resources come out of their package as they went in.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { packResources, unpackResources } from "../../../src/snapshot/packed-resources.ts";
import type { Resource, ResourceName, VersionInfo } from "../../../src/snapshot/resource.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";

const reference = fc.record({ typeUrl: fc.constantFrom(typeUrls.endpoints, typeUrls.secret), name: fc.string() });
const resource: fc.Arbitrary<Resource> = fc.record(
  {
    typeUrl: fc.constant(typeUrls.cluster),
    name: fc.string().map((name) => name as ResourceName),
    version: fc.stringMatching(/^[0-9a-f]{16}$/).map((version) => version as VersionInfo),
    body: fc.uint8Array({ maxLength: 40 }),
    references: fc.array(reference, { maxLength: 3 }),
    at: fc.record({ file: fc.constantFrom("a.yaml", "b.yaml", ""), line: fc.nat(2 ** 31 - 1), column: fc.nat(9) }),
    hostCount: fc.nat(10_000),
    ttlMs: fc.constantFrom(1, 2 ** 40),
    onDemand: fc.constant(true as const),
  },
  { requiredKeys: ["typeUrl", "name", "version", "body", "references", "at", "hostCount"] },
);

test("all fields of all resources are the same on the other side, in the same order", () => {
  fc.assert(
    fc.property(fc.array(resource, { maxLength: 20 }), fc.boolean(), (resources, isCopied) => {
      const packed = packResources(typeUrls.cluster, resources);
      const received = structuredClone(packed, { transfer: [packed.bodies.buffer] });
      expect(unpackResources(received, { isCopied })).toEqual(resources);
    }),
  );
});

test("the bodies are one piece of memory, unless they are to be copies", () => {
  const [first] = fc.sample(resource, 1);
  const all = [first, first].map((each) => ({ ...each, body: new Uint8Array([1, 2]) }) as Resource);
  const packed = packResources(typeUrls.cluster, all);
  const buffers = (isCopied: boolean) => new Set(unpackResources(packed, { isCopied }).map(({ body }) => body.buffer));
  expect(buffers(false)).toEqual(new Set([packed.bodies.buffer]));
  expect(buffers(true).size).toBe(2);
});
