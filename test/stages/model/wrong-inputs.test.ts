/**
 * A corpus of wrong inputs: for each, every diagnostic with its code, line and column.
 */
import { describe, expect, it } from "vitest";
import { parseText, summarize } from "./parse-text.ts";

type Row = readonly [title: string, input: string, ...expected: string[]];

/** A service that is right, for rows about something else; it is one line. */
const shop = `services: { shop: { endpoints: ["10.0.0.1:80"] } }\n`;
const cluster = `resources:\n  - "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\n    name: raw\n`;

const files: readonly Row[] = [
  ["an empty file", "", "empty-document 1:1"],
  ["a file of comments", "# nothing\n\n# here\n", "empty-document 1:1"],
  ["null", "null\n", "empty-document 1:1"],
  ["a second document that is empty", "services: {}\n---\n", "empty-document 2:1"],
  ["a byte order mark", "\uFEFFservices: {}\n", "invalid-encoding 1:1"],
  ["a NUL character", "services: {}\n\0", "invalid-encoding 2:1"],
  ["a list as a document", "- a\n- b\n", "wrong-type 1:1"],
  ["a text as a document", "hello\n", "wrong-type 1:1"],
  ["a flow map that does not end", "services: { a: 1\n", "yaml-syntax 2:1"],
  ["a tab as indentation", "services:\n\ta: 1\n", "yaml-syntax 2:1"],
  ["JSON with a trailing word", '{"services": {}} x\n', "yaml-syntax 1:18"],
  ["an alias without an anchor", "services: *nobody\n", "yaml-syntax 1:11"],
  ["an alias inside its own anchor", "services: &a { x: *a }\n", "yaml-syntax 1:19"],
  ["an unknown tag", "services: !secret {}\n", "yaml-syntax 1:11"],
  ["a key that is a list", "? [a]\n: 1\n", "yaml-syntax 1:3"],
  ["YAML 1.1 by directive", "%YAML 1.1\n---\nservices: {}\n", "yaml-ambiguous 1:1"],
  ["deep nesting", `x: ${"[".repeat(200_000)}`, "yaml-limit 1:69"],
  ["a bare n", "nodes: { a: { match: { id: n } } }\n", "yaml-ambiguous 1:28"],
  ["a bare yes among texts", `nodes:\n  a:\n    match:\n      id: [a, yes]\n`, "yaml-ambiguous 4:15"],
  ["a number in base 60", "nodes: { a: { match: { id: 1:30 } } }\n", "yaml-ambiguous 1:28"],
  ["an octal number", `${shop}gateways:\n  g: { listeners: [{ name: a, port: 0100 }] }\n`, "yaml-ambiguous 3:37"],
  ["a bare no as a name", "services:\n  no: { endpoints: [] }\n", "yaml-ambiguous 2:3"],
  ["a number beyond 2^53", "nodes: { a: { match: { metadata: { x: 9007199254740993 } } } }\n", "unsafe-integer 1:39"],
  ["a key that is written twice", "services:\n  a: { endpoints: [] }\n  a: { endpoints: [] }\n", "duplicate-name 3:3"],
  ["a top-level key that is written twice", "services: {}\nservices: {}\n", "duplicate-name 2:1"],
  ["a merge key", "services:\n  <<: { a: 1 }\n", "unknown-key 2:3"],
  ["__proto__ as a key", "services:\n  __proto__: { endpoints: [] }\n", "unknown-key 2:3"],
];

