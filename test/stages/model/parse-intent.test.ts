/**
 * What right documents mean, and how documents are put together.
 */
import { describe, expect, it } from "vitest";
import { DIAGNOSTICS_MAX } from "../../../src/model/collect-diagnostics.ts";
import { createParseCache, parseIntent } from "../../../src/model/parse-intent.ts";
import { envoyApi } from "../../support/envoy-api.ts";
import { documentOf, intentOf, parseText, summarize } from "./parse-text.ts";
import { sample } from "./sample.ts";

it("says where config could be when there is none at all, also that of an etcd", () => {
  const content = { files: [], problems: [], environment: {}, nowMs: 0 };
  const { diagnostics, intent } = parseIntent({ documents: [], problems: [], api: envoyApi, content });
  expect(intent).toBeUndefined();
  expect(diagnostics).toMatchObject([{ code: "source-missing", hint: expect.stringContaining("/fairway/config/") }]);
});

describe("the meaning of a document", () => {
  const intent = intentOf(sample);

  it("reads node groups", () => {
    expect(intent.groups).toMatchObject([
      {
        name: "edge",
        at: { file: "fairway.yaml", line: 2, column: 3 },
        match: { clusters: ["edge"], ids: ["edge-1", "edge-2"], locality: { region: "eu" } },
        consistency: "strict",
        removalGuard: { mode: "on", percent: 50, minimum: 10 },
        updates: { graceMs: 45_000, deadlineMs: 20_000, onDeadline: "hold" },
      },
      { name: "lab", services: ["shop"], consistency: "warn", removalGuard: { mode: "off" }, updates: {} },
    ]);
    expect(intent.groups[1]?.match).toEqual({ metadata: { "deploy.stage": "lab" } });
  });

  it("reads gateways with sorted groups and listeners", () => {
    expect(intent.gateways).toMatchObject([
      {
        name: "public",
        groups: ["edge", "lab"],
        listeners: [
          { name: "admin", port: 8081, address: "127.0.0.1", at: { line: 16, column: 9 } },
          { name: "http", port: 8080 },
        ],
      },
    ]);
  });

  it("reads services with endpoints sorted by address", () => {
    const shop = intent.services.find((service) => service.name === "shop");
    expect(shop?.endpoints).toMatchObject([
      { host: "10.0.1.11", port: 8080, locality: { region: "eu", zone: "a", subZone: "rack-7" } },
      {
        host: "10.0.1.12",
        port: 8080,
        labels: { version: "v2" },
        weight: 10,
        priority: 1,
        at: { line: 22, column: 9 },
      },
      { host: "::1", port: 80, labels: {} },
    ]);
    expect(shop?.policy).toMatchObject({
      connectTimeoutMs: 250,
      loadBalancer: { policy: "LEAST_REQUEST", choiceCount: 3, healthyPanicThresholdPercent: 0 },
      circuitBreaker: { at: { line: 33, column: 5 }, maxConnections: 200, maxRequests: 500, trackRemaining: true },
      outlierDetection: { fields: { consecutive5xx: 5, interval: "1.5s", baseEjectionTime: "120s" } },
      healthCheck: {
        check: {
          kind: "http",
          path: "/healthz",
          expectedStatuses: [
            { first: 200, last: 200 },
            { first: 204, last: 204 },
          ],
        },
        intervalMs: 5_000,
      },
    });
  });

  it("lets a subset's policy win field by field", () => {
    const [canary, stable] = intent.services.find((service) => service.name === "shop")?.subsets ?? [];
    expect(canary?.policy.circuitBreaker).toMatchObject({ at: { line: 29 }, maxConnections: 200, maxRequests: 50 });
    expect(canary?.policy.healthCheck).toMatchObject({
      check: { kind: "tcp" },
      intervalMs: 5_000,
      unhealthyThreshold: 2,
    });
    expect(stable?.policy.circuitBreaker).toMatchObject({ at: { line: 33 }, maxRequests: 500 });
  });

  it("reads rules in the order written, with a prefix of / where nothing is matched", () => {
    const shop = intent.routes.find((route) => route.name === "shop");
    expect(shop).toMatchObject({ gateways: ["public/http"], hostnames: ["*.shop.example.com", "shop.example.com"] });
    expect(shop?.rules[0]).toMatchObject({
      name: "pinned",
      matches: [
        {
          path: { kind: "exact", path: "/cart" },
          method: "POST",
          headers: [
            { name: "a", value: { kind: "present" } },
            { name: "x-canary", value: { kind: "exact", text: "always" } },
          ],
          queryParams: [{ name: "debug", value: { kind: "prefix", text: "1" } }],
        },
        { path: { kind: "prefix", path: "/basket" }, headers: [], queryParams: [] },
      ],
      target: { backends: [{ service: "shop", subset: "canary", weight: 1 }] },
      timeouts: { requestMs: 3_000, idleMs: 0 },
      retry: { attempts: 2, on: ["5xx", "reset"], perTryTimeoutMs: 1_000, backoff: { baseMs: 25, maxMs: 1_000 } },
    });
    expect(shop?.rules[1]).toMatchObject({ name: "rule-1", matches: [{ path: { kind: "prefix", path: "/" } }] });
  });

  it("reads filters, with header names in lower case and the places of all", () => {
    const [moved, closed, changed] = intent.routes.find((route) => route.name === "filtered")?.rules ?? [];
    expect(moved).toMatchObject({
      redirect: { at: { line: 57 }, scheme: "https", port: 8443, path: { kind: "prefix", path: "/new" }, status: 308 },
      target: { backends: [] },
      mirrors: [],
    });
    expect(closed?.respond).toMatchObject({ at: { line: 58 }, status: 503, body: "closed" });
    expect(changed).toMatchObject({
      requestHeaders: {
        at: { line: 61 },
        set: [{ name: "a", value: "1" }],
        add: [{ name: "b", value: "2" }],
        remove: ["c"],
      },
      responseHeaders: { set: [], add: [], remove: ["server"] },
      rewrite: { hostname: "inside", path: { kind: "full", path: "/x" } },
      mirrors: [
        { service: "shop", subset: "canary", percent: 2.5 },
        { service: "empty", at: { line: 65 } },
      ],
    });
    expect(changed?.target.backends[0]?.responseHeaders?.set).toEqual([{ name: "x-v", value: "v1" }]);
  });

  it("reads policies where they are attached, with both places", () => {
    const shop = intent.routes.find((route) => route.name === "shop");
    const [tagged, slow] = shop?.rules[0]?.policies ?? [];
    expect(tagged).toMatchObject({
      at: { line: 52, column: 20 },
      policy: {
        name: "tagged",
        at: { line: 76, column: 3 },
        requestHeaders: { at: { line: 76 }, set: [{ name: "x-tag" }] },
      },
    });
    expect(slow?.policy).toMatchObject({
      timeouts: { at: { line: 74, column: 5 }, requestMs: 60_000, backendRequestMs: 20_000, idleMs: 300_000 },
      retry: { at: { line: 75 }, attempts: 1 },
    });
    expect(shop?.policies).toMatchObject([{ at: { line: 54 }, policy: tagged?.policy }]);
    expect(intent.gateways[0]?.policies).toMatchObject([{ at: { line: 17 }, policy: slow?.policy }]);
  });

  it("resolves a split to its backends in the order written; a weight that is not written is 0", () => {
    const rule = intent.routes.find((route) => route.name === "shop")?.rules[1];
    expect(rule?.target).toMatchObject({
      split: { name: "shop", at: { line: 53, column: 16 }, definedAt: { line: 69, column: 3 } },
      backends: [
        { service: "shop", subset: "stable", weight: 90 },
        { service: "shop", subset: "canary", weight: 10 },
        { service: "empty", weight: 0 },
      ],
    });
  });

  it("gives a route without gateways to all gateways, and every host", () => {
    expect(intent.routes.find((route) => route.name === "rest")).toMatchObject({
      gateways: ["public"],
      hostnames: ["*"],
    });
  });

  it("reads raw resources as they are written, without Fairway's own key", () => {
    expect(intent.rawResources).toMatchObject([
      { name: "raw", typeUrl: "type.googleapis.com/envoy.config.cluster.v3.Cluster" },
      { name: "raw", groups: ["edge"] },
    ]);
    expect(intent.rawResources[0]?.groups).toBeUndefined();
    expect(intent.rawResources[0]?.json).toMatchObject({ connect_timeout: "3s" });
    expect(intent.rawResources[1]?.json).toEqual({
      "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
      clusterName: "raw",
    });
  });

  it("makes one group for all Envoys when no file has nodes", () => {
    expect(intentOf("services: {}\n").groups).toMatchObject([{ name: "default", match: {} }]);
    const { gateways } = intentOf("gateways: { g: { nodes: default, listeners: [{ name: a, port: 1 }] } }\n");
    expect(gateways[0]?.groups).toEqual(["default"]);
  });
});

