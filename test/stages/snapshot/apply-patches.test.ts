/**
 * Patches: what they change, and what is said when they do not fit.
 */
import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import type { JsonValue } from "../../../src/model/intent.ts";
import { buildSnapshots } from "../../../src/snapshot/build-snapshots.ts";
import { createResourceEncoder } from "../../../src/snapshot/encode-resource.ts";
import { brand } from "../../../src/support/brand.ts";
import type { GroupName } from "../../../src/snapshot/snapshot.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { intentOf } from "../model/parse-text.ts";

const base = `
services:
  shop: { endpoints: ["127.0.0.1:1"], circuitBreaker: { maxRequests: 5 } }
  cart: { endpoints: ["127.0.0.1:2"] }
gateways: { public: { listeners: [{ name: http, port: 80 }] } }
routes: { shop: { rules: [{ backends: [{ service: shop }] }] } }
`;
/** The line on which the patches start. */
const first = base.split("\n").length + 1;

function build(patches: string, config = base): ReturnType<typeof buildSnapshots> {
  const intent = intentOf(`${config}patches:\n${patches}`);
  return buildSnapshots({ intent, encoder: createResourceEncoder(envoyApi), cause: { text: "test", atMs: 0 } });
}

/** The resource after the patches, in lowerCamelCase. */
function patched(patches: string, typeUrl: string, name: string): { readonly [key: string]: JsonValue } {
  const built = build(patches);
  if (!built.ok) throw new Error(JSON.stringify(built.error));
  const table = built.value.snapshots.get(brand<GroupName>("default"))?.tables.get(typeUrl);
  const resource = [...(table?.resources.values() ?? [])].find((candidate) => candidate.name === name);
  return envoyApi.toJson(typeUrl, resource?.body ?? new Uint8Array()) as { readonly [key: string]: JsonValue };
}

function problems(patches: string, config = base): readonly string[] {
  const built = build(patches, config);
  const found: readonly Diagnostic[] = built.ok ? [] : built.error;
  return found.map(({ code, at, message, hint }) => `${code} +${at.line - first}: ${message} (${hint ?? ""})`);
}

describe("a merge", () => {
  it("sets fields in either spelling and leaves the others", () => {
    const cluster = patched(
      `  - target: { type: Cluster, name: shop }
    merge: { upstream_connection_options: { tcpKeepalive: { keepalive_time: 60 } }, connect_timeout: 1s }`,
      typeUrls.cluster,
      "shop",
    );
    expect(cluster).toMatchObject({
      connectTimeout: "1s",
      upstreamConnectionOptions: { tcpKeepalive: { keepaliveTime: 60 } },
      circuitBreakers: { thresholds: [{ maxRequests: 5 }] },
    });
  });

  it("removes what is null and replaces a list whole", () => {
    const cluster = patched(
      `  - target: { type: Cluster, name: shop }
    merge: { per_connection_buffer_limit_bytes: null, circuit_breakers: { thresholds: [{ max_requests: 9 }] } }`,
      typeUrls.cluster,
      "shop",
    );
    expect(cluster).not.toHaveProperty("perConnectionBufferLimitBytes");
    expect(cluster["circuitBreakers"]).toEqual({ thresholds: [{ maxRequests: 9 }] });
  });

  it("takes the place of the alternative that was set", () => {
    const cluster = patched(
      `  - target: { type: Cluster, name: shop }
    merge: { cluster_type: { name: envoy.clusters.original_dst }, eds_cluster_config: null, lb_policy: CLUSTER_PROVIDED }`,
      typeUrls.cluster,
      "shop",
    );
    expect(cluster).not.toHaveProperty("type");
    expect(cluster["clusterType"]).toEqual({ name: "envoy.clusters.original_dst" });
  });

  it("reaches every resource of the type by *", () => {
    const patch = `  - target: { type: Cluster, name: "*" }\n    merge: { connect_timeout: 2s }`;
    expect(patched(patch, typeUrls.cluster, "shop")["connectTimeout"]).toBe("2s");
    expect(patched(patch, typeUrls.cluster, "cart")["connectTimeout"]).toBe("2s");
  });

  it("comes after those that are written before it", () => {
    const patch = `  - target: { type: Cluster, name: shop }
    merge: { connect_timeout: 2s }
  - target: { type: type.googleapis.com/envoy.config.cluster.v3.Cluster, name: shop }
    merge: { connect_timeout: 3s }`;
    expect(patched(patch, typeUrls.cluster, "shop")["connectTimeout"]).toBe("3s");
  });
});

