/**
 * Bytes in and out: frames as the generated code reads them, requests with and without their node.
 */
import { describe, expect, test } from "vitest";
import {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
  Resource,
} from "../../../src/gen/envoy/service/discovery/v3/discovery.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { createRequestDecoder } from "../../../src/xds/decode-request.ts";
import { frameResponse } from "../../../src/xds/frame.ts";
import { matchGroup } from "../../../src/xds/match-group.ts";
import { readNode } from "../../../src/xds/read-node.ts";
import type { NodeIdentity } from "../../../src/xds/stream-event.ts";
import type { Response } from "../../../src/xds/stream-state.ts";
import { isNamed } from "../../../src/xds/verdict.ts";
import { Node } from "../../../src/gen/envoy/config/core/v3/base.ts";
import { buildSnapshot } from "../../support/build-snapshot.ts";

const clusters = buildSnapshot({ clusters: { a: ["10.0.0.1"], b: [] } }).tables.get(typeUrls.cluster)?.resources;

const response = {
  typeUrl: typeUrls.cluster,
  nonce: "1-1",
  versionInfo: "0123456789abcdef",
  resources: [...(clusters?.values() ?? [])],
  removed: ["gone"],
} as unknown as Response;

/** Without gRPC's prefix, which must be right. */
function withoutPrefix(frame: Buffer): Buffer {
  expect([frame[0], frame.readUInt32BE(1)]).toEqual([0, frame.length - 5]);
  return frame.subarray(5);
}

describe("a framed response", () => {
  test("is made once, however many streams it is sent to", () => {
    const sent = { ...response };
    expect(frameResponse("delta", sent, "fairway 1")).toBe(frameResponse("delta", sent, "fairway 1"));
  });

  test("is read by the generated code, in delta", () => {
    const read = DeltaDiscoveryResponse.decode(withoutPrefix(frameResponse("delta", { ...response }, "fairway 1")));
    expect(read).toMatchObject({
      typeUrl: typeUrls.cluster,
      nonce: "1-1",
      systemVersionInfo: "0123456789abcdef",
      removedResources: ["gone"],
      controlPlane: { identifier: "fairway 1" },
    });
    expect(read.resources.map(({ name, version }) => [name, version])).toEqual(
      response.resources.map(({ name, version }) => [name, version]),
    );
    expect(read.resources.map(({ resource }) => Buffer.from(resource?.value ?? []).toString())).toEqual(
      response.resources.map(({ body }) => Buffer.from(body).toString()),
    );
  });

  test("is read by the generated code, in SotW", () => {
    const read = DiscoveryResponse.decode(withoutPrefix(frameResponse("sotw", { ...response }, "fairway 1")));
    expect(read).toMatchObject({
      versionInfo: "0123456789abcdef",
      nonce: "1-1",
      controlPlane: { identifier: "fairway 1" },
    });
    expect(read.resources.map(({ typeUrl }) => typeUrl)).toEqual([typeUrls.cluster, typeUrls.cluster]);
  });

  test("has the TTL of a resource, in delta and in SotW, and a heartbeat in delta has no content", () => {
    const [first, second] = response.resources;
    if (first === undefined || second === undefined) throw new Error("there are two clusters");
    const short = { ...response, resources: [{ ...first, ttlMs: 1_500 }, second] };
    const ttl = { seconds: 1n, nanos: 500_000_000 };
    const delta = DeltaDiscoveryResponse.decode(withoutPrefix(frameResponse("delta", { ...short }, "f")));
    expect(delta.resources).toMatchObject([{ ttl, resource: { typeUrl: typeUrls.cluster } }, { ttl: undefined }]);
    const beat = { ...short, isHeartbeat: true } as const;
    const heartbeat = DeltaDiscoveryResponse.decode(withoutPrefix(frameResponse("delta", { ...beat }, "f")));
    expect(heartbeat.resources[0]).toMatchObject({
      name: first.name,
      version: first.version,
      ttl,
      resource: undefined,
    });
    const sotw = DiscoveryResponse.decode(withoutPrefix(frameResponse("sotw", { ...beat }, "f")));
    expect(sotw.resources.map(({ typeUrl }) => typeUrl.split(".").at(-1))).toEqual(["Resource", "Cluster"]);
    const wrapped = Resource.decode(sotw.resources[0]?.value ?? Buffer.alloc(0));
    expect(wrapped).toMatchObject({ name: first.name, ttl, resource: { typeUrl: typeUrls.cluster } });
    expect(Buffer.from(wrapped.resource?.value ?? []).toString()).toBe(Buffer.from(first.body).toString());
  });
});

