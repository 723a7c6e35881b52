/**
 * Explanations as a whole: every step with its line, and what came near when nothing matched.
 */
import { describe, expect, test } from "vitest";
import { readAskedRequest } from "../../../src/explain/asked-request.ts";
import type { RequestFacts } from "../../../src/explain/explain-request.ts";
import { explainRequest } from "../../../src/explain/explain-request.ts";
import { noOrigins, originsIn } from "../../../src/explain/origins.ts";
import { lookUpIn } from "../../../src/explain/resource-lookup.ts";
import { present } from "../../../src/support/assert.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";
import { parseText } from "../model/parse-text.ts";

const config = `gateways:
  public:
    listeners:
      - { name: http, port: 8080 }
      - { name: inner, port: 8081 }
services:
  reviews:
    endpoints:
      - { address: "10.0.0.1:80", labels: { v: "1" } }
      - { address: "10.0.0.2:80", labels: { v: "2" }, priority: 1 }
    circuitBreaker: { maxRequests: 7 }
    subsets: { stable: { labels: { v: "1" } }, canary: { labels: { v: "2" } } }
splits:
  reviews:
    backends: { stable: { service: reviews, subset: stable }, canary: { service: reviews, subset: canary } }
    default: { stable: 90, canary: 10 }
routes:
  shop:
    gateways: [public/http]
    hostnames: [shop.example.com]
    rules:
      - name: cart
        matches: [{ path: /cart, method: GET, headers: { x-team: { prefix: qa- } } }]
        split: reviews
        timeouts: { request: 3s }
        retry: { attempts: 2, on: [5xx, reset], perTryTimeout: 1s }
`;

function explain(url: string, headers: readonly string[] = [], text = config, method = "GET"): RequestFacts {
  const { intent, diagnostics } = parseText(text);
  const good = present(intent, JSON.stringify(diagnostics));
  const asked = readAskedRequest({ method, url, headers });
  if (!asked.ok) throw new Error(asked.error);
  return explainRequest(asked.value, {
    lookup: lookUpIn(snapshotOf(good), envoyApi),
    origins: originsIn(good, "default"),
  });
}

const line = (text: string) => config.split("\n").findIndex((each) => each.includes(text)) + 1;

describe("a request that a rule takes", () => {
  const facts = explain("http://shop.example.com/a/../cart?x=1", ["X-Team: qa-1"]);

  test("is told step by step, each with its line", () => {
    expect(facts.listener).toMatchObject({ name: "public/http", at: { line: line("name: http") } });
    expect(facts.virtualHost).toMatchObject({ domain: "shop.example.com", at: { line: line("  shop:") } });
    expect(facts.route).toMatchObject({ name: "shop/cart", at: { line: line("name: cart") } });
    expect(facts.route?.split).toMatchObject({ name: "reviews", at: { line: line("splits:") + 1 } });
    expect(facts.clusters.map(({ name, at }) => [name, at?.line])).toEqual([
      ["reviews|stable", line("subsets:")],
      ["reviews|canary", line("subsets:")],
    ]);
  });

  test("is told with the path that is matched and what the match asks for", () => {
    expect(facts.request).toMatchObject({ path: "/a/../cart?x=1", matchedPath: "/cart?x=1" });
    expect(facts.route?.conditions).toEqual([
      "path is /cart or below",
      'method is "GET"',
      'header x-team begins with "qa-"',
    ]);
  });

  test("is told with its shares, endpoints, timeouts, retries and limits", () => {
    expect(facts.outcome).toEqual({
      kind: "forward",
      clusters: [
        { cluster: "reviews|stable", percent: 90 },
        { cluster: "reviews|canary", percent: 10 },
      ],
    });
    expect(facts.clusters[1]?.endpoints).toMatchObject([{ address: "10.0.0.2:80", priority: 1, at: { line: 10 } }]);
    const settings = new Map(
      [...facts.settings, ...(facts.clusters[0]?.settings ?? [])].map((each) => [each.name, each]),
    );
    expect(settings.get("timeout")).toMatchObject({ text: "3s", at: { line: line("timeouts:") } });
    expect(settings.get("retry")).toMatchObject({
      text: "2 on 5xx,reset, 1s each, on another host",
      at: { line: line("retry:") },
    });
    expect(settings.get("circuit breaker")?.text).toContain("max_requests 7");
  });
});

