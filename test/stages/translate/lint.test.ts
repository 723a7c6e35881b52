/**
 * Warnings about services, retries and listeners: each with near misses that must stay silent.
 *
 * What Envoy does with the numbers (how many hosts it ejects, when it panics, what a threshold of 0 means) was
 * measured with Envoy 1.40.
 */
import { describe, expect, it } from "vitest";
import { lintText } from "../../support/lint-text.ts";
import { summarize } from "../model/parse-text.ts";

const base = `gateways: { g: { listeners: [{ name: h, port: 80 }] } }\n`;

/** A service `s` with so many endpoints and a route to it. */
function service(hosts: number, policy: string): string {
  const endpoints = Array.from({ length: hosts }, (_, index) => `"10.0.0.${index + 1}:80"`).join(", ");
  return `${base}services:\n  s:\n    endpoints: [${endpoints}]\n    ${policy}\nroutes: { r: { rules: [{ backends: [{ service: s }] }] } }\n`;
}

/** A route to the service `s` with these keys in its rule. */
function rule(keys: string): string {
  return `${base}services: { s: { endpoints: ["10.0.0.1:80", "10.0.0.2:80"] } }\nroutes:\n  r:\n    rules:\n      - backends: [{ service: s }]\n        ${keys}\n`;
}

/** Two subsets of a service, with the route's backends and what the service and the canary say. */
function canary(texts: { readonly backends: string; readonly service?: string; readonly canary?: string }): string {
  return `${base}services:
  s:
    endpoints:
      - { address: "10.0.0.1:80", labels: { v: "1" } }
      - { address: "10.0.0.2:80", labels: { v: "1" } }
      - { address: "10.0.0.3:80", labels: { v: "2" } }
      - { address: "10.0.0.4:80", labels: { v: "2" } }
      - { address: "10.0.0.5:80", labels: { v: "3" } }
    ${texts.service ?? "protocol: http1"}
    subsets:
      stable: { labels: { v: "1" } }
      canary: { labels: { v: "2" }${texts.canary ?? ""} }
      lone: { labels: { v: "3" } }
routes: { r: { rules: [{ backends: [{ service: s, subset: stable, weight: 90 }, ${texts.backends}] }] } }
`;
}

const both = `{ service: s, subset: canary, weight: 10 }, { service: s, subset: lone, weight: 0 }`;

/** Listeners for some hostnames, and a route for one. */
function apart(attached: string, hostname: string): string {
  return `gateways:
  g:
    listeners:
      - { name: a, port: 80, hostnames: [a.test] }
      - { name: b, port: 81, hostnames: [b.test] }
      - { name: wide, port: 82, hostnames: ["*.w.test"] }
routes:
  r: { gateways: [${attached}], hostnames: [${hostname}], rules: [{ backends: [{ service: s }] }] }
  all: { rules: [{ matches: [{ path: /all }], backends: [{ service: s }] }] }
services: { s: { endpoints: [] } }
`;
}

/** A service with a weight for one locality. */
function weights(locality: string): string {
  return `gateways: { g: { listeners: [{ name: h, port: 80 }] } }\nservices:\n  s: { endpoints: [{ address: "10.0.0.1:80", locality: eu/a }], loadBalancer: { localityWeights: { ${locality}: 2 } } }\nroutes: { r: { rules: [{ backends: [{ service: s }] }] } }\n`;
}

/** A rule of high priority to a service with limits. */
function priority(high: string): string {
  return `services:\n  s: { endpoints: ["10.0.0.1:80"], circuitBreaker: { maxRequests: 9, ${high} } }\ngateways: { g: { listeners: [{ name: h, port: 80 }] } }\nroutes: { r: { rules: [{ priority: high, backends: [{ service: s }] }] } }\n`;
}

/** That of RFC 7515, A.3. */
const key =
  '{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}';
const jwt = `jwt: { issuer: "https://a.test/", jwks: { inline: '{"keys":[${key}]}' } }`;

/** A rule that goes by a claim, and perhaps something that reads tokens on its gateway. */
function claims(gateway: string, filter?: string): string {
  const filters = filter === undefined ? "" : `filters: [{ ${filter} }], `;
  return `policies:\n  who: { authorization: { rules: [{ action: allow, claims: [{ name: role, values: [a] }] }] } }\n  read: { ${gateway} }\nservices: { s: { endpoints: ["10.0.0.1:80"] } }\ngateways: { g: { listeners: [{ name: h, port: 80 }], policies: [read] } }\nroutes: { r: { policies: [who], rules: [{ ${filters}backends: [{ service: s }] }] } }\n`;
}

/** A service with a live limit, and a line before it. */
function live(nodes: string, maxRequests = 5): string {
  return `${nodes}
services:
  s: { endpoints: ["10.0.0.1:80"], circuitBreaker: { live: { maxRequests: ${maxRequests} } } }
gateways: { g: { listeners: [{ name: h, port: 80 }] } }
routes: { r: { rules: [{ backends: [{ service: s }] }] } }
`;
}