describe("a request", () => {
  const node = Node.fromPartial({ id: "edge-1", cluster: "edge" });

  test("gives its node in the first message, and the same demand without it in later ones", () => {
    const bytes = DiscoveryRequest.encode(
      DiscoveryRequest.fromPartial({
        node,
        typeUrl: typeUrls.route,
        resourceNames: ["r"],
        versionInfo: "v",
        responseNonce: "n",
      }),
    ).finish();
    const first = createRequestDecoder().decode("sotw", bytes, { withNode: true });
    const later = createRequestDecoder().decode("sotw", bytes, { withNode: false });
    expect(first.node?.id).toBe("edge-1");
    expect(later.node).toBeUndefined();
    expect(later.demand).toEqual(first.demand);
  });

  test("counts its names, those that it holds included", () => {
    const bytes = DeltaDiscoveryRequest.encode(
      DeltaDiscoveryRequest.fromPartial({
        node,
        typeUrl: typeUrls.endpoints,
        resourceNamesSubscribe: ["a", "b"],
        resourceNamesUnsubscribe: ["c"],
        initialResourceVersions: { d: "1" },
      }),
    ).finish();
    expect(createRequestDecoder().decode("delta", bytes, { withNode: false }).namesCount).toBe(4);
  });
});

describe("a node", () => {
  test("needs an id, and one of bounded length", () => {
    expect(readNode(undefined).ok).toBe(false);
    expect(readNode(Node.fromPartial({ cluster: "edge" })).ok).toBe(false);
    expect(readNode(Node.fromPartial({ id: "x".repeat(257) })).ok).toBe(false);
  });

  test("is kept as identity, locality and flat metadata, and nothing more", () => {
    const read = readNode(
      Node.fromPartial({
        id: "edge-1",
        cluster: "edge",
        locality: { region: "eu", zone: "a" },
        metadata: { team: { name: "shop" }, level: 3, list: [true] },
        extensions: [{ name: "envoy.filters.http.router" }],
        userAgentName: "envoy",
      }),
    );
    expect(read.ok && { ...read.value, metadata: Object.fromEntries(read.value.metadata) }).toEqual({
      id: "edge-1",
      cluster: "edge",
      locality: { region: "eu", zone: "a", subZone: "" },
      metadata: { "team.name": "shop", level: 3, "list.0": true },
      userAgent: "envoy",
    });
  });
});

describe("the group of a node", () => {
  const node: NodeIdentity = {
    id: "edge-1",
    cluster: "edge",
    locality: { region: "eu", zone: "a", subZone: "" },
    metadata: new Map<string, string | number>([["team", "shop"]]),
    userAgent: "envoy",
  };
  test.each([
    ["by id", { ids: ["edge-1"] }, true],
    ["by cluster", { clusters: ["web", "edge"] }, true],
    ["by metadata", { metadata: { team: "shop" } }, true],
    ["by locality", { locality: { region: "eu" } }, true],
    ["only when all conditions hold", { ids: ["edge-1"], clusters: ["web"] }, false],
    ["not by a part of the id", { ids: ["edge"] }, false],
    ["not by other metadata", { metadata: { team: "shops" } }, false],
    ["always, when nothing is asked", {}, true],
  ])("matches %s", (_title, match, expected) => {
    expect(matchGroup(node, [{ name: "g", match }]).ok).toBe(expected);
  });

  test("is refused with all names when two groups match", () => {
    const matched = matchGroup(node, [
      { name: "one", match: {} },
      { name: "two", match: { ids: ["edge-1"] } },
    ]);
    expect(matched.ok ? "" : matched.error).toContain("one, two");
  });
});

test.each([
  ["a", "cluster a found twice", true],
  ["a", "Error adding/updating cluster(s) a: no", true],
  ["a", "cat", false],
  ["a", "a|canary is bad", false],
  ["a|canary", "a|canary is bad", true],
  ["a.b", "a.b.", true],
  ["a", "a.b is bad", false],
  ["a", "it is bad: a.", true],
  ["", "anything", false],
])("%j is a word of %j: %s", (name, text, expected) => {
  expect(isNamed(name as never, text)).toBe(expected);
});
