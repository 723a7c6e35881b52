/**
 * Wrong inputs about how services are protected: limits by priority, retries, localities, connections.
 */
import type { WrongInput } from "./row.ts";
import { shop } from "./row.ts";

/** A service with one key of its own; the key stands on the third line, at column 5. */
const service = (key: string) => `services:\n  a:\n    ${key}\n    endpoints: []\n`;
/** A service with subsets, the first of them on the fifth line, at column 7. */
const subsets = (...items: readonly string[]) =>
  `services:\n  s:\n    endpoints: []\n    subsets:\n${items.map((item) => `      ${item}\n`).join("")}`;
/** A rule with one key beside its backends; the key stands on the fifth line, at column 9. */
const rule = (key: string) =>
  `${shop}routes:\n  r:\n    rules:\n      - ${key}\n        backends: [{ service: shop }]\n`;

/** A gateway with one key beside its listeners, on the third line, at column 5. */
const gateway = (key: string) => `gateways:\n  g:\n    ${key}\n    listeners: [{ name: h, port: 80 }]\n`;

export const resilience: readonly WrongInput[] = [
  ["a priority that Envoy lacks", rule("priority: low"), "invalid-value 5:19"],
  [
    "a priority of a rule that answers itself",
    "routes:\n  r:\n    rules:\n      - priority: high\n        filters: [{ respond: { status: 503 } }]\n",
    "invalid-value 4:19",
  ],
  [
    "two limits of retries of high priority",
    service("circuitBreaker: { high: { maxRetries: 1, retryBudget: {} } }"),
    "invalid-value 3:31",
  ],
  ["limits of high priority in themselves", service("circuitBreaker: { high: { high: {} } }"), "unknown-key 3:31"],
  [
    "a live limit of retries beside a budget",
    service("circuitBreaker: { retryBudget: {}, live: { maxRetries: 1 } }"),
    "invalid-value 3:48",
  ],
  ["a live retry budget", service("circuitBreaker: { live: { retryBudget: {} } }"), "unknown-key 3:31"],
  ["a runtime value that is a map", "nodes: { a: { runtime: { x.y: { z: 1 } } } }\n", "wrong-type 1:31"],
  ["a runtime key that ends in a dot", "nodes: { a: { runtime: { x.: 1 } } }\n", "invalid-value 1:26"],
  ["no proxy at all", gateway("clientIPDetection: { xForwardedFor: { numTrustedHops: 0 } }"), "invalid-value 3:59"],
  [
    "proxies by number and by address",
    gateway("clientIPDetection: { xForwardedFor: { numTrustedHops: 1, trustedCIDRs: [10.0.0.0/8] } }"),
    "invalid-value 3:41",
  ],
  [
    "a proxy whose address is a name",
    gateway("clientIPDetection: { xForwardedFor: { trustedCIDRs: [proxy.internal] } }"),
    "invalid-value 3:58",
  ],
  [
    "a client by two ways",
    gateway("clientIPDetection: { xForwardedFor: { numTrustedHops: 1 }, customHeader: { name: a } }"),
    "invalid-value 3:24",
  ],
  [
    "a client by a header without name",
    gateway("clientIPDetection: { customHeader: { failClosed: true } }"),
    "missing-key 3:26",
  ],
  [
    "escaped slashes in Envoy's own words",
    gateway("path: { escapedSlashesAction: REJECT_REQUEST }"),
    "invalid-value 3:35",
  ],
  [
    "a client's certificate that nobody asks for",
    gateway("headers: { xForwardedClientCert: { mode: SanitizeSet } }"),
    "invalid-value 3:46",
  ],
  [
    "details of a certificate that are not added",
    gateway("headers: { xForwardedClientCert: { mode: Sanitize, certDetailsToAdd: [URI] } }"),
    "invalid-value 3:74",
  ],
  [
    "an early header that has a blank",
    gateway('headers: { earlyRequestHeaders: { remove: ["a b"] } }'),
    "invalid-value 3:48",
  ],
  ["requests of one endpoint", service("circuitBreaker: { perEndpoint: { maxRequests: 1 } }"), "unknown-key 3:38"],
  ["retriable statuses without any", rule("retry: { attempts: 1, on: [retriable-status-codes] }"), "missing-key 5:36"],
  ["retriable headers without any", rule("retry: { attempts: 1, on: [5xx, retriable-headers] }"), "missing-key 5:41"],
  ["a status that is none", rule("retry: { attempts: 1, statusCodes: [42] }"), "invalid-value 5:45"],
  [
    "hedging without a time",
    rule("retry: { attempts: 1, on: [5xx], hedge: { onPerTryTimeout: true } }"),
    "missing-key 5:49",
  ],
  [
    "hedging that is off",
    rule("retry: { attempts: 1, on: [5xx], perTryTimeout: 1s, hedge: { onPerTryTimeout: false } }"),
    "invalid-value 5:87",
  ],
  [
    "a longest wait that is shorter than the first",
    rule("retry: { attempts: 1, on: [5xx], backoff: { base: 1s, max: 10ms } }"),
    "invalid-value 5:68",
  ],
  ["a check by gRPC of HTTP/1", service("healthCheck: { grpc: {} }"), "invalid-value 3:20"],
  [
    "a check by gRPC of a subset of HTTP/1",
    subsets("a: { labels: {}, healthCheck: { grpc: {} } }"),
    "invalid-value 5:39",
  ],
  [
    "an aggression of zero",
    service("loadBalancer: { slowStart: { window: 1s, aggression: 0 } }"),
    "invalid-value 3:58",
  ],
  [
    "priorities without a frequency",
    rule("retry: { attempts: 1, on: [5xx], avoidTriedPriorities: {} }"),
    "missing-key 5:42",
  ],
  [
    "a wait without headers",
    rule("retry: { attempts: 1, on: [5xx], rateLimitedBackoff: { max: 1s } }"),
    "missing-key 5:42",
  ],
  [
    "a wait in a format that Envoy lacks",
    rule("retry: { attempts: 1, on: [5xx], rateLimitedBackoff: { resetHeaders: [{ name: a, format: date }] } }"),
    "invalid-value 5:98",
  ],
  [
    "zones beside a hash",
    service("loadBalancer: { policy: MAGLEV, hashOn: [{ sourceIp: true }], zoneAware: {} }"),
    "invalid-value 3:67",
  ],
  ["zones and weights", service("loadBalancer: { zoneAware: {}, localityWeights: { eu: 1 } }"), "invalid-value 3:36"],
  ["a locality without a share", service("loadBalancer: { localityWeights: { eu: 0 } }"), "invalid-value 3:44"],
  ["no localities", service("loadBalancer: { localityWeights: {} }"), "missing-key 3:38"],
  ["a locality of four parts", service("loadBalancer: { localityWeights: { a/b/c/d: 1 } }"), "invalid-value 3:40"],
  ["a factor below 100 %", service("loadBalancer: { overprovisioningFactor: 1 }"), "invalid-value 3:45"],
  [
    "zones of what is found by DNS",
    'services:\n  a:\n    loadBalancer: { zoneAware: {} }\n    discovery: { dns: "a.b:80" }\n',
    "invalid-value 3:21",
  ],
  ["no requests for a connection", service("connection: { maxRequestsPerConnection: 0 }"), "invalid-value 3:45"],
  ["streams of HTTP/1.1", service("connection: { maxConcurrentStreams: 10 }"), "invalid-value 3:19"],
  ["a keepalive of half a second", service("connection: { tcpKeepalive: { time: 500ms } }"), "invalid-value 3:41"],
  ["a connection that lasts no time", service("connection: { maxConnectionDuration: 0s }"), "invalid-value 3:42"],
  ["a misspelt limit of buffers", service("connection: { bufferLimt: 1 }"), "unknown-key 3:19"],
  [
    "a range that ends before it begins",
    service('healthCheck: { http: { path: /, expectedStatuses: ["299-200"] } }'),
    "invalid-value 3:56",
  ],
  [
    "a range of no statuses",
    service("healthCheck: { http: { path: /, expectedStatuses: [2xx] } }"),
    "invalid-value 3:56",
  ],
  [
    "no connections at all",
    "gateways:\n  g: { listeners: [{ name: h, port: 80, connectionLimit: { maxConnections: 0 } }] }\n",
    "invalid-value 2:76",
  ],
  [
    "a limit for gRPC clients, who do not connect",
    "gateways:\n  g: { listeners: [{ name: h, protocol: GRPC_XDS, hostnames: [a], connectionLimit: { maxConnections: 1 } }] }\n",
    "invalid-value 2:84",
  ],
  [
    "a timeout that gateways lack",
    "gateways:\n  g: { timeouts: { request: 3s }, listeners: [{ name: h, port: 80 }] }\n",
    "unknown-key 2:20",
  ],
  ["a socket without a path", 'services:\n  a:\n    endpoints: ["unix:"]\n', "invalid-value 3:17"],
  ["a socket with a relative path", 'services:\n  a:\n    endpoints: ["unix:app.sock"]\n', "invalid-value 3:17"],
  ["a socket with a long path", `services:\n  a:\n    endpoints: ["unix:/${"a".repeat(107)}"]\n`, "invalid-value 3:17"],
  ["a PROXY protocol that there is none of", service("connection: { proxyProtocol: V3 }"), "invalid-value 3:34"],
  [
    "a PROXY protocol of one of two hostnames of a port",
    "gateways:\n  g:\n    listeners:\n      - { name: a, port: 443, protocol: HTTPS, hostnames: [a.b], tls: { secret: s } }\n      - { name: b, port: 443, protocol: HTTPS, hostnames: [c.d], tls: { secret: s }, proxyProtocol: {} }\nsecrets: { s: { certificate: { nodeFile: /a }, privateKey: { nodeFile: /b } } }\n",
    "conflicting-address 5:26",
  ],
  [
    "a fallback that there is none of",
    subsets("a: { labels: {}, fallback: c }", "b: { labels: {} }"),
    "dangling-reference 5:34",
  ],
  ["a fallback to itself", subsets("a: { labels: {}, fallback: a }"), "invalid-value 5:34"],
  [
    "fallbacks in a circle",
    subsets("a: { labels: {}, fallback: b }", "b: { labels: {}, fallback: a }"),
    "invalid-value 5:34",
    "invalid-value 6:34",
  ],
];