describe("forms of documents", () => {
  it("reads JSON, several documents in a file, CRLF and aliases", () => {
    expect(
      intentOf({ "a.json": '{\n\t"services": {\n\t\t"a": { "endpoints": ["10.0.0.1:80"] }\n\t}\n}' }).services,
    ).toHaveLength(1);
    expect(
      intentOf("services: { a: { endpoints: [] } }\n---\nservices: { b: { endpoints: [] } }\n").services,
    ).toHaveLength(2);
    expect(intentOf("services:\r\n  a:\r\n    endpoints: []\r\n").services).toHaveLength(1);
    const aliased = intentOf("services:\n  a: { endpoints: &e ['10.0.0.1:80'] }\n  b: { endpoints: *e }\n");
    expect(aliased.services.map((service) => service.endpoints.length)).toEqual([1, 1]);
  });

  it("counts columns after CRLF and tabs as editors do", () => {
    expect(summarize(parseText("services:\r\n  a: 1\r\n").diagnostics)).toEqual(["wrong-type 2:6"]);
  });

  it("takes quoted words as texts", () => {
    expect(intentOf('nodes: { a: { match: { id: ["n", "1:30", "010"] } } }\n').groups[0]?.match.ids).toEqual([
      "010",
      "1:30",
      "n",
    ]);
  });

  it("takes names of Object.prototype as ordinary names", () => {
    const { services } = intentOf("services: { constructor: { endpoints: [] }, toString: { endpoints: [] } }\n");
    expect(services.map((service) => service.name)).toEqual(["constructor", "toString"]);
  });
});