const services: readonly Row[] = [
  ["an unknown top-level key", "service: {}\n", "unknown-key 1:1"],
  ["a word that comes later", "services:\n  a: { discovery: { file: x } }\n", "unknown-key 2:21"],
  ["a section that is a list", "services: []\n", "wrong-type 1:11"],
  ["a section that is empty", "services:\n", "wrong-type 1:1"],
  ["a service that is empty", "services:\n  a:\n", "wrong-type 2:3"],
  ["a name with a bar", 'services: { "a|b": { endpoints: [] } }\n', "invalid-value 1:13"],
  ["missing endpoints", "services:\n  a:\n    protocol: http2\n", "missing-key 2:3"],
  ["a typo in a service", "services:\n  a:\n    endpoint: []\n    endpoints: []\n", "unknown-key 3:5"],
  ["an unknown protocol", "services: { a: { protocol: http4, endpoints: [] } }\n", "invalid-value 1:28"],
  ["a host name as an endpoint", 'services:\n  a:\n    endpoints:\n      - "db.local:80"\n', "invalid-value 4:9"],
  [
    "endpoints and a name",
    'services:\n  a:\n    endpoints: []\n    discovery: { dns: "db.local:80" }\n',
    "invalid-value 4:5",
  ],
  [
    "subsets of a name",
    'services:\n  a:\n    discovery: { dns: "db.local:80" }\n    subsets: { v2: { labels: { v: v2 } } }\n',
    "invalid-value 4:5",
  ],
  ["a discovery of nothing", "services:\n  a:\n    discovery: {}\n", "missing-key 3:5"],
  ["a discovery of the future", "services: { a: { discovery: { file: /x } } }\n", "unknown-key 1:31"],
  ["a registry that is a text", "services: { a: { discovery: { etcd: /x } } }\n", "wrong-type 1:37"],
  ["a prefix that ends anywhere", "services: { a: { discovery: { etcd: { prefix: /x } } } }\n", "invalid-value 1:47"],
  ["two kinds of discovery", 'services: { a: { discovery: { dns: "a.b:80", etcd: {} } } }\n', "invalid-value 1:46"],
  ["a name without port", "services: { a: { discovery: { dns: db.local } } }\n", "invalid-value 1:36"],
  ["a name with port 0", 'services: { a: { discovery: { dns: "db.local:0" } } }\n', "invalid-value 1:36"],
  ["an address as a name", 'services: { a: { discovery: { dns: "10.0.0.1:80" } } }\n', "invalid-value 1:36"],
  [
    "an address as a name in a map",
    "services: { a: { discovery: { dns: { name: 10.0.0.1, port: 80 } } } }\n",
    "invalid-value 1:44",
  ],
  ["a URL as a name", 'services: { a: { discovery: { dns: "http://db:80" } } }\n', "invalid-value 1:36"],
  [
    "a name that is asked for all the time",
    "services: { a: { discovery: { dns: { name: db, port: 80, refresh: 10ms } } } }\n",
    "invalid-value 1:67",
  ],
  [
    "a refresh that is no duration",
    "services: { a: { discovery: { dns: { name: db, port: 80, refresh: soon } } } }\n",
    "invalid-value 1:67",
  ],
  [
    "timeouts that are no durations",
    "policies: { a: { timeouts: { request: soon, backendRequest: later } } }\n",
    "invalid-value 1:39",
    "invalid-value 1:61",
  ],
  [
    "a health that is none",
    'services: { a: { endpoints: [{ address: "1.1.1.1:1", health: dead }] } }\n',
    "invalid-value 1:62",
  ],
  ["an endpoint without port", "services: { a: { endpoints: [10.0.0.1] } }\n", "invalid-value 1:30"],
  ["a port out of range", 'services: { a: { endpoints: ["10.0.0.1:70000"] } }\n', "invalid-value 1:30"],
  ["IPv6 without brackets", 'services: { a: { endpoints: ["::1:80"] } }\n', "invalid-value 1:30"],
  ["an endpoint that is a number", "services: { a: { endpoints: [80] } }\n", "wrong-type 1:30"],
  ["an endpoint without address", "services:\n  a:\n    endpoints:\n      - weight: 2\n", "missing-key 4:9"],
  ["the same endpoint twice", 'services: { a: { endpoints: ["1.1.1.1:1", "1.1.1.1:1"] } }\n', "duplicate-name 1:43"],
  ["a weight of 0", 'services: { a: { endpoints: [{ address: "1.1.1.1:1", weight: 0 }] } }\n', "invalid-value 1:62"],
  [
    "a label that is a number",
    'services: { a: { endpoints: [{ address: "1.1.1.1:1", labels: { v: 1 } }] } }\n',
    "wrong-type 1:67",
  ],
  [
    "a locality with four parts",
    'services: { a: { endpoints: [{ address: "1.1.1.1:1", locality: a/b/c/d }] } }\n',
    "invalid-value 1:64",
  ],
  ["a duration without unit", "services: { a: { endpoints: [], connectTimeout: 5 } }\n", "wrong-type 1:49"],
  ["a duration in days", "services: { a: { endpoints: [], connectTimeout: 5d } }\n", "invalid-value 1:49"],
  ["a duration of zero", "services: { a: { endpoints: [], connectTimeout: 0s } }\n", "invalid-value 1:49"],
  [
    "a policy in lower case",
    "services: { a: { endpoints: [], loadBalancer: { policy: random } } }\n",
    "invalid-value 1:57",
  ],
  [
    "choices without least request",
    "services: { a: { endpoints: [], loadBalancer: { choiceCount: 3 } } }\n",
    "invalid-value 1:49",
  ],
  [
    "a ring without a policy that has one",
    "services: { a: { endpoints: [], loadBalancer: { ringHash: {} } } }\n",
    "invalid-value 1:49",
  ],
  [
    "a slow start of random choices",
    "services: { a: { endpoints: [], loadBalancer: { policy: RANDOM, slowStart: 60s } } }\n",
    "invalid-value 1:65",
  ],
  [
    "a hash on two things in one item",
    "services: { a: { endpoints: [], loadBalancer: { policy: MAGLEV, hashOn: [{ header: a, cookie: b }] } } }\n",
    "invalid-value 1:74",
  ],
  [
    "a hash on a source address that is not meant",
    "services: { a: { endpoints: [], loadBalancer: { policy: MAGLEV, hashOn: [{ sourceIp: false }] } } }\n",
    "invalid-value 1:86",
  ],
  [
    "a table whose size is no prime number",
    "services: { a: { endpoints: [], loadBalancer: { policy: MAGLEV, maglev: { tableSize: 65536 } } } }\n",
    "invalid-value 1:86",
  ],
  [
    "a ring that is larger than it may be",
    "services:\n  a:\n    endpoints: []\n    loadBalancer:\n      policy: RING_HASH\n      hashOn: [{ header: a }]\n      ringHash: { maximumRingSize: 100 }\n",
    "invalid-value 7:7",
  ],
  [
    "a hash of nothing",
    "services: { a: { endpoints: [], loadBalancer: { policy: MAGLEV } } }\n",
    "missing-hash-key 1:57",
  ],
  [
    "two limits for retries",
    "services: { a: { endpoints: [], circuitBreaker: { maxRetries: 1, retryBudget: {} } } }\n",
    "invalid-value 1:51",
  ],
  [
    "two spellings of a field",
    "services:\n  a:\n    endpoints: []\n    circuitBreaker: { maxRequests: 1, max_requests: 2 }\n",
    "duplicate-name 4:39",
  ],
  [
    "two spellings of a block",
    "services:\n  a:\n    endpoints: []\n    healthCheck: { tcp: {} }\n    health_check: { tcp: {} }\n",
    "duplicate-name 5:5",
  ],
  [
    "a typo in a pasted block",
    "services:\n  a:\n    endpoints: []\n    outlier_detection: { consecutive_5x: 5 }\n",
    "unknown-key 4:26",
  ],
  [
    "a negative threshold",
    "services: { a: { endpoints: [], circuitBreaker: { maxRequests: -1 } } }\n",
    "invalid-value 1:64",
  ],
  [
    "a threshold with a fraction",
    "services: { a: { endpoints: [], circuitBreaker: { maxRequests: 1.5 } } }\n",
    "invalid-value 1:64",
  ],
  ["a quoted number", 'services: { a: { endpoints: [], circuitBreaker: { maxRequests: "5" } } }\n', "wrong-type 1:64"],
  [
    "a percentage over 100",
    "services: { a: { endpoints: [], outlierDetection: { maxEjectionPercent: 101 } } }\n",
    "invalid-value 1:73",
  ],
  [
    "two kinds of health check",
    "services: { a: { endpoints: [], healthCheck: { tcp: {}, grpc: {} } } }\n",
    "invalid-value 1:63",
  ],
  [
    "no kind of health check",
    "services:\n  a:\n    endpoints: []\n    healthCheck:\n      interval: 3s\n",
    "missing-key 4:5",
  ],
  [
    "a status that is none",
    "services: { a: { endpoints: [], healthCheck: { http: { path: /, expectedStatuses: [20] } } } }\n",
    "invalid-value 1:84",
  ],
  ["a subset without labels", "services:\n  a:\n    endpoints: []\n    subsets:\n      v2: {}\n", "missing-key 5:7"],
  [
    "a subset that selects nothing",
    "services:\n  a:\n    endpoints: []\n    subsets:\n      v2: { labels: { v: v2 } }\n",
    "empty-subset 5:21",
  ],
];

