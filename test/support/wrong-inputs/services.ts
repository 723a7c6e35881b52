/**
 * Wrong inputs about services: addresses, numbers, durations, policies.
 */
import type { WrongInput } from "./row.ts";

/** A service with one key of its own; the key stands on the third line, at column 5. */
const service = (key: string) => `services:\n  a:\n    ${key}\n    endpoints: []\n`;
/** A service with the items of its list of endpoints; they start on the fourth line. */
const endpoints = (...items: readonly string[]) =>
  `services:\n  a:\n    endpoints:\n${items.map((item) => `      - ${item}\n`).join("")}`;

export const services: readonly WrongInput[] = [
  ["an empty name", 'services: { "": { endpoints: [] } }\n', "invalid-value 1:13"],
  ["a name with a slash", "services: { a/b: { endpoints: [] } }\n", "invalid-value 1:13"],
  ["a name with a space", "services: { a b: { endpoints: [] } }\n", "invalid-value 1:13"],
  ["a name with an umlaut", "services: { größe: { endpoints: [] } }\n", "invalid-value 1:13"],
  ["a name of 254 characters", `services:\n  ${"a".repeat(254)}: { endpoints: [] }\n`, "invalid-value 2:3"],
  ["a service that is a list", "services: { a: [] }\n", "wrong-type 1:16"],
  ["a service that is a text", "services: { a: b }\n", "wrong-type 1:16"],
  ["endpoints that are a text", 'services: { a: { endpoints: "1.1.1.1:80" } }\n', "wrong-type 1:29"],
  ["endpoints that are a map", "services: { a: { endpoints: { a: 1 } } }\n", "wrong-type 1:29"],
  ["an endpoint that is empty", endpoints(""), "wrong-type 4:9"],
  ["an endpoint that is a list", endpoints("[]"), "wrong-type 4:9"],
  ["an octet of 256", endpoints('"1.1.1.256:80"'), "invalid-value 4:9"],
  ["three octets", endpoints('"1.1.1:80"'), "invalid-value 4:9"],
  ["an octet with a leading zero", endpoints('"1.1.1.01:80"'), "invalid-value 4:9"],
  ["a hexadecimal address", endpoints('"0x7f000001:80"'), "invalid-value 4:9"],
  ["port 0", endpoints('"1.1.1.1:0"'), "invalid-value 4:9"],
  ["port 65536", endpoints('"1.1.1.1:65536"'), "invalid-value 4:9"],
  ["a negative port", endpoints('"1.1.1.1:-1"'), "invalid-value 4:9"],
  ["a port with a fraction", endpoints('"1.1.1.1:80.5"'), "invalid-value 4:9"],
  ["a port that is a word", endpoints('"1.1.1.1:http"'), "invalid-value 4:9"],
  ["a scheme", endpoints('"http://1.1.1.1:80"'), "invalid-value 4:9"],
  ["a path", endpoints('"1.1.1.1:80/x"'), "invalid-value 4:9"],
  ["a space before the port", endpoints('"1.1.1.1 :80"'), "invalid-value 4:9"],
  ["IPv6 with a group too many", endpoints('"[1:2:3:4:5:6:7:8:9]:80"'), "invalid-value 4:9"],
  ["IPv6 with two ::", endpoints('"[1::2::3]:80"'), "invalid-value 4:9"],
  ["IPv6 with a zone", endpoints('"[fe80::1%eth0]:80"'), "invalid-value 4:9"],
  ["an IPv6 bracket that does not close", endpoints('"[::1:80"'), "invalid-value 4:9"],
  ["a network instead of an address", endpoints('"10.0.0.0/8:80"'), "invalid-value 4:9"],
  ["an empty address", endpoints('""'), "invalid-value 4:9"],
  ["localhost", endpoints('"localhost:80"'), "invalid-value 4:9"],
  ["a typo in an endpoint", endpoints('{ adress: "1.1.1.1:80" }'), "unknown-key 4:11"],
  [
    "the address and the port apart",
    endpoints("{ address: 1.1.1.1, port: 80 }"),
    "invalid-value 4:20",
    "unknown-key 4:29",
  ],
  ["labels that are a list", endpoints('{ address: "1.1.1.1:80", labels: [v1] }'), "wrong-type 4:42"],
  ["a label that is true", endpoints('{ address: "1.1.1.1:80", labels: { v: true } }'), "wrong-type 4:47"],
  ["a label that is empty", endpoints('{ address: "1.1.1.1:80", labels: { v: } }'), "wrong-type 4:44"],
  ["a label with an empty name", endpoints('{ address: "1.1.1.1:80", labels: { "": v1 } }'), "invalid-value 4:44"],
  ["a locality that is a map", endpoints('{ address: "1.1.1.1:80", locality: { region: eu } }'), "wrong-type 4:44"],
  ["a locality with a space", endpoints('{ address: "1.1.1.1:80", locality: "eu west" }'), "invalid-value 4:44"],
  ["an empty region", endpoints('{ address: "1.1.1.1:80", locality: /a }'), "invalid-value 4:44"],
  ["a negative weight", endpoints('{ address: "1.1.1.1:80", weight: -1 }'), "invalid-value 4:42"],
  ["a weight with a fraction", endpoints('{ address: "1.1.1.1:80", weight: 1.5 }'), "invalid-value 4:42"],
  ["a weight over a million", endpoints('{ address: "1.1.1.1:80", weight: 1000001 }'), "invalid-value 4:42"],
  ["a weight that is a text", endpoints('{ address: "1.1.1.1:80", weight: "5" }'), "wrong-type 4:42"],
  ["an infinite weight", endpoints('{ address: "1.1.1.1:80", weight: .inf }'), "wrong-type 4:42"],
  ["a weight that is no number", endpoints('{ address: "1.1.1.1:80", weight: .nan }'), "wrong-type 4:42"],
  ["a priority of 129", endpoints('{ address: "1.1.1.1:80", priority: 129 }'), "invalid-value 4:44"],
  ["a negative priority", endpoints('{ address: "1.1.1.1:80", priority: -1 }'), "invalid-value 4:44"],
  [
    "the same endpoint as text and as map",
    endpoints('"1.1.1.1:80"', '{ address: "1.1.1.1:80" }'),
    "duplicate-name 5:20",
  ],
  ["a protocol that is empty", service("protocol:"), "wrong-type 3:5"],
  ["a protocol in capitals", service("protocol: HTTP2"), "invalid-value 3:15"],
  ["a duration that is negative", service("connectTimeout: -1s"), "invalid-value 3:21"],
  ["a duration of two units", service("connectTimeout: 1m30s"), "invalid-value 3:21"],
  ["a duration with a space", service("connectTimeout: 5 s"), "invalid-value 3:21"],
  ["a duration with a comma", service('connectTimeout: "1,5s"'), "invalid-value 3:21"],
  ["a duration in words", service("connectTimeout: five"), "invalid-value 3:21"],
  ["a duration that is a list", service("connectTimeout: [5s]"), "wrong-type 3:21"],
  ["an endless duration", service("connectTimeout: 99999999999999999999s"), "invalid-value 3:21"],
  ["a load balancer that is a text", service("loadBalancer: RANDOM"), "wrong-type 3:19"],
  ["an unknown load balancer", service("loadBalancer: { policy: FASTEST }"), "invalid-value 3:29"],
  [
    "one choice of least request",
    service("loadBalancer: { policy: LEAST_REQUEST, choiceCount: 1 }"),
    "invalid-value 3:57",
  ],
  ["a panic threshold over 100", service("loadBalancer: { healthyPanicThreshold: 101 }"), "invalid-value 3:44"],
  ["a negative panic threshold", service("loadBalancer: { healthyPanicThreshold: -1 }"), "invalid-value 3:44"],
  ["a breaker that is a number", service("circuitBreaker: 5"), "wrong-type 3:21"],
  ["a typo in a breaker", service("circuitBreaker: { maxConections: 5 }"), "unknown-key 3:23"],
  ["a breaker beyond 32 bits", service("circuitBreaker: { maxRequests: 4294967296 }"), "invalid-value 3:36"],
  ["a breaker that tracks a word", service('circuitBreaker: { trackRemaining: "true" }'), "wrong-type 3:39"],
  [
    "an ejection percentage that is a text",
    service('outlierDetection: { maxEjectionPercent: "50%" }'),
    "wrong-type 3:45",
  ],
  ["a negative ejection percentage", service("outlierDetection: { maxEjectionPercent: -1 }"), "invalid-value 3:45"],
  ["an interval of zero", service("outlierDetection: { interval: 0s }"), "invalid-value 3:35"],
  ["monitors, which name extensions", service("outlierDetection: { monitors: [] }"), "unknown-key 3:25"],
  ["outlier detection that is a list", service("outlierDetection: []"), "wrong-type 3:23"],
  ["a health check that is empty", service("healthCheck: {}"), "missing-key 3:5"],
  ["a health check of a kind that is none", service("healthCheck: { htp: { path: / } }"), "unknown-key 3:20"],
  ["a health check without a path", service("healthCheck: { http: {} }"), "missing-key 3:20"],
  ["a health check on a path without slash", service("healthCheck: { http: { path: healthz } }"), "invalid-value 3:34"],
  ["a health check on a path with a query", service("healthCheck: { http: { path: /h?x } }"), "invalid-value 3:34"],
  ["a health check without patience", service("healthCheck: { tcp: {}, timeout: 0s }"), "invalid-value 3:38"],
  [
    "a health check that expects nothing",
    service("healthCheck: { http: { path: /, expectedStatuses: [] } }"),
    "invalid-value 3:55",
  ],
  [
    "a health check that expects 600",
    service("healthCheck: { http: { path: /, expectedStatuses: [600] } }"),
    "invalid-value 3:56",
  ],
  ["a threshold of zero", service("healthCheck: { tcp: {}, healthyThreshold: 0 }"), "invalid-value 3:47"],
  ["subsets that are a list", service("subsets: [v1]"), "wrong-type 3:14"],
  ["a subset with a bar in its name", service('subsets: { "a|b": { labels: { v: v1 } } }'), "invalid-value 3:16"],
  ["a subset that is empty", service("subsets: { a: }"), "wrong-type 3:16"],
  ["a subset with endpoints of its own", service("subsets: { a: { labels: {}, endpoints: [] } }"), "unknown-key 3:33"],
  [
    "a policy that is a typo in a subset",
    service("subsets: { a: { labels: {}, circuitBreakers: {} } }"),
    "unknown-key 3:33",
  ],
  [
    "seven problems at once",
    `services:
  a:
    endpoint: []
    endpoints: [80, "x"]
    connectTimeout: 5
    circuitBreaker: { maxRequests: -1 }
routes:
  r: { rules: [{ backends: [{ service: nobody, weight: x }] }] }
`,
    "unknown-key 3:5",
    "wrong-type 4:17",
    "invalid-value 4:21",
    "wrong-type 5:21",
    "invalid-value 6:36",
    "dangling-reference 8:40",
    "wrong-type 8:56",
  ],
];
