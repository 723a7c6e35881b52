/**
 * How a host of a cluster is chosen, in Envoy's words.
 */
import { describe, expect, it } from "vitest";
import type { LoadBalancer } from "../../../src/model/intent-service.ts";
import { translateLoadBalancer } from "../../../src/translate/load-balancer.ts";
import { envoyApi } from "../../support/envoy-api.ts";

const extensions = "type.googleapis.com/envoy.extensions.load_balancing_policies";

/** The part of the cluster, which the Envoy API takes as it is. */
function translated(balancer: LoadBalancer): object {
  const json = translateLoadBalancer(balancer);
  const cluster = { name: "reviews", ...json } as Parameters<typeof envoyApi.encode>[1];
  expect(envoyApi.encode("type.googleapis.com/envoy.config.cluster.v3.Cluster", cluster)).toMatchObject({ ok: true });
  return json;
}

function extensionOf(json: object): unknown {
  const { loadBalancingPolicy } = json as ReturnType<typeof translateLoadBalancer>;
  return loadBalancingPolicy?.policies?.[0]?.typedExtensionConfig?.typedConfig;
}

describe("translateLoadBalancer", () => {
  it.each(["ROUND_ROBIN", "LEAST_REQUEST", "RANDOM"] as const)(
    "passes %s on and leaves the rest to Envoy",
    (policy) => {
      expect(translated({ policy })).toEqual({ lbPolicy: policy });
    },
  );

  it("hashes on the first key that a request has, and writes Envoy's size of the ring out", () => {
    const json = translated({
      policy: "RING_HASH",
      hashOn: [
        { kind: "header", name: "x-user" },
        { kind: "queryParam", name: "user" },
        { kind: "cookie", name: "session", ttlMs: 0, path: "/" },
        { kind: "cookie", name: "old" },
        { kind: "sourceIp" },
      ],
    });
    expect(json).not.toHaveProperty("lbPolicy");
    expect(extensionOf(json)).toEqual({
      "@type": `${extensions}.ring_hash.v3.RingHash`,
      hashFunction: "XX_HASH",
      minimumRingSize: "1024",
      maximumRingSize: "8388608",
      consistentHashingLbConfig: {
        hashPolicy: [
          { header: { headerName: "x-user" }, terminal: true },
          { queryParameter: { name: "user" }, terminal: true },
          { cookie: { name: "session", ttl: "0s", path: "/" }, terminal: true },
          { cookie: { name: "old" }, terminal: true },
          { connectionProperties: { sourceIp: true }, terminal: true },
        ],
      },
    });
  });

  it("leaves the hash policy to the route where nobody wrote what to hash on", () => {
    expect(extensionOf(translated({ policy: "MAGLEV", maglev: { tableSize: 16_381 } }))).toEqual({
      "@type": `${extensions}.maglev.v3.Maglev`,
      tableSize: "16381",
    });
  });

  it("starts new hosts slowly under both policies that can, beside the policy's own fields", () => {
    const slowStartConfig = {
      slowStartWindow: "60s",
      aggression: { defaultValue: 1, runtimeKey: "fairway.slow_start.aggression" },
      minWeightPercent: { value: 10 },
    };
    expect(translated({ policy: "ROUND_ROBIN", slowStart: { windowMs: 60_000 } })).toEqual({
      lbPolicy: "ROUND_ROBIN",
      roundRobinLbConfig: { slowStartConfig },
    });
    expect(translated({ policy: "LEAST_REQUEST", choiceCount: 3, slowStart: { windowMs: 60_000 } })).toEqual({
      lbPolicy: "LEAST_REQUEST",
      leastRequestLbConfig: { choiceCount: 3, slowStartConfig },
    });
    expect(
      translated({ policy: "ROUND_ROBIN", slowStart: { windowMs: 500, aggression: 2, minWeightPercent: 0 } }),
    ).toMatchObject({
      roundRobinLbConfig: { slowStartConfig: { aggression: { defaultValue: 2 }, minWeightPercent: { value: 0 } } },
    });
  });
});
