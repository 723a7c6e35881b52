/**
 * Wrong inputs about filters, attached policies, discovery, load balancing, TLS and secrets.
 */
import type { WrongInput } from "./row.ts";
import { shop } from "./row.ts";

/** A rule with a prefix and backends, and the items of its filters; they start at column 19 of the seventh line. */
const filters = (items: string) =>
  `${shop}routes:\n  r:\n    rules:\n      - matches: [{ path: /a }]\n        backends: [{ service: shop }]\n        filters: [${items}]\n`;
/** A rule without backends whose filters answer. */
const answers = (items: string) => `routes:\n  r:\n    rules:\n      - filters: [${items}]\n`;
/** A policy; its parts start at column 10 of the second line. */
const policy = (parts: string) =>
  `policies:\n  fast: { ${parts} }\n${shop}routes: { r: { policies: [fast], rules: [{ backends: [{ service: shop }] }] } }\n`;
/** A service with keys beside its endpoints; they start at column 8 of the second line. */
const service = (keys: string) => `services:\n  a: { ${keys} }\n`;
const listener = (keys: string) => `gateways:\n  g: { listeners: [{ name: h, port: 80, ${keys} }] }\n`;

export const filtersAndPolicies: readonly WrongInput[] = [
  ["filters that are a map", filters("").replace("[]\n", "{ mirror: { service: shop } }\n"), "wrong-type 7:18"],
  ["a filter that is none", filters("{ compress: {} }"), "unknown-key 7:21"],
  [
    "a filter of two kinds",
    filters("{ requestHeaders: { remove: [a] }, responseHeaders: { remove: [a] } }"),
    "invalid-value 7:19",
  ],
  ["a filter that is a text", filters("mirror"), "wrong-type 7:19"],
  ["no filters", filters(""), "invalid-value 7:18"],
  [
    "the same filter twice",
    filters("{ requestHeaders: { remove: [a] } }, { requestHeaders: { remove: [b] } }"),
    "duplicate-name 7:58",
  ],
  ["a header with a space in its name", filters('{ requestHeaders: { set: { "a b": c } } }'), "invalid-value 7:46"],
  [
    "a header with a line break in its value",
    filters('{ requestHeaders: { set: { a: "b\\nc" } } }'),
    "invalid-value 7:49",
  ],
  ["a header value that is a number", filters("{ requestHeaders: { set: { a: 1 } } }"), "wrong-type 7:49"],
  ["a pseudo-header that is set", filters('{ requestHeaders: { set: { ":method": GET } } }'), "invalid-value 7:46"],
  ["the host header that is removed", filters("{ requestHeaders: { remove: [host] } }"), "invalid-value 7:48"],
  ["headers to remove that are a text", filters("{ requestHeaders: { remove: a } }"), "wrong-type 7:47"],
  ["a redirect that leads nowhere else", answers("{ redirect: {} }"), "missing-key 4:31"],
  [
    "a redirect with a status of success",
    answers("{ redirect: { scheme: https, status: 200 } }"),
    "invalid-value 4:56",
  ],
  ["a redirect to a scheme that is none", answers("{ redirect: { scheme: ftp } }"), "invalid-value 4:41"],
  ["a redirect to a wildcard", answers('{ redirect: { hostname: "*.a.com" } }'), "invalid-value 4:43"],
  ["a redirect to port 0", answers("{ redirect: { port: 0 } }"), "invalid-value 4:39"],
  ["a redirect to a path without slash", answers("{ redirect: { path: { full: a } } }"), "invalid-value 4:47"],
  ["a redirect with backends", filters("{ redirect: { scheme: https } }"), "invalid-value 6:9"],
  [
    "a redirect and a rewrite",
    answers("{ redirect: { scheme: https } }, { rewrite: { hostname: a.com } }"),
    "invalid-value 4:54",
  ],
  ["a rewrite that changes nothing", filters("{ rewrite: {} }"), "missing-key 7:30"],
  [
    "a rewrite of the path in two ways",
    filters("{ rewrite: { path: { full: /a, prefix: /b } } }"),
    "invalid-value 7:38",
  ],
  [
    "a rewrite of a prefix where an exact path matched",
    filters("{ rewrite: { path: { prefix: /b } } }").replace("path: /a", "path: { exact: /a }"),
    "invalid-value 7:40",
  ],
  ["a mirror without a service", filters("{ mirror: {} }"), "missing-key 7:21"],
  ["a mirror to an unknown service", filters("{ mirror: { service: shp } }"), "dangling-reference 7:40"],
  ["a mirror to an unknown subset", filters("{ mirror: { service: shop, subset: v9 } }"), "dangling-reference 7:54"],
  ["a mirror of 101 %", filters("{ mirror: { service: shop, percent: 101 } }"), "invalid-value 7:55"],
  ["an answer without a status", answers("{ respond: {} }"), "missing-key 4:21"],
  ["an answer with a status of 99", answers("{ respond: { status: 99 } }"), "invalid-value 4:40"],
  [
    "an answer that is too long",
    answers(`{ respond: { status: 200, body: "${"x".repeat(4_097)}" } }`),
    "invalid-value 4:51",
  ],
  ["an answer and backends", filters("{ respond: { status: 200 } }"), "invalid-value 6:9"],
  ["policies that are a list", "policies: [a]\n", "wrong-type 1:11"],
  ["a policy with a typo", policy("timeout: { request: 1s }"), "unknown-key 2:11"],
  ["a policy with a wrong part", policy("timeouts: { request: 1 }"), "wrong-type 2:32"],
  [
    "a try that is longer than the request",
    policy("timeouts: { request: 1s, backendRequest: 2s }"),
    "invalid-value 2:52",
  ],
  [
    "a policy that is not defined",
    policy("timeouts: { request: 1s }").replace("[fast]", "[fats]"),
    "dangling-reference 4:27",
  ],
  [
    "a policy that is attached twice",
    policy("timeouts: { request: 1s }").replace("[fast]", "[fast, fast]"),
    "duplicate-name 4:33",
  ],
  [
    "two policies with the same part",
    policy("timeouts: { request: 1s } }\n  slow: { timeouts: { request: 9s }").replace("[fast]", "[fast, slow]"),
    "invalid-value 5:33",
  ],
  [
    "attached policies that are a text",
    policy("timeouts: { request: 1s }").replace("[fast]", "fast"),
    "wrong-type 4:26",
  ],
  ["endpoints and discovery", service('endpoints: [], discovery: { dns: "a.b:80" }'), "invalid-value 2:23"],
  ["a name without a port", service("discovery: { dns: a.b }"), "invalid-value 2:26"],
  ["an address as a name", service('discovery: { dns: "1.1.1.1:80" }'), "invalid-value 2:26"],
  ["a discovery that is none", service("discovery: { consul: a }"), "unknown-key 2:21"],
  [
    "a discovery by a lookup every millisecond",
    service("discovery: { dns: { name: a.b, port: 80, refresh: 1ms } }"),
    "invalid-value 2:58",
  ],
  [
    "subsets of a service found by DNS",
    service('discovery: { dns: "a.b:80" }, subsets: { v: { labels: {} } }'),
    "invalid-value 2:38",
  ],
  [
    "a hash on nothing",
    service("endpoints: [], loadBalancer: { policy: RING_HASH, hashOn: [] }"),
    "invalid-value 2:66",
  ],
  [
    "a hash on two things at once",
    service("endpoints: [], loadBalancer: { policy: RING_HASH, hashOn: [{ header: a, sourceIp: true }] }"),
    "invalid-value 2:67",
  ],
  [
    "a hash without a hashing policy",
    service("endpoints: [], loadBalancer: { hashOn: [{ header: a }] }"),
    "invalid-value 2:39",
  ],
  [
    "a ring that is smaller than its minimum",
    service(
      "endpoints: [], loadBalancer: { policy: RING_HASH, hashOn: [{ header: a }], ringHash: { minimumRingSize: 9, maximumRingSize: 8 } }",
    ),
    "invalid-value 2:83",
  ],
  [
    "a table that is no prime number",
    service("endpoints: [], loadBalancer: { policy: MAGLEV, hashOn: [{ header: a }], maglev: { tableSize: 100 } }"),
    "invalid-value 2:101",
  ],
  [
    "a slow start without a turn",
    service("endpoints: [], loadBalancer: { policy: RANDOM, slowStart: 5s }"),
    "invalid-value 2:55",
  ],
  [
    "a budget of 101 %",
    service("endpoints: [], circuitBreaker: { retryBudget: { percent: 101 } }"),
    "invalid-value 2:65",
  ],
  [
    "a budget beside a number",
    service("endpoints: [], circuitBreaker: { maxRetries: 1, retryBudget: {} }"),
    "invalid-value 2:41",
  ],
  ["TLS without anybody to trust", service("endpoints: [], tls: {}"), "missing-key 2:23"],
  [
    "TLS with an authority and without",
    service("endpoints: [], tls: { ca: a, verify: none }"),
    "invalid-value 2:30",
    "dangling-reference 2:34",
  ],
  ["TLS with a typo", service("endpoints: [], tls: { verify: none, snni: a }"), "unknown-key 2:44"],
  [
    "TLS of a version that is none",
    service("endpoints: [], tls: { verify: none, minVersion: TLSv2 }"),
    "invalid-value 2:56",
  ],
  [
    "TLS whose newest version is older than its oldest",
    service("endpoints: [], tls: { verify: none, minVersion: TLSv1_3, maxVersion: TLSv1_2 }"),
    "invalid-value 2:77",
  ],
  ["an authority that is not defined", service("endpoints: [], tls: { ca: ghost }"), "dangling-reference 2:34"],
  ["HTTPS without TLS", listener("protocol: HTTPS"), "missing-key 2:20"],
  ["TLS without HTTPS", listener("tls: { secret: a }"), "invalid-value 2:46", "dangling-reference 2:56"],
  ["TLS of a listener without a certificate", listener("protocol: HTTPS, tls: {}"), "missing-key 2:63"],
  ["a secret that is not defined", listener("protocol: HTTPS, tls: { secret: ghost }"), "dangling-reference 2:73"],
  ["hostnames of a listener that are none", listener("hostnames: [a b]"), "invalid-value 2:53"],
  [
    "two listeners of a port with the same hostname",
    "secrets:\n  s: { certificate: { nodeFile: /c }, privateKey: { nodeFile: /k } }\ngateways:\n  g:\n    listeners:\n      - { name: a, port: 443, protocol: HTTPS, hostnames: [x.com], tls: { secret: s } }\n      - { name: b, port: 443, protocol: HTTPS, hostnames: [x.com], tls: { secret: s } }\n",
    "conflicting-address 7:26",
  ],
  ["secrets that are a list", "secrets: [a]\n", "wrong-type 1:10"],
  ["a secret that holds nothing", "secrets:\n  s: {}\n", "missing-key 2:6"],
  ["a certificate without its key", "secrets:\n  s: { certificate: { nodeFile: /c } }\n", "missing-key 2:6"],
  [
    "a certificate that is a text",
    "secrets:\n  s: { certificate: /c, privateKey: /k }\n",
    "wrong-type 2:21",
    "wrong-type 2:37",
  ],
  ["a certificate from two places", "secrets:\n  s: { ca: { nodeFile: /c, fromEnv: A } }\n", "invalid-value 2:37"],
  ["a certificate from nowhere", "secrets:\n  s: { ca: {} }\n", "missing-key 2:12"],
  [
    "a key of etcd outside of those of secrets",
    "secrets:\n  s: { ca: { fromEtcd: ../config/a } }\n",
    "invalid-value 2:24",
  ],
  ["a key of etcd and a file", "secrets:\n  s: { ca: { file: /c, fromEtcd: a } }\n", "invalid-value 2:34"],
  ["a variable with a space", 'secrets:\n  s: { ca: { fromEnv: "A B" } }\n', "invalid-value 2:23"],
  ...["%NOPE%", "%REQ(X?Y?Z)%", "%RESPONSE_CODE(3)%", "%REQ%", "%DURATION:5%", "%GRPC_STATUS(x)%"].map(
    (format): WrongInput => [
      `the log format ${format}`,
      `gateways:\n  g:\n    listeners: [{ name: h, port: 80 }]\n    accessLogs:\n      - stdout: true\n        fields: { a: b, c: "${format}" }\n`,
      "invalid-value 6:28",
    ],
  ),
];
