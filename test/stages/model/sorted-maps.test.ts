/** Maps in order: wherever a map can be in a message, the order in which it was written makes no difference. */
import { describe, expect, test } from "vitest";
import { loadEnvoyApi } from "../../../src/cli/envoy-api-file.ts";
import type { JsonValue } from "../../../src/model/intent.ts";
import { createMapSorter } from "../../../src/model/sorted-maps.ts";

const api = loadEnvoyApi();
const sortMaps = createMapSorter(api.registry);
const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const routesType = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
const corsType = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy";
const structType = "type.googleapis.com/google.protobuf.Struct";
const setMetadataType = "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config";

/** The same value with the keys of every object the other way round. */
function reversed(json: JsonValue): JsonValue {
  if (Array.isArray(json)) return json.map(reversed);
  if (json === null || typeof json !== "object") return json;
  return Object.fromEntries(
    Object.entries(json)
      .toReversed()
      .map(([key, value]) => [key, reversed(value)]),
  );
}

function bytesOf(typeUrl: string, json: JsonValue): Uint8Array {
  const encoded = api.encode(typeUrl, json);
  if (!encoded.ok) throw new Error(encoded.error.message);
  return encoded.value.bytes;
}

const struct = { b: { z: 1, y: [{ d: 1, c: null }] }, a: "text" };

describe("the bytes do not depend on the order of", () => {
  const filter = (config: JsonValue) => ({ name: "r", typedPerFilterConfig: { one: config, another: config } });
  test.each<[string, string, JsonValue]>([
    ["a map of messages", clusterType, { name: "c", metadata: { filterMetadata: { y: struct, x: struct } } }],
    ["keys in proto spelling", clusterType, { name: "c", metadata: { filter_metadata: { y: struct, x: struct } } }],
    ["a map of texts in a list", clusterType, { name: "c", lbSubsetConfig: { defaultSubset: struct } }],
    ["a map of Any", routesType, filter({ "@type": corsType, allowMethods: "GET" })],
    ["a struct in an Any", routesType, filter({ "@type": structType, value: struct })],
    ["a map inside an Any", routesType, filter({ "@type": setMetadataType, metadataNamespace: "n", value: struct })],
    [
      "what stands deep",
      routesType,
      {
        virtualHosts: [{ name: "v", domains: ["*"], routes: [{ metadata: { filterMetadata: { y: struct, x: {} } } }] }],
      },
    ],
  ])("%s", (_, typeUrl, json) => {
    expect(bytesOf(typeUrl, reversed(json))).toEqual(bytesOf(typeUrl, json));
  });
});

test("what is in order already is not copied", () => {
  const type = api.descriptor(clusterType);
  if (type === undefined) throw new Error("the API has clusters");
  const json = { name: "c", connectTimeout: "5s", metadata: { filterMetadata: { x: { a: 1, b: 2 }, y: {} } } };
  expect(sortMaps(type, json)).toBe(json);
  expect(JSON.stringify(sortMaps(type, reversed(json)))).toBe(
    '{"metadata":{"filterMetadata":{"x":{"a":1,"b":2},"y":{}}},"connectTimeout":"5s","name":"c"}',
  );
});

test("of two mistakes the same one is told, whichever was written first", () => {
  const wrong = { name: "c", zzz: 1, aaa: 2 };
  const told = [wrong, reversed(wrong)].map((json) => api.encode(clusterType, json));
  expect(told).toEqual([
    { ok: false, error: { kind: "invalid", message: expect.stringContaining('key "aaa" is unknown') as string } },
    told[0],
  ]);
});

test("a key that would replace a prototype is refused, in a map and elsewhere", () => {
  for (const json of [
    '{ "name": "c", "__proto__": {} }',
    '{ "name": "c", "metadata": { "filterMetadata": { "__proto__": {} } } }',
    '{ "name": "c", "metadata": { "filterMetadata": { "x": { "__proto__": 1 } } } }',
  ]) {
    const encoded = api.encode(clusterType, JSON.parse(json) as JsonValue);
    expect(encoded).toMatchObject({ ok: false, error: { message: "the key __proto__ is reserved" } });
  }
});