describe("several files", () => {
  const files = {
    "a.yaml": "services:\n  shop: { endpoints: [], protocl: http2 }\n",
    "b.yaml": "routes:\n  r: { rules: [{ backends: [{ service: shop }, { service: shpo }] }] }\n",
    "c.yaml": "services:\n  shop: { endpoints: [] }\n  x: { endpoints: [a] }\n",
  };

  it("tells all problems of all files at once, sorted by place", () => {
    expect(summarize(parseText(files).diagnostics)).toEqual([
      "unknown-key a.yaml:2:26",
      "dangling-reference b.yaml:2:59",
      "duplicate-name c.yaml:2:3",
      "invalid-value c.yaml:3:20",
    ]);
  });

  it("says the same whatever the order of reading", () => {
    const reversed = Object.fromEntries(Object.entries(files).toReversed());
    expect(parseText(reversed)).toEqual(parseText(files));
    const parts = { "1.yaml": "services: { b: { endpoints: [] } }", "2.yaml": "services: { a: { endpoints: [] } }" };
    expect(intentOf(Object.fromEntries(Object.entries(parts).toReversed()))).toEqual(intentOf(parts));
  });

  it("names the first definition beside the second", () => {
    const duplicate = parseText(files).diagnostics.find(({ code }) => code === "duplicate-name");
    expect(duplicate?.related?.at).toEqual({ file: "a.yaml", line: 2, column: 3 });
  });

  it("does not call a name dangling while a file cannot be read", () => {
    const { diagnostics } = parseText({ ...files, "a.yaml": "services: {", "c.yaml": "{}" });
    expect(summarize(diagnostics)).toEqual(["yaml-syntax a.yaml:1:12"]);
    const missing = parseIntent({
      documents: [documentOf("b.yaml", files["b.yaml"])],
      problems: [{ code: "source-unreadable", path: "a.yaml", message: "permission denied" }],
      api: envoyApi,
    });
    expect(summarize(missing.diagnostics)).toEqual(["source-unreadable a.yaml:1:1"]);
    expect(missing.intent).toBeUndefined();
  });

  it("shows so many problems and counts the rest, errors before warnings", () => {
    const subsets = Array.from(
      { length: DIAGNOSTICS_MAX },
      (_, index) => `      s${index}: { labels: { v: "${index}" } }\n`,
    );
    const { diagnostics } = parseText(
      `services:\n  a:\n    endpoints: []\n    subsets:\n${subsets.join("")}  b: { endpoints: [], x: 1 }\n`,
    );
    expect(diagnostics).toHaveLength(DIAGNOSTICS_MAX + 1);
    expect(diagnostics.at(-2)?.code).toBe("unknown-key");
    expect(diagnostics.at(-1)).toMatchObject({ code: "too-many-problems", message: "1 more problem is not shown" });
  });
});

