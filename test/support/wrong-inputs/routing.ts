/**
 * Wrong inputs about gateways, routes, splits and node groups.
 */
import type { WrongInput } from "./row.ts";
import { shop } from "./row.ts";

/** A rule with one key beside its backends; the key stands on the fifth line, at column 9. */
const rule = (key: string) =>
  `${shop}routes:\n  r:\n    rules:\n      - ${key}\n        backends: [{ service: shop }]\n`;
/** A match; it stands on the sixth line, at column 13. */
const match = (text: string) =>
  `${shop}routes:\n  r:\n    rules:\n      - matches:\n          - ${text}\n        backends: [{ service: shop }]\n`;
/** A listener with keys beside its name and port, which end at column 30 of the third line. */
const listener = (keys: string) => `gateways:\n  g: { listeners:\n    [{ name: http, port: 80, ${keys} }] }\n`;
/** A backend of the only rule; it starts at column 22 of the fifth line. */
const backends = (text: string) => `${shop}routes:\n  r:\n    rules:\n      - backends: [${text}]\n`;

/** A gateway that drains for so long. */
const drain = (time: string | undefined): string =>
  `gateways: { g: { listeners: [{ name: h, port: 80 }], drain: {${time === undefined ? "" : ` time: ${time} `}} } }\n`;

