/**
 * Explanations of what is written in several places: patches over definitions, backends over rules, limits and
 * hashes at services, names at listeners with TLS.
 */
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/cli/load-config.ts";
import { readAskedRequest } from "../../../src/explain/asked-request.ts";
import type { RequestFacts } from "../../../src/explain/explain-request.ts";
import { explainRequest } from "../../../src/explain/explain-request.ts";
import { originsIn } from "../../../src/explain/origins.ts";
import { lookUpIn } from "../../../src/explain/resource-lookup.ts";
import { present } from "../../../src/support/assert.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { snapshotOf } from "../../support/snapshot-of.ts";
import { parseText } from "../model/parse-text.ts";

const config = `gateways:
  public: { listeners: [{ name: http, port: 8080 }] }
policies:
  marks: { requestHeaders: { set: { x-mark: rule } } }
services:
  a:
    endpoints: ["10.0.0.1:80"]
    circuitBreaker: { retryBudget: { percent: 30 } }
    loadBalancer: { policy: RING_HASH, hashOn: [{ header: x-user }, { cookie: { name: session } }] }
  b: { endpoints: ["10.0.0.2:80"] }
routes:
  shop:
    hostnames: [shop.test]
    policies: [marks]
    rules:
      - name: all
        matches: [{ path: /both }]
        backends:
          - service: a
            filters: [{ requestHeaders: { set: { x-own: a } } }]
          - service: b
patches:
  - target: { type: RouteConfiguration, name: public/http }
    merge: { most_specific_header_mutations_wins: true }
  - target: { type: Cluster, name: a }
    merge: { alt_stat_name: x }
`;

const line = (text: string) => config.split("\n").findIndex((each) => each.includes(text)) + 1;

function explain(url: string, text = config): RequestFacts {
  const { intent, diagnostics } = parseText(text);
  const good = present(intent, JSON.stringify(diagnostics));
  const asked = readAskedRequest({ method: "GET", url, headers: [] });
  if (!asked.ok) throw new Error(asked.error);
  const origins = originsIn(good, "default");
  return explainRequest(asked.value, { lookup: lookUpIn(snapshotOf(good), envoyApi), origins });
}

describe("what is written at a backend and its service", () => {
  const [a, b] = explain("http://shop.test/both").clusters;

  test("is told under its cluster, the rule's header changes with the policy that they come from", () => {
    const from = { at: { line: line("marks:") }, origin: "policy marks, attached to route shop" };
    const headers = (settings: typeof a) => settings?.settings.filter(({ name }) => name === "request header");
    expect(headers(a)).toMatchObject([
      { text: "set x-mark: rule", ...from },
      { text: "set x-own: a", at: { line: line("x-own: a") } },
    ]);
    expect(headers(b)).toMatchObject([{ text: "set x-mark: rule", ...from }]);
  });

  test("is told with the retry budget in the place of the number that Envoy ignores, and what is hashed", () => {
    const settings = new Map(a?.settings.map(({ name, text }) => [name, text]));
    expect(settings.get("circuit breaker")).toContain("retry budget 30 % of requests, at least 3 at once");
    expect(settings.get("circuit breaker")).not.toContain("max_retries");
    expect(settings.get("load balancing")).toBe("RING_HASH by header x-user, else by cookie session");
  });
});

test("a patched resource has the place of its definition, and that of the patch beside it", () => {
  const { clusters, routeConfiguration, virtualHost } = explain("http://shop.test/none");
  expect(clusters).toEqual([]);
  expect(virtualHost).toMatchObject({ domain: "shop.test", at: { line: line("  shop:") } });
  expect(routeConfiguration).toMatchObject({
    at: { line: line("name: http") },
    patchedAt: [{ line: line("target: { type: RouteConf") }],
  });
  const [a] = explain("http://shop.test/both").clusters;
  expect(a).toMatchObject({ at: { line: line("  a:") }, patchedAt: [{ line: line("target: { type: Cluster") }] });
});

describe("listeners with TLS that do not take the connection", async () => {
  const { intent, snapshots } = await loadConfig(["examples/tls"], envoyApi);
  const snapshot = present([...(snapshots?.values() ?? [])][0], "the example is good");
  const sources = { lookup: lookUpIn(snapshot, envoyApi), origins: originsIn(present(intent, "as before"), "default") };

  test.each([
    ["https://other.example:8443/", "its server name is example.com"],
    ["http://example.com:8443/", "it speaks TLS only; ask for https://"],
    ["https://10.0.0.1:8443/", "its server name is example.com, and for an IP address clients send no server name"],
  ])("are told by the config's names, with what they want of %s", (url, because) => {
    const asked = readAskedRequest({ method: "GET", url, headers: [] });
    if (!asked.ok) throw new Error(asked.error);
    const { outcome, nearListeners } = explainRequest(asked.value, sources);
    expect(outcome.kind).toBe("refused");
    const near = nearListeners.find(({ name }) => name === "public/https");
    expect(near).toMatchObject({ because, at: { file: "examples/tls/fairway.yaml", line: 8 } });
  });
});

test("filters that do what others wrote are marked where they are in force", () => {
  const marked = config
    .replace(
      "policies:\n",
      `policies:\n  code:\n    lua: { inline: "function envoy_on_request(h) end" }\n    extensions: [{ name: stats, typedConfig: { "@type": type.googleapis.com/envoy.extensions.filters.http.grpc_stats.v3.FilterConfig } }]\n    cors: { allowOrigins: ["*"] }\n`,
    )
    .replace("policies: [marks]", "policies: [marks, code]");
  const filters = explain("http://shop.test/both", marked).settings.filter(({ name }) => name === "filter");
  expect(filters.map(({ text }) => text)).toEqual([
    "envoy.filters.http.cors, configured by the route",
    "envoy.filters.http.lua [extension code: Lua], configured by the route",
    "extension.stats/code [extension], configured by the route",
  ]);
  expect(filters[2]?.origin).toBe("policy code, attached to route shop");
});