const routing: readonly Row[] = [
  ["a route without rules", "routes:\n  r: {}\n", "missing-key 2:3"],
  ["an empty list of rules", "routes: { r: { rules: [] } }\n", "invalid-value 1:23"],
  ["a rule without a target", "routes:\n  r:\n    rules:\n      - name: a\n", "missing-key 4:9"],
  [
    "a service that is not defined",
    `${shop}routes: { r: { rules: [{ backends: [{ service: shp }] }] } }\n`,
    "dangling-reference 2:48",
  ],
  [
    "a subset that is not defined",
    `${shop}routes: { r: { rules: [{ backends: [{ service: shop, subset: v2 }] }] } }\n`,
    "dangling-reference 2:62",
  ],
  ["a split that is not defined", "routes: { r: { rules: [{ split: s }] } }\n", "dangling-reference 1:33"],
  [
    "backends and a split",
    `${shop}splits: { s: { backends: { a: { service: shop } }, default: { a: 1 } } }\nroutes: { r: { rules: [{ split: s, backends: [{ service: shop }] }] } }\n`,
    "invalid-value 3:33",
  ],
  [
    "weights that are all 0",
    `${shop}routes: { r: { rules: [{ backends: [{ service: shop, weight: 0 }] }] } }\n`,
    "invalid-value 2:36",
  ],
  [
    "a weight over a million",
    `${shop}routes: { r: { rules: [{ backends: [{ service: shop, weight: 1000001 }] }] } }\n`,
    "invalid-value 2:62",
  ],
  [
    "a gateway that is not defined",
    `${shop}routes: { r: { gateways: [web], rules: [{ backends: [{ service: shop }] }] } }\n`,
    "dangling-reference 2:27",
  ],
  [
    "a listener that is not defined",
    `${shop}gateways: { web: { listeners: [{ name: http, port: 80 }] } }\nroutes: { r: { gateways: [web/https], rules: [{ backends: [{ service: shop }] }] } }\n`,
    "dangling-reference 3:27",
  ],
  [
    "a host name with a port",
    `${shop}routes: { r: { hostnames: ["a.com:80"], rules: [{ backends: [{ service: shop }] }] } }\n`,
    "invalid-value 2:28",
  ],
  [
    "a host name twice",
    `${shop}routes: { r: { hostnames: [a.com, A.com], rules: [{ backends: [{ service: shop }] }] } }\n`,
    "duplicate-name 2:35",
  ],
  [
    "a path without slash",
    `${shop}routes: { r: { rules: [{ matches: [{ path: shop }], backends: [{ service: shop }] }] } }\n`,
    "invalid-value 2:44",
  ],
  [
    "two kinds of path",
    `${shop}routes: { r: { rules: [{ matches: [{ path: { exact: /a, prefix: /b } }], backends: [{ service: shop }] }] } }\n`,
    "invalid-value 2:44",
  ],
  [
    "a kind of path that is none",
    `${shop}routes: { r: { rules: [{ matches: [{ path: { prefx: /b } }], backends: [{ service: shop }] }] } }\n`,
    "unknown-key 2:46",
  ],
  [
    "a pattern with look-ahead",
    `${shop}routes: { r: { rules: [{ matches: [{ path: { regex: "/(?=a)" } }], backends: [{ service: shop }] }] } }\n`,
    "invalid-value 2:53",
  ],
  [
    "a pattern that does not end",
    `${shop}routes: { r: { rules: [{ matches: [{ path: { regex: "/(a" } }], backends: [{ service: shop }] }] } }\n`,
    "invalid-value 2:53",
  ],
  [
    "a method in lower case",
    `${shop}routes: { r: { rules: [{ matches: [{ method: get }], backends: [{ service: shop }] }] } }\n`,
    "invalid-value 2:46",
  ],
  [
    "a header that is a number",
    `${shop}routes: { r: { rules: [{ matches: [{ headers: { a: 1 } }], backends: [{ service: shop }] }] } }\n`,
    "wrong-type 2:52",
  ],
  [
    "a header name with a space",
    `${shop}routes: { r: { rules: [{ matches: [{ headers: { "a b": x } }], backends: [{ service: shop }] }] } }\n`,
    "invalid-value 2:49",
  ],
  [
    "a header in two cases",
    `${shop}routes: { r: { rules: [{ matches: [{ headers: { A: x, a: z } }], backends: [{ service: shop }] }] } }\n`,
    "duplicate-name 2:58",
  ],
  [
    "present that is no boolean",
    `${shop}routes: { r: { rules: [{ matches: [{ headers: { a: { present: never } } }], backends: [{ service: shop }] }] } }\n`,
    "wrong-type 2:63",
  ],
  [
    "a retry condition that is none",
    `${shop}routes: { r: { rules: [{ backends: [{ service: shop }], retry: { attempts: 1, on: [5x] } }] } }\n`,
    "invalid-value 2:84",
  ],
  [
    "a retry without conditions",
    `${shop}routes: { r: { rules: [{ backends: [{ service: shop }], retry: { attempts: 1 } }] } }\n`,
    "missing-key 2:64",
  ],
  [
    "a rule name twice",
    `${shop}routes:\n  r:\n    rules:\n      - { name: a, backends: [{ service: shop }] }\n      - { name: a, backends: [{ service: shop }] }\n`,
    "duplicate-name 6:17",
  ],
  [
    "a split of zeros",
    `${shop}splits: { s: { backends: { a: { service: shop } }, default: { a: 0 } } }\n`,
    "invalid-value 2:61",
  ],
  [
    "a default that is no backend",
    `${shop}splits: { s: { backends: { a: { service: shop } }, default: { a: 1, b: 1 } } }\n`,
    "dangling-reference 2:69",
  ],
  [
    "a split to an unknown service",
    `splits: { s: { backends: { a: { service: shop } }, default: { a: 1 } } }\n`,
    "dangling-reference 1:42",
  ],
];

