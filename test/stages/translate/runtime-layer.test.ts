/**
 * What a group's Envoys are told by their runtime, and that clusters know nothing of it.
 */
import { expect, test } from "vitest";
import { present } from "../../../src/support/assert.ts";
import { translate } from "../../../src/translate/translate.ts";
import { parseText } from "../model/parse-text.ts";

const config = (live: string, runtime: string) => `
nodes: { web: { match: { cluster: web }, ${runtime} }, other: { match: { cluster: other } } }
gateways: { public: { listeners: [{ name: http, port: 80 }] } }
services:
  shop.eu:
    endpoints: [{ address: "10.0.0.1:80", labels: { v: "1" } }, { address: "10.0.0.2:80", labels: { v: "2" } }]
    circuitBreaker: { maxRequests: 500, max_retries: 2, ${live} }
    subsets:
      stable: { labels: { v: "1" }, circuitBreaker: { maxRequests: 50, live: { maxPendingRequests: 3 } } }
      canary: { labels: { v: "2" }, fallback: stable }
routes:
  shop:
    rules:
      - filters: [{ mirror: { service: shop.eu, subset: stable } }]
        backends: [{ service: shop.eu, subset: canary }]
`;

function groups(live: string, runtime: string) {
  const { intent, diagnostics } = parseText(config(live, runtime));
  return translate(present(intent, JSON.stringify(diagnostics))).map(({ resources }) => ({
    layer: resources.find(({ typeUrl }) => typeUrl.endsWith(".Runtime"))?.json["layer"],
    clusters: resources.filter(({ typeUrl }) => typeUrl.endsWith(".Cluster")).map(({ json }) => json),
  }));
}

test("live limits are keys of the layer of every cluster that has them, and not of a subset that limits itself", () => {
  const live = "live: { maxRequests: 200, max_retries: 9 }, high: { live: { maxRequests: 20 } }";
  const [other, web] = groups(live, "runtime: { a.b: true, circuit_breakers.shop.eu.default.max_retries: 1 }");
  expect(other?.layer).toBeUndefined();
  expect(web?.layer).toEqual({
    "a.b": true,
    "circuit_breakers.shop.eu.default.max_requests": 200,
    "circuit_breakers.shop.eu.default.max_retries": 1,
    "circuit_breakers.shop.eu.high.max_requests": 20,
    "circuit_breakers.shop.eu|canary.default.max_requests": 200,
    "circuit_breakers.shop.eu|canary.default.max_retries": 9,
    "circuit_breakers.shop.eu|canary.high.max_requests": 20,
    "circuit_breakers.shop.eu|canary|fallback.default.max_requests": 200,
    "circuit_breakers.shop.eu|canary|fallback.default.max_retries": 9,
    "circuit_breakers.shop.eu|canary|fallback.high.max_requests": 20,
    "circuit_breakers.shop.eu|stable.default.max_pending_requests": 3,
    "circuit_breakers.shop.eu|stable.default.max_retries": 9,
    "circuit_breakers.shop.eu|stable.high.max_requests": 20,
    "circuit_breakers.shop.eu|stable|mirror.default.max_pending_requests": 3,
    "circuit_breakers.shop.eu|stable|mirror.default.max_retries": 9,
    "circuit_breakers.shop.eu|stable|mirror.high.max_requests": 20,
  });
});

test("a group whose Envoys have a layer always gets it, and another limit in it changes no cluster", () => {
  const [, before] = groups("live: { maxRequests: 200 }", "runtime: {}");
  const [, after] = groups("live: { maxRequests: 100, maxConnections: 4 }", "runtime: {}");
  expect(after?.layer).not.toEqual(before?.layer);
  expect(after?.clusters).toEqual(before?.clusters);
  const [, first] = groups("live: { maxRequests: 100 }, high: { live: { maxRequests: 1 } }", "runtime: {}");
  expect(first?.clusters).toEqual(before?.clusters);
  const [, without] = groups("live: {}", "runtime: {}");
  expect(without?.layer).toEqual({
    "circuit_breakers.shop.eu|stable.default.max_pending_requests": 3,
    "circuit_breakers.shop.eu|stable|mirror.default.max_pending_requests": 3,
  });
});
