/**
 * Explanations of how a service is protected: which limits count for a request, where else it may go, and how
 * connections are kept.
 */
import { expect, test } from "vitest";
import { readAskedRequest } from "../../../src/explain/asked-request.ts";
import { explainRequest } from "../../../src/explain/explain-request.ts";
import { originsIn } from "../../../src/explain/origins.ts";
import { lookUpIn } from "../../../src/explain/resource-lookup.ts";
import { present } from "../../../src/support/assert.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";
import { parseText } from "../model/parse-text.ts";

const config = `nodes: { default: { runtime: {} } }
gateways:
  public:
    listeners: [{ name: http, port: 8080, connectionLimit: { maxConnections: 9, delay: 1s }, proxyProtocol: {} }]
    tracing: { provider: { http: { service: shop } }, samplingRate: 0.5 }
services:
  shop:
    protocol: http2
    endpoints:
      - { address: "unix:/run/shop.sock", labels: { v: "1" }, locality: eu/a }
      - { address: "10.0.0.2:80", labels: { v: "2" } }
    circuitBreaker: { maxRequests: 7, high: { maxRequests: 9, live: { maxRequests: 4 } }, perEndpoint: { maxConnections: 3 } }
    loadBalancer: { zoneAware: { minClusterSize: 2 } }
    connection: { idleTimeout: 4m, maxConcurrentStreams: 10, tcpKeepalive: { time: 60s }, proxyProtocol: V2 }
    subsets:
      stable: { labels: { v: "1" } }
      canary: { labels: { v: "2" }, fallback: stable, loadBalancer: { localityWeights: { eu/a: 2 } } }
routes:
  shop:
    rules:
      - name: pay
        matches: [{ path: /pay }]
        priority: high
        tracing: { samplingRate: 100, operation: paying }
        backends: [{ service: shop }]
        retry: { attempts: 1, statusCodes: [429], perTryTimeout: 1s, hedge: { onPerTryTimeout: true }, rateLimitedBackoff: { resetHeaders: [retry-after] } }
      - { name: new, backends: [{ service: shop, subset: canary }] }
`;

function explain(path: string, text = config) {
  const { intent, diagnostics } = parseText(text);
  const good = present(intent, JSON.stringify(diagnostics));
  const asked = readAskedRequest({ method: "GET", url: `http://shop:8080${path}`, headers: [] });
  if (!asked.ok) throw new Error(asked.error);
  return explainRequest(asked.value, {
    lookup: lookUpIn(snapshotOf(good), envoyApi),
    origins: originsIn(good, "default"),
  });
}

const line = (text: string) => config.split("\n").findIndex((each) => each.includes(text)) + 1;

test("a request of high priority is told its own limits, its tries, its zone and its connections", () => {
  const { clusters, settings } = explain("/pay");
  const found = new Map([...settings, ...(clusters[0]?.settings ?? [])].map((each) => [each.name, each]));
  expect(found.get("circuit breaker")?.text).toContain("max_requests 9");
  expect(found.get("connections")?.text).toBe("9 at a time; beyond closed after 1s");
  expect(found.get("PROXY protocol")?.text).toBe("demanded");
  expect(found.get("circuit breaker")?.text).toContain("max_connections 3 to each endpoint; live: max_requests 4");
  expect(found.get("retry")?.text).toBe(
    "1 on retriable-status-codes, status 429, 1s each, then another beside it, on another host, or as long as retry-after says",
  );
  expect(found.get("tracing")).toMatchObject({
    text: "100 % of requests without a traceparent, named paying",
    at: { line: line("operation: paying") },
  });
  expect(explain("/").settings.find(({ name }) => name === "tracing")).toMatchObject({
    text: "0.5 % of requests without a traceparent, named shop/new",
    at: { line: line("samplingRate: 0.5") },
  });
  expect(found.get("load balancing")?.text).toBe("ROUND_ROBIN, the own zone first from 2 endpoints on");
  expect(found.get("connection")).toMatchObject({
    text: "idle_timeout 240s, max_concurrent_streams 10, keepalive_time 60",
    at: { line: line("connection:") },
  });
  expect(found.get("transport")?.text).toBe("PROXY protocol V2, then plain text");
  expect(clusters[0]?.endpoints.map(({ address, at }) => [address, at?.line])).toEqual([
    ["10.0.0.2:80", line("10.0.0.2")],
    ["/run/shop.sock", line("shop.sock")],
  ]);
});

test("a subset with a fallback is told with the clusters that it asks", () => {
  const { clusters } = explain("/");
  expect(clusters.map(({ name, at }) => [name, at?.line])).toEqual([
    ["shop|canary|fallback", line("canary: {")],
    ["shop|canary", line("canary: {")],
    ["shop|stable", line("stable: {")],
  ]);
  expect(clusters[0]?.settings[0]).toMatchObject({ name: "tries", text: "shop|canary, then shop|stable" });
  expect(clusters[1]?.settings.find(({ name }) => name === "load balancing")?.text).toBe(
    "ROUND_ROBIN, localities by weight",
  );
});

test("a service that is spoken to by mutual TLS is told with what is shown, who is trusted and which name it must have", () => {
  const mutual = `gateways: { public: { listeners: [{ name: http, port: 8080 }] } }
services:
  shop:
    endpoints: ["10.0.0.1:443"]
    tls: { ca: mesh, sni: shop.internal, subjectAltNames: ["spiffe://fleet.example/shop"], clientCertificate: own }
routes: { shop: { rules: [{ backends: [{ service: shop }] }] } }
secrets:
  own: { certificate: { nodeFile: /own.pem }, privateKey: { nodeFile: /own.key } }
  mesh: { ca: { nodeFile: /mesh.pem } }
`;
  const transport = explain("/", mutual).clusters[0]?.settings.find(({ name }) => name === "transport");
  expect(transport?.text).toBe(
    "TLS, server name shop.internal, shows the certificate of own, trusts mesh, asks for the name spiffe://fleet.example/shop",
  );
});