const nodesAndResources: readonly Row[] = [
  [
    "a group that is not defined",
    "nodes: { edge: {} }\ngateways: { g: { nodes: edg, listeners: [{ name: a, port: 80 }] } }\n",
    "dangling-reference 2:25",
  ],
  ["a service of a group that is not defined", "nodes: { edge: { services: [x] } }\n", "dangling-reference 1:29"],
  ["clusters on demand or not", "nodes: { edge: { onDemand: {} } }\n", "missing-key 1:18"],
  ["a wait for no time", "nodes: { edge: { onDemand: { clusters: true, timeout: 0s } } }\n", "invalid-value 1:55"],
  ["a guard that is a typo", 'nodes: { edge: { removalGuard: "of" } }\n', "invalid-value 1:32"],
  ["a guard without percent sign sense", "nodes: { edge: { removalGuard: { percent: 0 } } }\n", "invalid-value 1:43"],
  ["metadata with a list", "nodes: { edge: { match: { metadata: { a: [] } } } }\n", "wrong-type 1:42"],
  ["a gateway without listeners", "gateways:\n  g: {}\n", "missing-key 2:3"],
  ["a port of 0", "gateways: { g: { listeners: [{ name: a, port: 0 }] } }\n", "invalid-value 1:47"],
  [
    "an address that is a name",
    "gateways: { g: { listeners: [{ name: a, port: 1, address: localhost }] } }\n",
    "invalid-value 1:59",
  ],
  [
    "HTTPS without TLS",
    "gateways: { g: { listeners: [{ name: a, port: 1, protocol: HTTPS }] } }\n",
    "missing-key 1:30",
  ],
  [
    "two listeners of one name",
    "gateways: { g: { listeners: [{ name: a, port: 1 }, { name: a, port: 2 }] } }\n",
    "duplicate-name 1:60",
  ],
  [
    "two listeners of one port",
    "gateways:\n  g: { listeners: [{ name: a, port: 80 }] }\n  h: { listeners: [{ name: b, port: 80 }] }\n",
    "conflicting-address 3:37",
  ],
  ["a raw resource without type", "resources: [{ name: a }]\n", "missing-key 1:13"],
  [
    "a raw resource of no type",
    'resources: [{ "@type": type.googleapis.com/envoy.Nothing }]\n',
    "unknown-envoy-type 1:24",
  ],
  [
    "a raw resource that xDS does not deliver",
    'resources: [{ "@type": type.googleapis.com/envoy.config.core.v3.Address }]\n',
    "unsupported-resource-type 1:24",
  ],
  [
    "a raw resource without name",
    'resources: [{ "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster }]\n',
    "missing-key 1:13",
  ],
  [
    "a raw resource that breaks a constraint of Envoy",
    'resources: [{ "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster, name: a, connect_timeout: 0s }]\n',
    "envoy-constraint 1:103",
  ],
  [
    "a raw resource with a type but no prefix",
    'resources: [{ "@type": envoy.config.cluster.v3.Cluster, name: a }]\n',
    "invalid-value 1:24",
  ],
  ["an unknown field of a raw resource", `${cluster}    connect_timeot: 3s\n`, "invalid-envoy-resource 4:5"],
  ["a wrong duration in a raw resource", `${cluster}    connect_timeout: 3\n`, "invalid-envoy-resource 4:22"],
  ["a wrong enum in a raw resource", `${cluster}    lb_policy: RANDM\n`, "invalid-envoy-resource 4:16"],
  [
    "mistakes deep in a raw resource",
    `${cluster}    load_assignment:\n      cluster_name: a\n      endpoints:\n        - lb_endpoints:\n            - { endpoint: { adress: {} } }\n            - { load_balancing_weight: x }\n`,
    "invalid-envoy-resource 8:29",
    "invalid-envoy-resource 9:40",
  ],
  [
    "an unknown nested type",
    `${cluster}    typed_extension_protocol_options:\n      a: { "@type": type.googleapis.com/x.Y }\n`,
    "unknown-envoy-type 5:21",
  ],
  [
    "a field twice in a raw resource",
    `${cluster}    lb_policy: RANDOM\n    lbPolicy: RANDOM\n`,
    "invalid-envoy-resource 2:5",
  ],
  ["the same raw resource twice", `${cluster}${cluster.replace("resources:\n", "")}`, "duplicate-name 4:5"],
  ["a raw resource of an unknown group", `${cluster}    nodes: [edge]\n`, "dangling-reference 4:13"],
];

