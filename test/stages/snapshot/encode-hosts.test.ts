/**
 * A route configuration by its virtual hosts is the same as the whole of it.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createResourceEncoder } from "../../../src/snapshot/encode-resource.ts";
import { encodeContent } from "../../../src/snapshot/encode-content.ts";
import type { EncodingTools } from "../../../src/snapshot/encode-content.ts";
import { createHostMemo, encodeHosts } from "../../../src/snapshot/encode-hosts.ts";
import { createReferenceFinder } from "../../../src/snapshot/references.ts";
import type { Resource } from "../../../src/snapshot/resource.ts";
import { typeUrls } from "../../../src/snapshot/type-url.ts";
import { envoyResource } from "../../../src/translate/envoy-resource.ts";
import { envoyApi } from "../../support/envoy-api.ts";

const tools: EncodingTools = { api: envoyApi, references: createReferenceFinder(envoyApi) };
const at = { file: "a.yaml", line: 1, column: 1 };
const name = fc.constantFrom("a", "b", "c");

const header = fc.record({
  header: fc.record({ key: fc.constantFrom("x-a", "host"), value: fc.constantFrom("1", "%") }),
});
const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ route: fc.record({ cluster: name }) }) },
  fc.record({
    route: fc.record({
      weightedClusters: fc.record({ clusters: fc.array(fc.record({ name, weight: fc.nat(3) }), { maxLength: 3 }) }),
    }),
  }),
  fc.record({ route: fc.record({ clusterSpecifierPlugin: name }) }),
  fc.record({
    directResponse: fc.record({
      status: fc.constantFrom(200, 5),
      body: fc.record({ inlineString: fc.constantFrom("x", "x".repeat(5_000)) }),
    }),
  }),
);
const route = fc
  .tuple(action, fc.record({ match: fc.record({ prefix: fc.constantFrom("/", "/a") }) }))
  .map(([a, m]) => ({ ...m, ...a }));
const host = fc.record(
  {
    name,
    domains: fc.uniqueArray(
      fc.constantFrom("a.example", "A.example", "b.example", "c.example", "d.example", "e.example", "*"),
      { minLength: 1, maxLength: 2 },
    ),
    routes: fc.array(route, { maxLength: 3 }),
    requestHeadersToAdd: fc.array(header, { maxLength: 1 }),
  },
  { requiredKeys: ["name", "domains"] },
);
const configuration = fc.record(
  {
    name,
    virtualHosts: fc.array(host, { maxLength: 4 }),
    validateClusters: fc.boolean(),
    ignorePortInHostMatching: fc.boolean(),
    requestHeadersToRemove: fc.array(fc.constantFrom("x-b", ":path"), { maxLength: 1 }),
    maxDirectResponseBodySizeBytes: fc.constantFrom(10, 10_000),
    vhds: fc.constant({ configSource: { ads: {} } }),
  },
  { requiredKeys: ["name", "virtualHosts"] },
);

test("bytes, version, references and count are those of the whole, and what is wrong is left to it", () => {
  const memo = createHostMemo();
  let byHosts = 0;
  let before: Resource | undefined;
  const compare = (json: { readonly virtualHosts: readonly object[] }): void => {
    const resource = envoyResource(typeUrls.route, "a", json, at);
    const whole = encodeContent(resource, tools);
    const hosts = encodeHosts(resource, tools, memo, before);
    if (whole.ok && json.virtualHosts.length > 0) expect(hosts).toBeDefined();
    if (hosts === undefined) return;
    byHosts += 1;
    before = hosts;
    expect({ ...hosts, body: Buffer.from(hosts.body) }).toEqual(
      whole.ok ? { ...whole.value, body: Buffer.from(whole.value.body) } : whole.error,
    );
  };
  fc.assert(
    fc.property(configuration, configuration, (one, other) => {
      compare(one);
      // The same hosts inside something else, and among others.
      compare({ ...one, ...other, virtualHosts: one.virtualHosts });
      compare({ ...one, virtualHosts: [...other.virtualHosts, ...one.virtualHosts].toReversed() });
    }),
    { numRuns: 300, seed: 1 },
  );
  expect(byHosts).toBeGreaterThan(60);
});

test("one virtual host that changes is the only one that is encoded again", () => {
  const encoded: string[] = [];
  const api = {
    ...envoyApi,
    encode: (typeUrl: string, json: Parameters<typeof envoyApi.encode>[1]) => {
      encoded.push(JSON.stringify(json));
      return envoyApi.encode(typeUrl, json);
    },
  };
  const encoder = createResourceEncoder(api);
  const hostOf = (domain: string, prefix: string) => ({
    name: domain,
    domains: [domain],
    routes: [{ match: { prefix }, route: { cluster: "c" } }],
  });
  const [first, second] = [hostOf("first.example", "/"), hostOf("second.example", "/")];
  encoder.encode(envoyResource(typeUrls.route, "a", { name: "a", virtualHosts: [first, second] }, at));
  encoded.length = 0;
  const changed = hostOf("second.example", "/new");
  encoder.encode(envoyResource(typeUrls.route, "a", { name: "a", virtualHosts: [first, changed] }, at));
  expect(encoded.filter((json) => json.includes("second.example"))).toHaveLength(1);
  expect(encoded.filter((json) => json.includes("first.example"))).toEqual([]);
});
