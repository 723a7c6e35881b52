/** The Envoy API by reflection: what goes in as JSON comes back from the bytes, and what is not Envoy's is told. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createEnvoyApi } from "../../../src/model/envoy-api.ts";
import type { JsonValue } from "../../../src/model/intent.ts";

const pinned = new URL("../../../proto/envoy-api-1.40.0.binpb.gz", import.meta.url);
const api = createEnvoyApi(gunzipSync(readFileSync(pinned)));

const listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener";
const managerType =
  "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const routerType = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";

const listener = {
  name: "web",
  address: { socketAddress: { address: "0.0.0.0", portValue: 8080 } },
  filterChains: [
    {
      filters: [
        {
          name: "http",
          typedConfig: {
            "@type": managerType,
            statPrefix: "web",
            streamIdleTimeout: "300s",
            httpFilters: [{ name: "router", typedConfig: { "@type": routerType, startChildSpan: true } }],
          },
        },
      ],
    },
  ],
};

/** The bytes of a JSON value that must be right. */
function bytesOf(typeUrl: string, json: JsonValue): Uint8Array {
  const encoded = api.encode(typeUrl, json);
  if (!encoded.ok) throw new Error(encoded.error.message);
  return encoded.value.bytes;
}

describe("the Envoy API", () => {
  test("brings a listener with nested Any through its bytes unchanged", () => {
    expect(api.toJson(listenerType, bytesOf(listenerType, listener))).toEqual(listener);
  });

  test("reads snake_case as it reads lowerCamelCase", () => {
    const snake = { name: "web", address: { socket_address: { address: "0.0.0.0", port_value: 8080 } } };
    const { name, address } = listener;
    expect(bytesOf(listenerType, snake)).toEqual(bytesOf(listenerType, { name, address }));
  });

  test("gives equal bytes for equal content, in whatever order it is written", () => {
    const type = "type.googleapis.com/envoy.config.core.v3.Metadata";
    const one = bytesOf(type, { filterMetadata: { a: { x: 1, y: 2 }, b: {} } });
    const two = bytesOf(type, { filterMetadata: { b: {}, a: { y: 2, x: 1 } } });
    expect(two).toEqual(one);
  });

  test("ignores @type at the top, where the type is known", () => {
    expect(bytesOf(listenerType, { "@type": listenerType, name: "web" })).toEqual(
      bytesOf(listenerType, { name: "web" }),
    );
  });

  test("knows every kind of resource that xDS delivers", () => {
    const names = [
      "envoy.config.cluster.v3.Cluster",
      "envoy.config.core.v3.TypedExtensionConfig",
      "envoy.config.endpoint.v3.ClusterLoadAssignment",
      "envoy.config.listener.v3.Listener",
      "envoy.config.route.v3.RouteConfiguration",
      "envoy.config.route.v3.ScopedRouteConfiguration",
      "envoy.config.route.v3.VirtualHost",
      "envoy.extensions.transport_sockets.tls.v3.Secret",
      "envoy.service.runtime.v3.Runtime",
    ];
    const unknown = names.filter((name) => api.descriptor(`type.googleapis.com/${name}`) === undefined);
    expect(unknown).toEqual([]);
  });

  test("keeps Envoy's constraints, which are options of the fields", () => {
    const options = api.descriptor("type.googleapis.com/envoy.config.cluster.v3.Cluster")?.field["connectTimeout"]
      ?.proto.options;
    // validate.rules is an extension of FieldOptions with number 1071.
    expect(options?.$unknown?.map(({ no }) => no)).toContain(1071);
  });

  test.each([
    ["a misspelt field", { nam: "web" }, "nam"],
    [
      "a misspelt field inside an Any",
      {
        ...listener,
        filterChains: [{ filters: [{ name: "http", typedConfig: { "@type": routerType, startSpan: true } }] }],
      },
      "startSpan",
    ],
    [
      "an Any of a type that Envoy does not have",
      { listenerFilters: [{ name: "x", typedConfig: { "@type": "type.googleapis.com/envoy.Nothing" } }] },
      "envoy.Nothing",
    ],
    ["a value of the wrong kind", { name: 5 }, "name"],
    ["an enum value that there is not", { trafficDirection: "SIDEWAYS" }, "SIDEWAYS"],
  ])("tells of %s", (_mistake, json, named) => {
    const encoded = api.encode(listenerType, json);
    expect(encoded).toMatchObject({ ok: false, error: { kind: "invalid" } });
    expect(encoded.ok ? "" : encoded.error.message).toContain(named);
  });

  test("tells of a resource type that Envoy does not have", () => {
    const encoded = api.encode("type.googleapis.com/envoy.config.cluster.v3.Custer", {});
    expect(encoded).toMatchObject({ ok: false, error: { kind: "unknown-type" } });
  });
});