describe("the cache", () => {
  const documents = Array.from({ length: 20 }, (_, index) =>
    documentOf(`${index}.yaml`, `services: { s${index}: { endpoints: [] } }\n`),
  );

  it("parses only what changed and forgets what is gone", () => {
    const cache = createParseCache();
    parseIntent({ documents, problems: [], api: envoyApi, cache });
    const before = new Map(cache.files);
    const changed = documents.with(3, documentOf("3.yaml", "services: { t: { endpoints: [] } }\n")).slice(0, 19);
    const { intent } = parseIntent({ documents: changed, problems: [], api: envoyApi, cache });
    expect([...cache.files].filter(([path, file]) => before.get(path) !== file).map(([path]) => path)).toEqual([
      "3.yaml",
    ]);
    expect(cache.files.has("19.yaml")).toBe(false);
    expect(intent).toEqual(parseIntent({ documents: changed, problems: [], api: envoyApi }).intent);
  });

  const files = {
    "gateways.yaml": "gateways: { public: { listeners: [{ name: http, port: 80 }] } }\n",
    "routes.yaml":
      "routes: { shop: { rules: [{ name: all, split: shop }] }, plain: { rules: [{ name: all, backends: [{ service: shop }] }] } }\n",
    "splits.yaml": "splits: { shop: { backends: { a: { service: shop } }, default: { a: 100 } } }\n",
    "services.yaml": "services: { shop: { endpoints: [] } }\n",
  };

  /** Parses the files, then the files with one replaced or added; returns both intents. */
  function reparse(path: string, text: string) {
    const cache = createParseCache();
    const parse = (named: Readonly<Record<string, string>>) => {
      const all = Object.entries(named).map(([each, content]) => documentOf(each, content));
      const { intent } = parseIntent({ documents: all, problems: [], api: envoyApi, cache });
      expect(intent).toEqual(parseIntent({ documents: all, problems: [], api: envoyApi }).intent);
      return intent;
    };
    return { before: parse(files), after: parse({ ...files, [path]: text }) };
  }

  it("keeps the objects of gateways and routes that resolve as before", () => {
    const { before, after } = reparse(
      "services.yaml",
      "services: { shop: { endpoints: [] }, cart: { endpoints: [] } }\n",
    );
    expect(after?.gateways[0]).toBe(before?.gateways[0]);
    expect(after?.routes.map((route, index) => route === before?.routes[index])).toEqual([true, true]);
  });

  it("resolves a route anew when its split in another file changed", () => {
    const split = "splits: { shop: { backends: { a: { service: shop } }, default: { a: 50 } } }\n";
    const { before, after } = reparse("splits.yaml", split);
    expect(after?.routes.map(({ name, rules }) => [name, rules[0]?.target.backends[0]?.weight])).toEqual([
      ["plain", 1],
      ["shop", 50],
    ]);
    expect(after?.routes[0]).toBe(before?.routes[0]);
    expect(after?.routes[1]).not.toBe(before?.routes[1]);
  });

  it("resolves anew what a changed policy in another file is attached to", () => {
    const cache = createParseCache();
    const parse = (request: string) => {
      const texts = {
        "gateways.yaml":
          "gateways: { a: { listeners: [{ name: h, port: 80 }], policies: [p] }, b: { listeners: [{ name: h, port: 81 }] } }\n",
        "policies.yaml": `policies: { p: { timeouts: { request: ${request} } } }\n`,
        "routes.yaml":
          "routes: { r: { rules: [{ backends: [{ service: s }], policies: [p] }] }, t: { rules: [{ backends: [{ service: s }] }] } }\n",
        "services.yaml": "services: { s: { endpoints: [] } }\n",
      };
      const all = Object.entries(texts).map(([path, text]) => documentOf(path, text));
      return parseIntent({ documents: all, problems: [], api: envoyApi, cache }).intent;
    };
    const [before, after] = [parse("1s"), parse("2s")];
    expect(after?.gateways[0]?.policies[0]?.policy.timeouts?.requestMs).toBe(2_000);
    expect(after?.gateways.map((gateway, index) => gateway === before?.gateways[index])).toEqual([false, true]);
    expect(after?.routes[0]?.rules[0]?.policies[0]?.policy.timeouts?.requestMs).toBe(2_000);
    expect(after?.routes.map((route, index) => route === before?.routes[index])).toEqual([false, true]);
  });

  it("resolves gateways and routes anew when there is a further group or gateway", () => {
    const grouped = reparse("nodes.yaml", "nodes: { edge: {}, mesh: { match: { id: m } } }\n");
    expect(grouped.after?.gateways[0]?.groups).toEqual(["edge", "mesh"]);
    const joined = reparse("more.yaml", "gateways: { inside: { listeners: [{ name: http, port: 81 }] } }\n");
    expect(joined.after?.routes.map(({ gateways }) => gateways)).toEqual([
      ["inside", "public"],
      ["inside", "public"],
    ]);
  });
});