/** Two gateways with their drain times, of these groups. */
function drains(one: string, two: string | undefined, ...[a, b]: readonly string[]): string {
  const gateway = (name: string, port: number, time: string | undefined, group: string | undefined): string =>
    `  ${name}:\n    { listeners: [{ name: h, port: ${port} }]${group === undefined ? "" : `, nodes: ${group}`}${
      time === undefined ? "" : `,\n      drain: { time: ${time} }`
    } }\n`;
  return `gateways:\n${gateway("g", 80, one, a)}${gateway("h", 81, two, b)}services: { s: { endpoints: [] } }
routes: { r: { rules: [{ backends: [{ service: s }] }] } }
`;
}

const rows: readonly (readonly [title: string, text: string, ...expected: string[]])[] = [
  ["ten percent of three hosts", service(3, "outlierDetection: {}"), "outlier-never-ejects 5:5"],
  ["33 % of three hosts", service(3, "outlierDetection: { maxEjectionPercent: 33 }"), "outlier-never-ejects 5:5"],
  ["34 % of three hosts", service(3, "outlierDetection: { maxEjectionPercent: 34 }")],
  ["ten percent of ten hosts", service(10, "outlierDetection: {}")],
  ["always one host", service(3, "outlierDetection: { alwaysEjectOneHost: true }")],
  ["half of two hosts", service(2, "outlierDetection: { maxEjectionPercent: 50 }")],
  ["half of four hosts", service(4, "outlierDetection: { maxEjectionPercent: 50 }")],
  ["a single host", service(1, "outlierDetection: { maxEjectionPercent: 50 }"), "outlier-never-ejects 5:5"],
  ["all of a single host", service(1, "outlierDetection: { maxEjectionPercent: 100 }"), "outlier-ejects-too-many 5:5"],
  ["no host at all", service(0, "outlierDetection: {}")],
  ["three of four hosts", service(4, "outlierDetection: { maxEjectionPercent: 75 }"), "outlier-ejects-too-many 5:5"],
  [
    "three of four hosts, and a panic threshold that allows it",
    service(4, "outlierDetection: { maxEjectionPercent: 75 }\n    loadBalancer: { healthyPanicThreshold: 25 }"),
  ],
  [
    "all hosts without panic",
    service(4, "outlierDetection: { maxEjectionPercent: 100 }\n    loadBalancer: { healthyPanicThreshold: 0 }"),
    "outlier-ejects-too-many 5:5",
  ],
  [
    "gateway failures that are only counted",
    service(4, "outlierDetection: { consecutiveGatewayFailure: 3, maxEjectionPercent: 50 }"),
    "inert-detector 5:5",
  ],
  [
    "gateway failures that shall only be counted",
    service(
      4,
      "outlierDetection: { consecutiveGatewayFailure: 3, enforcingConsecutiveGatewayFailure: 0, maxEjectionPercent: 50 }",
    ),
  ],
  [
    "a share of failures that is only counted",
    service(6, "outlierDetection: { failurePercentageThreshold: 50, maxEjectionPercent: 50 }"),
    "inert-detector 5:5",
  ],
  [
    "a share of failures of fewer hosts than are compared",
    service(
      4,
      "outlierDetection: { failurePercentageThreshold: 50, enforcingFailurePercentage: 100, maxEjectionPercent: 50 }",
    ),
    "inert-detector 5:5",
  ],
  [
    "a share of failures of as many hosts as are asked for",
    service(
      4,
      "outlierDetection: { failurePercentageThreshold: 50, enforcingFailurePercentage: 100, failurePercentageMinimumHosts: 4, maxEjectionPercent: 50 }",
    ),
  ],
  [
    "success rates of fewer hosts than are compared",
    service(4, "outlierDetection: { successRateStdevFactor: 1000, maxEjectionPercent: 50 }"),
    "inert-detector 5:5",
  ],
  [
    "failed connections that are not kept apart",
    service(4, "outlierDetection: { consecutiveLocalOriginFailure: 3, maxEjectionPercent: 50 }"),
    "inert-detector 5:5",
  ],
  [
    "failed connections that are kept apart",
    service(
      4,
      "outlierDetection: { consecutiveLocalOriginFailure: 3, splitExternalLocalOriginErrors: true, maxEjectionPercent: 50 }",
    ),
  ],
  [
    "a subset that is smaller than its service",
    canary({ backends: both, service: "outlierDetection: { maxEjectionPercent: 40 }" }),
    "outlier-never-ejects 12:7",
    "outlier-never-ejects 13:7",
  ],

  [
    "three tries that fit exactly",
    rule("timeouts: { request: 3s }\n        retry: { attempts: 2, on: [5xx], perTryTimeout: 1s }"),
  ],
  [
    "three tries that do not fit",
    rule("timeouts: { request: 2.9s }\n        retry: { attempts: 2, on: [5xx], perTryTimeout: 1s }"),
    "retries-exceed-timeout 8:9",
  ],
  [
    "tries that do not fit into the default of 15 s",
    rule("retry: { attempts: 3, on: [5xx], perTryTimeout: 4s }"),
    "retries-exceed-timeout 7:9",
  ],
  [
    "tries of a policy that do not fit into the timeouts of two rules, once",
    `${base}services: { s: { endpoints: ["10.0.0.1:80"] } }\npolicies:\n  p: { retry: { attempts: 1, on: [5xx], perTryTimeout: 8s } }\n` +
      "routes: { r: { policies: [p], rules: [{ backends: [{ service: s }] }, { matches: [{ path: /a }], backends: [{ service: s }] }] } }\n",
    "retries-exceed-timeout 4:8",
  ],
  [
    "tries whose shorter limit fits",
    rule("timeouts: { request: 3s, backendRequest: 1s }\n        retry: { attempts: 2, on: [5xx], perTryTimeout: 2s }"),
  ],
  ["tries that fit into the default of 15 s", rule("retry: { attempts: 2, on: [5xx], perTryTimeout: 5s }")],
  [
    "a try that is longer than the request",
    rule("timeouts: { request: 1s }\n        retry: { attempts: 1, on: [5xx], perTryTimeout: 1s }"),
    "retries-exceed-timeout 8:9",
  ],
  [
    "retries without a timeout of their own",
    rule("timeouts: { request: 1s }\n        retry: { attempts: 5, on: [5xx] }"),
  ],
  [
    "retries without any timeout",
    rule("timeouts: { request: 0s }\n        retry: { attempts: 5, on: [5xx] }"),
    "endless-try 8:9",
  ],
  [
    "retries of a stream",
    rule("timeouts: { request: 0s }\n        retry: { attempts: 5, on: [5xx], perTryTimeout: 60s }"),
  ],

  ["no requests", service(2, "circuitBreaker: { maxRequests: 0 }"), "circuit-breaker-too-low 5:5"],
  ["no pending requests", service(2, "circuitBreaker: { maxPendingRequests: 0 }"), "circuit-breaker-too-low 5:5"],
  ["one pending request", service(2, "circuitBreaker: { maxPendingRequests: 1 }")],
  ["fewer requests than hosts", service(3, "circuitBreaker: { maxRequests: 2 }"), "circuit-breaker-too-low 5:5"],
  ["as many requests as hosts", service(3, "circuitBreaker: { maxRequests: 3 }")],
  ["fewer connections than hosts", service(3, "circuitBreaker: { maxConnections: 2 }"), "circuit-breaker-too-low 5:5"],
  [
    "fewer connections than hosts with HTTP/2",
    service(3, "circuitBreaker: { maxConnections: 2 }\n    protocol: http2"),
  ],
  ["no retries, and nobody tries again", service(2, "circuitBreaker: { maxRetries: 0 }")],
  [
    "no retries, and a rule that tries again",
    rule("retry: { attempts: 1, on: [5xx] }").replace('.2:80"]', '.2:80"], circuitBreaker: { maxRetries: 0 }'),
    "circuit-breaker-too-low 2:61",
  ],
  [
    "no retries, and a rule that tries again on a subset with a budget of its own",
    canary({
      backends: both,
      service: "circuitBreaker: { maxRetries: 0 }",
      canary: ", circuitBreaker: { retryBudget: { percent: 10 } }",
    })
      .replace("subset: stable, weight: 90", "subset: stable, weight: 0")
      .replace("rules: [{", "rules: [{ retry: { attempts: 1, on: [5xx] },"),
  ],
  [
    "a tenth of the requests with a fiftieth of the breaker",
    canary({
      backends: both,
      service: "circuitBreaker: { maxRequests: 500 }",
      canary: ", circuitBreaker: { maxRequests: 10 }",
    }),
    "circuit-breaker-too-low 13:37",
  ],
  [
    "a tenth of the requests with a tenth of the breaker",
    canary({
      backends: both,
      service: "circuitBreaker: { maxRequests: 500 }",
      canary: ", circuitBreaker: { maxRequests: 50 }",
    }),
  ],

  [
    "a subset of one of two hosts",
    `${base}services:\n  s:\n    endpoints: [{ address: "1.1.1.1:1", labels: { v: "1" } }, "1.1.1.1:2"]\n    subsets: { a: { labels: { v: "1" } } }\nroutes: { r: { rules: [{ backends: [{ service: s, subset: a }] }] } }\n`,
  ],
  ["a subset of one host that waits", canary({ backends: both })],
  [
    "a subset of one host with requests",
    canary({ backends: both.replace("weight: 0", "weight: 1") }),
    "single-host-subset 14:7",
  ],
  [
    "a subset of one host that another takes over for",
    canary({ backends: both.replace("weight: 0", "weight: 1") }).replace("lone: { ", "lone: { fallback: stable, "),
  ],
  [
    "a subset of one host beside one that drains",
    canary({ backends: both }).replace('"10.0.0.4:80",', '"10.0.0.4:80", health: draining,'),
    "single-host-subset 13:7",
  ],

  ["a gateway without routes", "gateways: { g: { listeners: [{ name: h, port: 80 }] } }\n", "unrouted-listener 1:13"],
  [
    "a listener without routes",
    `gateways:\n  g:\n    listeners:\n      - { name: a, port: 80 }\n      - { name: b, port: 81 }\nservices: { s: { endpoints: [] } }\nroutes: { r: { gateways: [g/a], rules: [{ backends: [{ service: s }] }] } }\n`,
    "unrouted-listener 5:9",
  ],
  ["a route for another hostname than its listener", apart("g/a", "b.test"), "no-common-hostname 8:3"],
  ["a route for another hostname than all listeners of its gateway", apart("g", "c.test"), "no-common-hostname 8:3"],
  ["a route for the hostname of one listener of its gateway", apart("g", "b.test")],
  ["a route for every hostname", apart("g/a", "'*'")],
  [
    "a route beside a gateway without HTTP",
    service(2, "protocol: http1").replace(
      "gateways: {",
      "tcpRoutes: { t: { backends: [{ service: s }] } }\ngateways: { raw: { listeners: [{ name: t, port: 90, protocol: TCP }] },",
    ),
  ],
  ["a route for a hostname below that of its listener", apart("g/wide", "x.w.test")],
  ["a weight for a locality without endpoints", weights("eu/b"), "unknown-locality 3:100"],
  ["a weight for a locality with endpoints", weights("eu/a")],
  ["requests of high priority without a limit", priority(""), "high-priority-unlimited 2:36"],
  ["requests of high priority with a limit", priority("high: { maxRequests: 5 }")],
  ["claims where no token is read", claims(""), "claims-without-token 2:10"],
  ["claims where a token is kept away", claims(jwt, "jwt: none"), "claims-without-token 2:10"],
  ["claims of a token that is read", claims(jwt)],
  ["live limits that no Envoy hears of", live(""), "live-limit-unheard 3:36"],
  [
    "clusters on demand that nobody asks for",
    "nodes: { a: { onDemand: { clusters: true } } }\n",
    "on-demand-never-asked 1:10",
  ],
  ["live limits of a group with a runtime layer", live("nodes: { default: { runtime: {} } }")],
  [
    "a live limit that lets nothing pass",
    live("nodes: { default: { runtime: {} } }", 0),
    "circuit-breaker-too-low 3:36",
  ],
  ["two drain times in one group", drains("60s", "5m"), "drain-times-differ 4:7"],
  ["the same drain time, in other words", drains("60s", "1m")],
  ["a drain time that one gateway names for both", drains("60s", undefined)],
  [
    "two drain times in two groups",
    `nodes: { one: { match: { id: a } }, two: { match: { id: b } } }\n${drains("60s", "5m", "one", "two")}`,
  ],
  [
    "a route without gateways",
    "services: { s: { endpoints: [] } }\nroutes:\n  r: { rules: [{ backends: [{ service: s }] }] }\n",
    "unused-definition 3:3",
  ],
];

describe("lint", () => {
  it.each(rows.filter((row) => row.length > 2))("warns of %s", (_, text, ...expected) => {
    const found = lintText(text);
    expect(summarize(found)).toEqual(expected);
    for (const { severity, hint, source } of found) {
      expect(severity).toBe("warning");
      expect(hint).toBeTruthy();
      expect(source?.line).toBeTruthy();
    }
  });

  it.each(rows.filter((row) => row.length === 2))("is silent about %s", (_, text) => {
    expect(summarize(lintText(text))).toEqual([]);
  });

  it("says the numbers, and numbers that would be right", () => {
    const [tooMany] = lintText(service(4, "outlierDetection: { maxEjectionPercent: 75 }"));
    expect(tooMany?.message).toContain("3 of 4 hosts of `s` (maxEjectionPercent 75), so that 1 is left");
    expect(tooMany?.hint).toBe(
      "write `maxEjectionPercent: 50`, so that 2 stay, or `healthyPanicThreshold: 25` or less",
    );
    const [retries] = lintText(rule("retry: { attempts: 3, on: [5xx], perTryTimeout: 4s }"));
    expect(retries?.message).toBe(
      "4 tries of 4s each need 16s, but the request timeout is 15s, the default: only 3 of them fit",
    );
  });
});