export const routing: readonly WrongInput[] = [
  ["routes that are a list", "routes: [a]\n", "wrong-type 1:9"],
  ["rules that are a map", `${shop}routes: { r: { rules: { backends: [] } } }\n`, "wrong-type 2:23"],
  ["a rule that is a text", `${shop}routes: { r: { rules: [shop] } }\n`, "wrong-type 2:24"],
  ["a rule that is empty", `${shop}routes:\n  r:\n    rules:\n      -\n`, "wrong-type 5:8"],
  [
    "a typo in a route",
    `${shop}routes: { r: { hostname: a.com, rules: [{ backends: [{ service: shop }] }] } }\n`,
    "unknown-key 2:16",
  ],
  ["a typo in a rule", rule("mathces: []"), "unknown-key 5:9"],
  ["a rule name with a slash", rule("name: a/b"), "invalid-value 5:15"],
  ["no matches at all", rule("matches: []"), "invalid-value 5:18"],
  [
    "a host name with a scheme",
    rule("name: a").replace("    rules:", '    hostnames: ["http://a.com"]\n    rules:'),
    "invalid-value 4:17",
  ],
  [
    "a host name with a path",
    rule("name: a").replace("    rules:", "    hostnames: [a.com/x]\n    rules:"),
    "invalid-value 4:17",
  ],
  [
    "a wildcard in the middle",
    rule("name: a").replace("    rules:", '    hostnames: ["a.*.com"]\n    rules:'),
    "invalid-value 4:17",
  ],
  [
    "a wildcard at the end",
    rule("name: a").replace("    rules:", '    hostnames: ["a.*"]\n    rules:'),
    "invalid-value 4:17",
  ],
  [
    "a wildcard without a dot",
    rule("name: a").replace("    rules:", '    hostnames: ["*a.com"]\n    rules:'),
    "invalid-value 4:17",
  ],
  [
    "a host name with a space",
    rule("name: a").replace("    rules:", '    hostnames: ["a .com"]\n    rules:'),
    "invalid-value 4:17",
  ],
  [
    "an empty host name",
    rule("name: a").replace("    rules:", '    hostnames: [""]\n    rules:'),
    "invalid-value 4:17",
  ],
  [
    "a host name with two dots",
    rule("name: a").replace("    rules:", "    hostnames: [a..com]\n    rules:"),
    "invalid-value 4:17",
  ],
  [
    "an address as a host name with a port",
    rule("name: a").replace("    rules:", '    hostnames: ["1.1.1.1:80"]\n    rules:'),
    "invalid-value 4:17",
  ],
  [
    "a host name that is a number",
    rule("name: a").replace("    rules:", "    hostnames: [1]\n    rules:"),
    "wrong-type 4:17",
  ],
  ["no host names", rule("name: a").replace("    rules:", "    hostnames: []\n    rules:"), "invalid-value 4:16"],
  [
    "gateways that are none",
    rule("name: a").replace("    rules:", "    gateways: []\n    rules:"),
    "invalid-value 4:15",
  ],
  [
    "a gateway with two slashes",
    rule("name: a").replace("    rules:", "    gateways: [a/b/c]\n    rules:"),
    "dangling-reference 4:16",
    "invalid-value 4:16",
  ],
  ["a path with a query", match("path: /a?b"), "invalid-value 6:19"],
  ["a path with a fragment", match('path: "/a#b"'), "invalid-value 6:19"],
  ["a path with a space", match('path: "/a b"'), "invalid-value 6:19"],
  ["a path that is empty", match("path:"), "wrong-type 6:13"],
  ["a path that is a list", match("path: [/a]"), "wrong-type 6:19"],
  ["a path of no kind", match("path: {}"), "missing-key 6:19"],
  ["an exact path without slash", match("path: { exact: a }"), "invalid-value 6:28"],
  ["a pattern with a back-reference", match('path: { regex: "/(a)\\\\1" }'), "invalid-value 6:28"],
  ["a pattern with look-behind", match('path: { regex: "/(?<=a)b" }'), "invalid-value 6:28"],
  ["a pattern with a bracket open", match('path: { regex: "/[a" }'), "invalid-value 6:28"],
  ["a pattern that repeats nothing", match('path: { regex: "*" }'), "invalid-value 6:28"],
  ["a pattern that repeats too often", match('path: { regex: "/a{1001}" }'), "invalid-value 6:28"],
  ["a pattern that is empty", match('path: { regex: "" }'), "invalid-value 6:28"],
  ["a method that is none", match('method: "GET POST"'), "invalid-value 6:21"],
  ["a method that is a list", match("method: [GET, POST]"), "wrong-type 6:21"],
  ["headers that are a list", match("headers: [a]"), "wrong-type 6:22"],
  ["a header of two kinds", match("headers: { a: { exact: x, prefix: z } }"), "invalid-value 6:27"],
  ["a header of no kind", match("headers: { a: {} }"), "missing-key 6:27"],
  ["a header of a kind that is none", match("headers: { a: { is: x } }"), "unknown-key 6:29"],
  ["a header without a value", match("headers: { a: }"), "wrong-type 6:24"],
  ["a header with an empty name", match('headers: { "": x }'), "invalid-value 6:24"],
  ["a header whose pattern is wrong", match('headers: { a: { regex: "(" } }'), "invalid-value 6:36"],
  ["a header that is a boolean", match("headers: { a: true }"), "wrong-type 6:27"],
  ["a parameter that is a number", match("queryParams: { page: 1 }"), "wrong-type 6:34"],
  ["a parameter whose pattern is wrong", match('queryParams: { page: { regex: "[" } }'), "invalid-value 6:43"],
  ["a match that is a text", match("/a"), "wrong-type 6:13"],
  ["no backends", backends(""), "invalid-value 5:19"],
  ["a backend that is a text", backends("shop"), "wrong-type 5:20"],
  ["a backend without a service", backends("{ weight: 1 }"), "missing-key 5:20"],
  ["a backend that is a typo", backends("{ servce: shop }"), "unknown-key 5:22"],
  ["a negative share", backends("{ service: shop, weight: -1 }"), "invalid-value 5:45"],
  ["a share in percent", backends('{ service: shop, weight: "50%" }'), "wrong-type 5:45"],
  ["a share with a fraction", backends("{ service: shop, weight: 0.5 }"), "invalid-value 5:45"],
  ["two shares of zero", backends("{ service: shop, weight: 0 }, { service: shop, weight: 0 }"), "invalid-value 5:19"],
  ["a timeout that is a number", rule("timeouts: { request: 3 }"), "wrong-type 5:30"],
  ["a timeout of a kind that is none", rule("timeouts: { total: 3s }"), "unknown-key 5:21"],
  ["a timeout alone", rule("timeouts: 3s"), "wrong-type 5:19"],
  ["a retry that is a number", rule("retry: thrice"), "wrong-type 5:16"],
  ["a retry without attempts", rule("retry: { on: [5xx] }"), "missing-key 5:9"],
  ["no attempt", rule("retry: { attempts: 0, on: [5xx] }"), "invalid-value 5:28"],
  ["101 attempts", rule("retry: { attempts: 101, on: [5xx] }"), "invalid-value 5:28"],
  ["a retry on nothing", rule("retry: { attempts: 1, on: [] }"), "invalid-value 5:35"],
  [
    "a retry whose tries have no time",
    rule("retry: { attempts: 1, on: [5xx], perTryTimeout: 0s }"),
    "invalid-value 5:57",
  ],
  ["a back-off without a base", rule("retry: { attempts: 1, on: [5xx], backoff: { max: 1s } }"), "missing-key 5:42"],
  ["a split that is a list", "splits: { s: [a] }\n", "wrong-type 1:14"],
  ["a split without backends", "splits:\n  s: { default: { a: 1 } }\n", "missing-key 2:3"],
  ["a split without a default", `${shop}splits:\n  s: { backends: { a: { service: shop } } }\n`, "missing-key 3:3"],
  [
    "a negative weight in a split",
    `${shop}splits: { s: { backends: { a: { service: shop } }, default: { a: -1 } } }\n`,
    "invalid-value 2:66",
  ],
  [
    "a weight in a split that is a text",
    `${shop}splits: { s: { backends: { a: { service: shop } }, default: { a: "1" } } }\n`,
    "wrong-type 2:66",
  ],
  [
    "a limit for what is no backend of the split",
    `${shop}splits:\n  s: { backends: { a: { service: shop } }, default: { a: 1 }, limits: { b: { max: 5 } } }\n`,
    "dangling-reference 3:73",
  ],
  [
    "a limit of more than everything",
    `${shop}splits:\n  s: { backends: { a: { service: shop } }, default: { a: 1 }, limits: { a: { max: 500 } } }\n`,
    "invalid-value 3:83",
  ],
  [
    "users who are told by two things",
    `${shop}splits:\n  s: { backends: { a: { service: shop } }, default: { a: 1 }, sticky: { header: a, cookie: b } }\n`,
    "invalid-value 3:71",
  ],
  [
    "sticky users who are told by nothing",
    `${shop}splits:\n  s: { backends: { a: { service: shop } }, default: { a: 1 }, sticky: {} }\n`,
    "missing-key 3:71",
  ],
  [
    "a lease that ends in something else",
    `${shop}splits:\n  s: { backends: { a: { service: shop } }, default: { a: 1 }, onLeaseExpiry: rollback }\n`,
    "invalid-value 3:78",
  ],
  [
    "a subset in a split that is not there",
    `${shop}splits: { s: { backends: { a: { service: shop, subset: v9 } }, default: { a: 1 } } }\n`,
    "dangling-reference 2:56",
  ],
  ["a gateway that is a list", "gateways: { g: [] }\n", "wrong-type 1:16"],
  ["listeners that are none", "gateways: { g: { listeners: [] } }\n", "invalid-value 1:29"],
  ["a listener without a name", "gateways: { g: { listeners: [{ port: 80 }] } }\n", "missing-key 1:30"],
  ["a listener without a port", "gateways: { g: { listeners: [{ name: http }] } }\n", "missing-key 1:30"],
  ["a port that is a text", 'gateways: { g: { listeners: [{ name: http, port: "80" }] } }\n', "wrong-type 1:50"],
  ["a port that is too large", "gateways: { g: { listeners: [{ name: http, port: 65536 }] } }\n", "invalid-value 1:50"],
  ["an address with a port", listener('address: "0.0.0.0:80"'), "invalid-value 3:39"],
  ["an address that is a network", listener("address: 10.0.0.0/8"), "invalid-value 3:39"],
  ["a protocol that is none", listener("protocol: FTP"), "invalid-value 3:40"],
  ["a typo in a listener", listener("adress: 0.0.0.0"), "unknown-key 3:30"],
  [
    "the same port on all addresses and on one",
    "gateways:\n  g: { listeners: [{ name: a, port: 80 }, { name: b, port: 80, address: 0.0.0.0 }] }\n",
    "conflicting-address 2:60",
  ],
  ["a group that is a list", "nodes: { edge: [] }\n", "wrong-type 1:16"],
  ["a group with a typo", "nodes: { edge: { mach: {} } }\n", "unknown-key 1:18"],
  ["an id that is a number", "nodes: { edge: { match: { id: 5 } } }\n", "wrong-type 1:31"],
  ["ids that are none", "nodes: { edge: { match: { id: [] } } }\n", "invalid-value 1:31"],
  ["a locality that is a text", "nodes: { edge: { match: { locality: eu } } }\n", "wrong-type 1:37"],
  [
    "a zone of a locality that is a number",
    "nodes: { edge: { match: { locality: { zone: 1 } } } }\n",
    "wrong-type 1:45",
  ],
  ["a metadata path that is empty", 'nodes: { edge: { match: { metadata: { "": x } } } }\n', "invalid-value 1:39"],
  ["a metadata path with two dots", 'nodes: { edge: { match: { metadata: { "a..b": x } } } }\n', "invalid-value 1:39"],
  ["consistency that is none", "nodes: { edge: { consistency: loose } }\n", "invalid-value 1:31"],
  ["a guard that is true", "nodes: { edge: { removalGuard: true } }\n", "wrong-type 1:32"],
  ["a guard over 100 %", "nodes: { edge: { removalGuard: { percent: 101 } } }\n", "invalid-value 1:43"],
  ["a drain time in parts of a second", drain("1.5s"), "invalid-value 1:69"],
  ["a drain time of zero", drain("0s"), "invalid-value 1:69"],
  ["a drain time without its unit", drain("60"), "wrong-type 1:69"],
  ["a drain without its time", drain(undefined), "missing-key 1:54"],
  ["a deadline of zero", "nodes: { edge: { updates: { deadline: 0s } } }\n", "invalid-value 1:39"],
  [
    "a deadline that does something else",
    "nodes: { edge: { updates: { onDeadline: retry } } }\n",
    "invalid-value 1:41",
  ],
  ["a group without its service", "nodes: { edge: { services: [ghost] } }\n", "dangling-reference 1:29"],
];
