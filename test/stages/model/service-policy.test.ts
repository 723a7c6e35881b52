/**
 * How a service's hosts are found and treated, as read from a file, and what a subset takes over from it.
 */
import { describe, expect, it } from "vitest";
import type { ServicePolicy } from "../../../src/model/intent-service.ts";
import { intentOf, parseText, summarize } from "./parse-text.ts";

/** The policies of a service and of its one subset; the problems too. */
function policies(service: string, subset: string) {
  const text = `services:
  shop:
    endpoints: [{ address: "10.0.0.1:80", locality: eu }]
${indented(service, 4)}
    subsets:
      canary:
        labels: {}
${indented(subset, 8)}
routes: { shop: { rules: [{ backends: [{ service: shop }, { service: shop, subset: canary }] }] } }
`;
  const { diagnostics, intent } = parseText(text);
  const shop = intent?.services[0];
  const canary: ServicePolicy | undefined = shop?.subsets[0]?.policy;
  return {
    shop: shop?.policy,
    canary,
    problems: summarize(diagnostics.filter(({ code }) => code !== "unused-definition")),
  };
}

function indented(text: string, by: number): string {
  return text.replace(/^/gm, " ".repeat(by));
}

describe("a load balancer", () => {
  it("hashes on what is written, in that order, with header names in lower case", () => {
    const { shop } = policies(
      `loadBalancer:
  policy: RING_HASH
  hashOn: [{ header: X-User }, { cookie: sid }, { cookie: { name: c, ttl: 1h, path: / } }, { queryParam: U }, { sourceIp: true }]
  ring_hash: { minimum_ring_size: 2048 }`,
      "connectTimeout: 1s",
    );
    expect(shop?.loadBalancer).toEqual({
      policy: "RING_HASH",
      hashOn: [
        { kind: "header", name: "x-user" },
        { kind: "cookie", name: "sid" },
        { kind: "cookie", name: "c", ttlMs: 3_600_000, path: "/" },
        { kind: "queryParam", name: "U" },
        { kind: "sourceIp" },
      ],
      ringHash: { minimumRingSize: 2_048 },
    });
  });

  it("takes a slow start as its window alone, and merges the parts of it", () => {
    const { shop, canary } = policies(
      "loadBalancer: { slowStart: 60s }",
      "load_balancer: { slow_start: { window: 5s, min_weight_percent: 1 } }",
    );
    expect(shop?.loadBalancer).toEqual({ policy: "ROUND_ROBIN", slowStart: { windowMs: 60_000 } });
    expect(canary?.loadBalancer?.slowStart).toEqual({ windowMs: 5_000, minWeightPercent: 1 });
  });

  it("leaves the fields of the service's policy behind in a subset that has its own", () => {
    const { canary, problems } = policies(
      "loadBalancer: { policy: LEAST_REQUEST, choiceCount: 3, slowStart: 60s, healthyPanicThreshold: 0 }",
      "loadBalancer: { policy: MAGLEV, hashOn: [{ header: x-user }] }",
    );
    expect(problems).toEqual([]);
    expect(canary?.loadBalancer).toEqual({
      policy: "MAGLEV",
      hashOn: [{ kind: "header", name: "x-user" }],
      healthyPanicThresholdPercent: 0,
    });
  });

  it("replaces what is hashed on as a whole", () => {
    const { canary } = policies(
      "loadBalancer: { policy: MAGLEV, hashOn: [{ header: a }, { header: b }] }",
      "loadBalancer: { hashOn: [{ header: c }] }",
    );
    expect(canary?.loadBalancer).toEqual({ policy: "MAGLEV", hashOn: [{ kind: "header", name: "c" }] });
  });

  it("is warned about once when it hashes on nothing, also by a subset of its own", () => {
    expect(policies("loadBalancer: { policy: MAGLEV }", "connectTimeout: 1s").problems).toEqual([
      "missing-hash-key 4:29",
    ]);
    expect(policies("connectTimeout: 1s", "loadBalancer: { policy: RING_HASH }").problems).toEqual([
      "missing-hash-key 8:33",
    ]);
  });
});

describe("a retry budget", () => {
  it("is merged by its parts", () => {
    const { canary } = policies(
      "circuitBreaker: { maxRequests: 9, retryBudget: { percent: 12.5, minConcurrency: 7 } }",
      "circuit_breaker: { retry_budget: { min_concurrency: 0 } }",
    );
    expect(canary?.circuitBreaker).toMatchObject({
      maxRequests: 9,
      retryBudget: { percent: 12.5, minConcurrency: 0 },
    });
  });

  it("replaces the service's number of retries in a subset, and the other way round", () => {
    const budget = "circuitBreaker: { retryBudget: { percent: 10 } }";
    const number = "circuitBreaker: { maxRetries: 1 }";
    expect(policies(number, budget).canary?.circuitBreaker).not.toHaveProperty("maxRetries");
    expect(policies(budget, number).canary?.circuitBreaker).not.toHaveProperty("retryBudget");
    expect(policies(budget, number).problems).toEqual([]);
  });
});

describe("a health check", () => {
  it("may ask another port, which a subset has too unless it says otherwise", () => {
    const { shop, canary } = policies("healthCheck: { tcp: {}, port: 9000 }", "healthCheck: { http: { path: / } }");
    expect([shop?.healthCheck?.port, canary?.healthCheck?.port]).toEqual([9_000, 9_000]);
  });
});

describe("what a subset takes over", () => {
  it("is merged by its parts, also of the limits of high priority and of connections", () => {
    const { canary, problems } = policies(
      "circuitBreaker: { high: { maxRequests: 9, maxRetries: 2 } }\nconnection: { idleTimeout: 1m, tcpKeepalive: { probes: 3 } }",
      "circuit_breaker: { high: { retry_budget: {} } }\nconnection: { tcp_keepalive: { time: 60s } }",
    );
    expect(canary?.circuitBreaker?.high).toEqual({ maxRequests: 9, retryBudget: {} });
    expect(canary?.connection).toMatchObject({ idleTimeoutMs: 60_000, tcpKeepalive: { probes: 3, timeMs: 60_000 } });
    expect(problems).toEqual([]);
  });

  it("is one way to divide requests among localities", () => {
    const zones = "loadBalancer: { zoneAware: {} }";
    const weights = "loadBalancer: { localityWeights: { eu: 1 } }";
    expect(policies(zones, weights).canary?.loadBalancer).not.toHaveProperty("zoneAware");
    expect(policies(weights, zones).canary?.loadBalancer).not.toHaveProperty("localityWeights");
    expect(policies(weights, zones).problems).toEqual([]);
  });
});

describe("a service that is found by DNS", () => {
  it("is strict and prefers IPv4 unless something else is written", () => {
    const dns = (written: string) =>
      intentOf(`services: { db: { discovery: { dns: ${written} } } }\n`).services[0]?.dns;
    const defaults = { name: "db.internal.", port: 5432, mode: "strict", family: "v4-preferred" };
    expect(dns('"db.internal.:5432"')).toEqual(defaults);
    expect(dns("{ name: db.internal., port: 5432 }")).toEqual(defaults);
    expect(dns("{ name: db.internal., port: 5432, mode: logical, refresh: 1.5s, family: all }")).toEqual({
      ...defaults,
      mode: "logical",
      family: "all",
      refreshMs: 1_500,
    });
  });

  it("is what a host name among the endpoints is pointed to", () => {
    const { diagnostics } = parseText('services: { db: { endpoints: ["db.internal:5432"] } }\n');
    expect(diagnostics[0]?.hint).toBe('write `discovery: { dns: "db.internal:5432" }` instead of `endpoints`');
  });
});