test("of a request that no rule takes, the nearest rule and its failing condition are told", () => {
  const facts = explain("http://shop.example.com/cart", ["x-team: dev"]);
  expect(facts.outcome).toMatchObject({ kind: "not-found", status: 404 });
  expect(facts.nearest).toMatchObject([
    {
      route: "shop/cart",
      at: { line: line("name: cart") },
      conditions: ['header x-team begins with "qa-", but it is "dev"'],
    },
  ]);
});

test("of a host that no route has, the hosts that there are", () => {
  const { outcome } = explain("http://shop.example.org/cart");
  expect(outcome).toMatchObject({ kind: "not-found", because: expect.stringContaining("there are: shop.example.com") });
});

test("of a port where nobody listens, and of https without TLS, who listens where", () => {
  const facts = explain("http://shop.example.com:81/");
  expect(facts.outcome).toEqual({
    kind: "refused",
    because: "no listener takes http on port 81 for shop.example.com",
  });
  const because = "it is on another port";
  expect(facts.nearListeners).toMatchObject([
    { name: "public/http", address: "0.0.0.0:8080", at: { line: line("name: http") }, because },
    { name: "public/inner", address: "0.0.0.0:8081", at: { line: line("name: inner") }, because },
  ]);
  expect(explain("https://shop.example.com/").outcome.kind).toBe("refused");
});

test("of several listeners the one with a route is told, and not those that would answer 404", () => {
  const facts = explain("http://shop.example.com/cart", ["x-team: qa-"]);
  expect(facts.otherListeners).toEqual([]);
  expect(explain("http://shop.example.com:8081/cart").listener?.name).toBe("public/inner");
});

test("without the intent the lines of the resources are told", () => {
  const { intent } = parseText(config);
  const asked = readAskedRequest({ method: "GET", url: "http://shop.example.com/cart", headers: ["x-team: qa-"] });
  if (!asked.ok || intent === undefined) throw new Error("the question is good");
  const facts = explainRequest(asked.value, { lookup: lookUpIn(snapshotOf(intent), envoyApi), origins: noOrigins });
  expect(facts.route).toMatchObject({ name: "shop/cart", at: { line: line("name: http") } });
});

describe("what only a running Envoy knows", () => {
  const raw = `resources:
  - "@type": type.googleapis.com/envoy.config.listener.v3.Listener
    name: raw
    address: { socket_address: { address: 127.0.0.1, port_value: 80 } }
    filter_chains:
      - filters:
          - name: hcm
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
              stat_prefix: raw
              http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
              route_config:
                name: inline
                virtual_hosts:
                  - name: all
                    domains: ["*"]
                    routes:
                      - { name: half, match: { prefix: /, runtime_fraction: { default_value: { numerator: 50 } } }, direct_response: { status: 201 } }
                      - { name: rest, match: { prefix: / }, direct_response: { status: 200 } }
`;

  test("is told as a possibility beside what follows otherwise", () => {
    const facts = explain("http://x/", [], raw);
    expect(facts.perhaps).toMatchObject([{ route: "half", conditions: ["50 % of requests: it is left to chance"] }]);
    expect(facts).toMatchObject({ route: { name: "rest" }, outcome: { kind: "answer", status: 200 } });
  });
});

test.each([
  ["shop.example.com/cart", "is not a URL"],
  ["ftp://x/", "is not a URL"],
  ["http://x:99999/", "99999 is not a port"],
  ["http://x/ä", "percent-encode"],
])("refuses %s", (url, sentence) => {
  const asked = readAskedRequest({ method: "GET", url, headers: [] });
  expect(asked).toMatchObject({ ok: false, error: expect.stringContaining(sentence) });
});

test("a URL's fragment stays with the client, a header line needs a name, and Host wins over the URL", () => {
  const asked = (headers: readonly string[]) =>
    readAskedRequest({ method: "GET", url: "http://[::1]:80?x#y", headers });
  expect(asked(["Host: shop"])).toMatchObject({
    ok: true,
    value: { method: "GET", host: "shop", path: "/?x", hostname: "::1" },
  });
  expect(asked([])).toMatchObject({ ok: true, value: { host: "[::1]:80" } });
  expect(asked(["no-colon"]).ok).toBe(false);
});
