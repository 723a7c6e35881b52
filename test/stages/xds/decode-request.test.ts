/**
 * Requests decoded by hand: the same as the generated code reads, and the same objects for the same bytes.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Node } from "../../../src/gen/envoy/config/core/v3/base.ts";
import { DeltaDiscoveryRequest, DiscoveryRequest } from "../../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { createRequestDecoder } from "../../../src/xds/decode-request.ts";

const name = fc.oneof(fc.string({ unit: "grapheme", maxLength: 150 }), fc.constantFrom("a", "*", "__proto__", ""));
const names = fc.array(name, { maxLength: 60 });
const status = fc.option(fc.record({ code: fc.integer(), message: name }), { nil: undefined });
const node = fc.option(fc.record({ id: name, cluster: name }), { nil: undefined });

/** Long enough to be remembered. */
const manyNames = Array.from({ length: 100 }, (_, index) => `cluster-${index}`);

function deltaBytes(request: Parameters<typeof DeltaDiscoveryRequest.fromPartial>[0]): Uint8Array {
  return DeltaDiscoveryRequest.encode(DeltaDiscoveryRequest.fromPartial(request)).finish();
}

describe("a request is read as the generated code reads it", () => {
  // One decoder for all of them: what it remembers must never come back for other bytes.
  const decoder = createRequestDecoder();

  test("in SotW", () => {
    const request = fc.record({
      node,
      typeUrl: name,
      resourceNames: names,
      versionInfo: name,
      responseNonce: name,
      errorDetail: status,
    });
    fc.assert(
      fc.property(request, (said) => {
        const bytes = DiscoveryRequest.encode(DiscoveryRequest.fromPartial(said)).finish();
        const expected = DiscoveryRequest.decode(bytes);
        const decoded = decoder.decode("sotw", bytes, { withNode: true });
        expect(decoded.node).toEqual(expected.node);
        expect(decoded.namesCount).toBe(expected.resourceNames.length);
        expect(decoded.demand).toEqual({
          variant: "sotw",
          typeUrl: expected.typeUrl,
          names: expected.resourceNames,
          versionInfo: expected.versionInfo,
          nonce: expected.responseNonce,
          error: expected.errorDetail?.message,
        });
      }),
    );
  });

  test("in delta, with what it holds", () => {
    const request = fc.record({
      node,
      typeUrl: name,
      resourceNamesSubscribe: names,
      resourceNamesUnsubscribe: names,
      initialResourceVersions: fc.dictionary(name, name),
      responseNonce: name,
      errorDetail: status,
    });
    fc.assert(
      fc.property(request, (said) => {
        const bytes = deltaBytes(said);
        const expected = DeltaDiscoveryRequest.decode(bytes);
        const decoded = decoder.decode("delta", bytes, { withNode: false });
        const initialVersions = new Map(Object.entries(expected.initialResourceVersions));
        expect(decoded.demand).toEqual({
          variant: "delta",
          typeUrl: expected.typeUrl,
          subscribe: expected.resourceNamesSubscribe,
          unsubscribe: expected.resourceNamesUnsubscribe,
          initialVersions,
          nonce: expected.responseNonce,
          error: expected.errorDetail?.message,
        });
      }),
    );
  });

  test("whatever bytes come: it is refused, or read, and never anything else", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom("sotw" as const, "delta" as const),
        (bytes, variant) => {
          const read = () => decoder.decode(variant, bytes, { withNode: false }).demand.variant;
          try {
            expect(read()).toBe(variant);
          } catch (error) {
            expect((error as Error).message).toMatch(/message/);
          }
        },
      ),
    );
  });
});

describe("a long request that comes again", () => {
  test("gives the same objects, also when another node says it", () => {
    const decoder = createRequestDecoder();
    const say = (id: string) => ({
      node: Node.fromPartial({ id }),
      typeUrl: typeUrls.endpoints,
      resourceNamesSubscribe: manyNames,
      initialResourceVersions: { a: "1" },
    });
    const first = decoder.decode("delta", deltaBytes(say("edge-1")), { withNode: true });
    const second = decoder.decode("delta", deltaBytes(say("edge-2")), { withNode: true });
    expect(second.demand).toBe(first.demand);
    expect([first.node?.id, second.node?.id]).toEqual(["edge-1", "edge-2"]);
  });

  test("is told from one of the same length that differs in one byte", () => {
    const decoder = createRequestDecoder();
    const say = (last: string) =>
      deltaBytes({ typeUrl: typeUrls.endpoints, resourceNamesSubscribe: [...manyNames, last] });
    const [first, second] = ["x", "y"].map((last) => decoder.decode("delta", say(last), { withNode: false }).demand);
    expect(second).not.toEqual(first);
  });

  test("keeps nothing of the bytes that it came in", () => {
    const decoder = createRequestDecoder();
    const bytes = deltaBytes({ typeUrl: typeUrls.endpoints, resourceNamesSubscribe: manyNames });
    const copy = Uint8Array.from(bytes);
    const first = decoder.decode("delta", bytes, { withNode: false }).demand;
    bytes.fill(0xff);
    expect(decoder.decode("delta", copy, { withNode: false }).demand).toBe(first);
  });
});

test("a name that came before is read right, in any order and among others", () => {
  const decoder = createRequestDecoder();
  const read = (...said: readonly string[]) => {
    const { demand } = decoder.decode("delta", deltaBytes({ resourceNamesSubscribe: said }), { withNode: false });
    return demand.variant === "delta" ? demand.subscribe : [];
  };
  expect(read("cluster-1", "ü", "cluster-2")).toEqual(["cluster-1", "ü", "cluster-2"]);
  expect(read("cluster-2", "cluster-1")).toEqual(["cluster-2", "cluster-1"]);
});
