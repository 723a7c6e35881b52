/**
 * Services and subsets as Envoy clusters.
 */
import { describe, expect, it } from "vitest";
import type { HealthCheck, Service, ServicePolicy } from "../../../src/model/intent-service.ts";
import { translateService } from "../../../src/translate/cluster.ts";
import { endpoint, place, service, subset } from "../../support/build-intent.ts";
import { envoyApi } from "../../support/envoy-api.ts";

function clusterOf(parts: Partial<Service>): object {
  return translateService(service("reviews", parts))[0]?.json ?? {};
}

function withPolicy(policy: ServicePolicy): object {
  return clusterOf({ policy });
}

describe("translateService", () => {
  it("writes Envoy's defaults out", () => {
    expect(clusterOf({})).toEqual({
      name: "reviews",
      type: "EDS",
      edsClusterConfig: { edsConfig: { ads: {}, resourceApiVersion: "V3" } },
      connectTimeout: "5s",
      lbPolicy: "ROUND_ROBIN",
      perConnectionBufferLimitBytes: 32_768,
    });
  });

  it("gives every subset a cluster and a load assignment with the endpoints whose labels match", () => {
    const resources = translateService(
      service("reviews", {
        endpoints: [endpoint(1, { labels: { version: "v1", zone: "a" } }), endpoint(2, { labels: { version: "v2" } })],
        subsets: [
          subset("stable", { version: "v1" }),
          subset("canary", { version: "v2" }),
          subset("none", { version: "v3" }),
        ],
      }),
    );
    expect(resources.map(({ name, typeUrl }) => `${typeUrl.split(".").at(-1)} ${name}`)).toEqual([
      "Cluster reviews",
      "ClusterLoadAssignment reviews",
      "Cluster reviews|stable",
      "ClusterLoadAssignment reviews|stable",
      "Cluster reviews|canary",
      "ClusterLoadAssignment reviews|canary",
      "Cluster reviews|none",
      "ClusterLoadAssignment reviews|none",
    ]);
    expect(JSON.stringify(resources[3]?.json)).toContain('"portValue":1}');
    expect(JSON.stringify(resources[3]?.json)).not.toContain('"portValue":2}');
    expect(resources[7]?.json).toEqual({ clusterName: "reviews|none", endpoints: [] });
  });

  it("gives a subset its own policy", () => {
    const [whole, , canary] = translateService(
      service("reviews", {
        policy: { connectTimeoutMs: 1_000 },
        subsets: [subset("canary", {}, { connectTimeoutMs: 250 })],
      }),
    );
    expect([whole?.json["connectTimeout"], canary?.json["connectTimeout"]]).toEqual(["1s", "0.25s"]);
  });

  it("completes the thresholds of a circuit breaker with Envoy's own, keeping a written 0", () => {
    expect(withPolicy({ circuitBreaker: { at: place(), maxPendingRequests: 0 } })).toMatchObject({
      circuitBreakers: {
        thresholds: [
          {
            priority: "DEFAULT",
            maxConnections: 1024,
            maxPendingRequests: 0,
            maxRequests: 1024,
            maxRetries: 3,
            trackRemaining: false,
          },
        ],
      },
    });
  });

  it("limits retries by a budget instead of a number, completed with Envoy's own", () => {
    const json = withPolicy({ circuitBreaker: { at: place(), retryBudget: { percent: 12.5 } } });
    expect(json).toMatchObject({
      circuitBreakers: { thresholds: [{ retryBudget: { budgetPercent: { value: 12.5 }, minRetryConcurrency: 3 } }] },
    });
    expect(JSON.stringify(json)).not.toContain("maxRetries");
  });

  it.each(["http2", "grpc"] as const)("speaks HTTP/2 to a service whose protocol is %s", (protocol) => {
    expect(JSON.stringify(clusterOf({ protocol }))).toContain('"http2ProtocolOptions":{}');
  });

  it("speaks HTTP/1.1 unless told otherwise", () => {
    expect(clusterOf({ protocol: "http1" })).not.toHaveProperty("typedExtensionProtocolOptions");
  });

  it("passes load balancing on", () => {
    const policy = {
      loadBalancer: { policy: "LEAST_REQUEST", choiceCount: 4, healthyPanicThresholdPercent: 25 },
    } as const;
    expect(withPolicy(policy)).toMatchObject({
      lbPolicy: "LEAST_REQUEST",
      leastRequestLbConfig: { choiceCount: 4 },
      commonLbConfig: { healthyPanicThreshold: { value: 25 } },
    });
  });

  it.each<[string, HealthCheck["check"], object]>([
    [
      "http",
      {
        kind: "http",
        path: "/healthz",
        host: "reviews",
        expectedStatuses: [
          { first: 200, last: 200 },
          { first: 204, last: 204 },
        ],
      },
      {
        httpHealthCheck: {
          path: "/healthz",
          host: "reviews",
          codecClientType: "HTTP1",
          expectedStatuses: [
            { start: "200", end: "201" },
            { start: "204", end: "205" },
          ],
        },
      },
    ],
    ["tcp", { kind: "tcp" }, { tcpHealthCheck: {} }],
    ["grpc", { kind: "grpc", serviceName: "reviews" }, { grpcHealthCheck: { serviceName: "reviews" } }],
  ])("checks health by %s, and a cluster without traffic as often as one with it", (_, check, expected) => {
    expect(withPolicy({ healthCheck: { at: place(), check, intervalMs: 250 } })).toMatchObject({
      ignoreHealthOnHostRemoval: true,
      healthChecks: [
        {
          timeout: "1s",
          interval: "0.25s",
          noTrafficInterval: "0.25s",
          unhealthyThreshold: 3,
          healthyThreshold: 2,
          ...expected,
        },
      ],
    });
  });

  it("tells every host the port on which its health is asked for, whichever way hosts are found", () => {
    const policy = { healthCheck: { at: place(), check: { kind: "tcp" as const }, port: 9_000 } };
    const [, written] = translateService(service("reviews", { policy }));
    expect(JSON.stringify(written?.json)).toContain('"healthCheckConfig":{"portValue":9000}');
    const dns = { name: "reviews.internal", port: 80, mode: "strict", family: "v4" } as const;
    expect(JSON.stringify(clusterOf({ dns, policy }))).toContain('"healthCheckConfig":{"portValue":9000}');
  });

  it("gives JSON that the Envoy API takes", () => {
    const resources = translateService(
      service("reviews", {
        protocol: "grpc",
        policy: {
          loadBalancer: { policy: "MAGLEV" },
          circuitBreaker: { at: place(), maxConnectionPools: 3, trackRemaining: true },
          outlierDetection: { at: place(), fields: { consecutive5xx: 5, baseEjectionTime: "30s" } },
          healthCheck: {
            at: place(),
            check: { kind: "http", path: "/", expectedStatuses: [{ first: 200, last: 299 }] },
          },
        },
      }),
    );
    for (const { typeUrl, json } of resources) expect(envoyApi.encode(typeUrl, json)).toMatchObject({ ok: true });
  });
});
