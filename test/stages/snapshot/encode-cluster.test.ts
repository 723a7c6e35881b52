/**
 * A cluster that is encoded by the pattern of another is the same as one that is encoded whole.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createClusterMemo, encodeCluster } from "../../../src/snapshot/encode-cluster.ts";
import { encodeContent } from "../../../src/snapshot/encode-content.ts";
import type { EncodingTools } from "../../../src/snapshot/encode-content.ts";
import { createReferenceFinder } from "../../../src/snapshot/references.ts";
import { envoyResource, envoyTypes } from "../../../src/translate/envoy-resource.ts";
import { envoyApi } from "../../support/envoy-api.ts";

const tools: EncodingTools = { api: envoyApi, references: createReferenceFinder(envoyApi) };
const at = { file: "a.yaml", line: 1, column: 1 };

const name = fc.constantFrom("a", "shop", "shop|v1", "x".repeat(127), "x".repeat(128), "x".repeat(300), "", "é", "a b");
const edsConfig = { ads: {}, resourceApiVersion: "V3" };
const secret = { name: "b", sdsConfig: edsConfig };
const tls = {
  name: "tls",
  typedConfig: {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    sni: "shop",
    commonTlsContext: { tlsCertificateSdsSecretConfigs: [secret] },
  },
};
/** What clusters of one fleet differ by, if at all. */
const policy = {
  altStatName: fc.constantFrom("shop", "b"),
  connectTimeout: fc.constantFrom("5s", "0.25s"),
  lbPolicy: fc.constantFrom("ROUND_ROBIN", "RANDOM"),
  // Numbers that have the same text in JSON, though not the same bytes.
  maglevLbConfig: fc.constantFrom({}, { tableSize: "65537" }),
  commonLbConfig: fc.constantFrom(0, -0, 50, 50.5).map((value) => ({ healthyPanicThreshold: { value } })),
  outlierDetection: fc.constant({ consecutive5xx: 5 }),
  transportSocket: fc.constant(tls),
};
const right = fc.record(
  { type: fc.constant("EDS"), edsClusterConfig: fc.constant({ edsConfig }), ...policy },
  { requiredKeys: ["type", "edsClusterConfig"] },
);
/** With what is wrong, and what asks for its hosts in another way. */
const odd = fc.record(
  {
    type: fc.constantFrom("EDS", "EDS", "STATIC", "STRICT_DNS", 3),
    edsClusterConfig: fc.constantFrom<unknown>(
      { edsConfig },
      { edsConfig, serviceName: "shop" },
      { edsConfig, service_name: "a" },
      { edsConfig: { pathConfigSource: { path: "/a" } } },
      { edsConfig: null },
      {},
      null,
    ),
    ...policy,
    lbPolicy: fc.constantFrom("ROUND_ROBIN", "CLUSTER_PROVIDED"),
    preconnectPolicy: fc.constantFrom(1, 4, Number.NaN).map((ratio) => ({ perUpstreamPreconnectRatio: ratio })),
    healthChecks: fc.constantFrom([], [{ timeout: "1s", interval: "1s", tcpHealthCheck: {} }]),
  },
  { requiredKeys: ["type", "edsClusterConfig"] },
);
const rest = fc.oneof({ weight: 3, arbitrary: right }, odd);

test("bytes, version and references are those of the whole, and what is wrong is left to it", () => {
  const memo = createClusterMemo();
  let quick = 0;
  fc.assert(
    fc.property(name, rest, fc.boolean(), (named, json, isFirst) => {
      const resource = envoyResource(
        envoyTypes.cluster,
        named,
        isFirst ? { name: named, ...json } : { ...json, name: named },
        at,
      );
      const whole = encodeContent(resource, tools);
      const patterns = memo.size;
      const cluster = encodeCluster(resource, tools, memo);
      if (cluster === undefined) return;
      if (memo.size === patterns) quick += 1;
      expect({ ...cluster, body: Buffer.from(cluster.body) }).toEqual(
        whole.ok ? { ...whole.value, body: Buffer.from(whole.value.body) } : whole.error,
      );
    }),
    { numRuns: 4_000, seed: 1 },
  );
  expect(quick).toBeGreaterThan(300);
});

test("a cluster that asks for its endpoints by another name is no pattern for others", () => {
  const memo = createClusterMemo();
  const config = { edsConfig, serviceName: "shop" };
  for (const each of ["shop", "other"]) {
    const json = { name: each, type: "EDS", edsClusterConfig: config };
    const cluster = encodeCluster(envoyResource(envoyTypes.cluster, each, json, at), tools, memo);
    expect(cluster?.references.map(({ name: needed }) => needed) ?? ["shop"]).toEqual(["shop"]);
  }
});

test("of two clusters that differ only by name the second is not encoded again", () => {
  const memo = createClusterMemo();
  let encoded = 0;
  const counting: EncodingTools = {
    ...tools,
    api: {
      ...envoyApi,
      encode: (typeUrl, json) => {
        encoded += 1;
        return envoyApi.encode(typeUrl, json);
      },
    },
  };
  for (const each of ["a", "b", "c"]) {
    const json = { name: each, type: "EDS", edsClusterConfig: { edsConfig }, transportSocket: tls };
    const cluster = encodeCluster(envoyResource(envoyTypes.cluster, each, json, at), counting, memo);
    expect(cluster?.references.map(({ name: needed }) => needed)).toEqual([each, "b"]);
  }
  expect(encoded).toBe(1);
});