describe("a JSON patch", () => {
  const filter = `  - target: { type: Listener, name: public/http }
    jsonPatch:
      - op: add
        path: /filter_chains/0/filters/0/typed_config/http_filters/0
        value:
          name: buffer
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer
            max_request_bytes: 65536
      - { op: replace, path: /filterChains/0/filters/0/typedConfig/stat_prefix, value: edge }`;

  it("goes into an Any in either spelling", () => {
    const json = JSON.stringify(patched(filter, typeUrls.listener, "public/http"));
    expect(json).toContain('"maxRequestBytes":65536');
    expect(json.indexOf("buffer.v3.Buffer")).toBeLessThan(json.indexOf("router.v3.Router"));
    expect(json).toContain('"statPrefix":"edge"');
  });

  it("gives the resource the place of the patch, because a refusal is likely its doing", () => {
    const built = build(filter);
    const tables = built.ok ? built.value.snapshots.get(brand<GroupName>("default"))?.tables : undefined;
    const listener = [...(tables?.get(typeUrls.listener)?.resources.values() ?? [])][0];
    expect(listener?.at.line).toBe(first);
  });
});

describe("a patch that does not fit", () => {
  it.each([
    [
      "a name that nothing has",
      `  - { target: { type: Cluster, name: shp }, merge: {} }`,
      "unmatched-patch +0: the patch matches nothing: there is not a Cluster named `shp` (did you mean `shop`?)",
    ],
    [
      "a type without resources",
      `  - { target: { type: Secret, name: "*" }, merge: {} }`,
      "unmatched-patch +0: the patch matches nothing: there is not any Secret (`fairway render` shows all names)",
    ],
    [
      "a field that is misspelt",
      `  - target: { type: Cluster, name: shop }\n    merge:\n      common_lb_config:\n        healthy_panic_treshold: { value: 1 }`,
      'invalid-patch +3: the patch does not fit Cluster "shop": envoy.config.cluster.v3.Cluster.CommonLbConfig has no field `healthy_panic_treshold` (did you mean `healthy_panic_threshold`?)',
    ],
    [
      "a new name",
      `  - { target: { type: Cluster, name: shop }, merge: { name: other } }`,
      'invalid-patch +0: the patch changes the name of Cluster "shop" (other resources refer to it by this name; rename it where it is defined)',
    ],
    [
      "a path to nowhere",
      `  - target: { type: Listener, name: public/http }\n    jsonPatch:\n      - { op: remove, path: /filter_chains/3 }`,
      'invalid-patch +2: the patch does not fit Listener "public/http": remove /filter_chains/3: there is nothing at this path (paths count from 0 and follow the resource as `fairway render` shows it)',
    ],
    [
      "a test that fails",
      `  - target: { type: Cluster, name: shop }\n    jsonPatch:\n      - { op: test, path: /connect_timeout, value: 9s }`,
      'invalid-patch +2: the patch does not fit Cluster "shop": test /connect_timeout: has another value than the test expects (paths count from 0 and follow the resource as `fairway render` shows it)',
    ],
    [
      "an Any of an unknown type",
      `  - target: { type: Cluster, name: shop }\n    merge:\n      transport_socket:\n        name: x\n        typed_config: { sni: a }`,
      'invalid-patch +4: the patch does not fit Cluster "shop": there is no message of a known type here yet (write its `@type`)',
    ],
  ])("says %s at its line", (_what, patch, expected) => {
    expect(problems(patch)).toEqual([expected]);
  });

  it("is told of a value that Envoy's type refuses at the patch, and of nothing that follows from it", () => {
    const patch = `  - { target: { type: RouteConfiguration, name: public/http }, merge: { virtual_hosts: many } }`;
    expect(problems(patch)).toEqual([
      expect.stringMatching(/^invalid-envoy-resource \+0: RouteConfiguration "public\/http"/),
    ]);
  });

  it("must match in every group that it names", () => {
    const two = `${base.replace("gateways: { public: {", "gateways: { public: { nodes: edge,")}nodes: { edge: { match: { id: e } }, web: { match: { id: w } } }\n`;
    const patch = (nodes: string) =>
      `  - { target: { type: Listener, name: public/http }, nodes: ${nodes}, merge: {} }`;
    expect(problems(patch("edge"), two)).toEqual([]);
    expect(problems(patch("[edge, web]"), two)).toEqual([expect.stringContaining("in group `web`")]);
  });
});