describe.each([
  ["files", files],
  ["services", services],
  ["routes and splits", routing],
  ["nodes, gateways and raw resources", nodesAndResources],
])("wrong %s", (_, rows) => {
  it.each(rows)("places %s", (_title, input, ...expected) => {
    const { diagnostics, intent } = parseText(input);
    // Most of these inputs are one service that nothing uses.
    const others = diagnostics.filter(({ code }) => code !== "unused-definition");
    expect(summarize(others)).toEqual(expected);
    expect(intent === undefined).toBe(diagnostics.some((diagnostic) => diagnostic.severity === "error"));
  });
});

describe("a wrong encoding", () => {
  it("places the first byte that is not UTF-8", () => {
    const bytes = Uint8Array.from([...new TextEncoder().encode("a: ü\nb: "), 0xff, 0x0a]);
    expect(summarize(parseText(bytes).diagnostics)).toEqual(["invalid-encoding 2:4"]);
  });

  it("refuses UTF-16", () => {
    const bytes = Uint8Array.from([0xff, 0xfe, 0x61, 0x00]);
    expect(summarize(parseText(bytes).diagnostics)).toEqual(["invalid-encoding 1:4"]);
  });
});

describe("every wrong input", () => {
  it("leaves Object.prototype alone and has a source line", () => {
    for (const [, input] of [...files, ...services, ...routing, ...nodesAndResources]) {
      for (const diagnostic of parseText(input).diagnostics) {
        expect(diagnostic.message).not.toMatch(/undefined|\[object/);
        expect(diagnostic.source).toBeDefined();
      }
    }
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});
