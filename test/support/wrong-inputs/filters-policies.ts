/**
 * Wrong inputs about filters and policies.
 */
import type { WrongInput } from "./row.ts";
import { shop } from "./row.ts";

/** One rule of one route; each begins in line 5, column 9. */
function ruleOf(text: string): string {
  return `${shop}routes:\n  r:\n    rules:\n      - ${text}\n`;
}

export const filters: readonly WrongInput[] = [
  [
    "a filter that is none",
    ruleOf("{ filters: [{ mirro: { service: shop } }], backends: [{ service: shop }] }"),
    "unknown-key 5:23",
  ],
  [
    "two filters in one",
    ruleOf("{ filters: [{ mirror: { service: shop }, rewrite: { hostname: a } }], backends: [{ service: shop }] }"),
    "invalid-value 5:21",
  ],
  [
    "one kind twice",
    ruleOf("{ filters: [{ rewrite: { hostname: a } }, { rewrite: { hostname: b } }], backends: [{ service: shop }] }"),
    "duplicate-name 5:53",
  ],
  [
    "a redirect and a rewrite",
    ruleOf("{ filters: [{ redirect: { hostname: a } }, { rewrite: { hostname: b } }] }"),
    "invalid-value 5:54",
  ],
  [
    "a redirect and an answer",
    ruleOf("{ filters: [{ redirect: { hostname: a } }, { respond: { status: 200 } }] }"),
    "invalid-value 5:54",
  ],
  [
    "an answer with backends",
    ruleOf("{ filters: [{ respond: { status: 200 } }], backends: [{ service: shop }] }"),
    "invalid-value 5:52",
  ],
  [
    "a redirect with a split",
    `${ruleOf("{ filters: [{ redirect: { hostname: a } }], split: s }")}splits: { s: { backends: { a: { service: shop } }, default: { a: 1 } } }\n`,
    "invalid-value 5:53",
  ],
  [
    "filters that answer nothing, without backends",
    ruleOf("{ filters: [{ mirror: { service: shop } }] }"),
    "missing-key 5:9",
  ],
  ["a redirect to where the client is", ruleOf("{ filters: [{ redirect: { status: 301 } }] }"), "missing-key 5:33"],
  [
    "a status that redirects nowhere",
    ruleOf("{ filters: [{ redirect: { hostname: a, status: 300 } }] }"),
    "invalid-value 5:56",
  ],
  ["a redirect to a wildcard", ruleOf('{ filters: [{ redirect: { hostname: "*.a" } }] }'), "invalid-value 5:45"],
  [
    "a new prefix where an exact path is matched",
    ruleOf(
      "{ matches: [{ path: /a }, { path: { exact: /b } }], filters: [{ rewrite: { path: { prefix: /c } } }], backends: [{ service: shop }] }",
    ),
    "invalid-value 5:92",
  ],
  [
    "a mirror to a service that is not defined",
    ruleOf("{ filters: [{ mirror: { service: shp } }], backends: [{ service: shop }] }"),
    "dangling-reference 5:42",
  ],
  [
    "a mirror to a subset that is not defined",
    ruleOf("{ filters: [{ mirror: { service: shop, subset: v9 } }], backends: [{ service: shop }] }"),
    "dangling-reference 5:56",
  ],
  [
    "a mirror of too many percent",
    ruleOf("{ filters: [{ mirror: { service: shop, percent: 101 } }], backends: [{ service: shop }] }"),
    "invalid-value 5:57",
  ],
  [
    "a Host header that is set",
    ruleOf("{ filters: [{ requestHeaders: { set: { Host: a } } }], backends: [{ service: shop }] }"),
    "invalid-value 5:48",
  ],
  [
    "a header of two lines",
    ruleOf('{ filters: [{ requestHeaders: { set: { a: "b\\nc" } } }], backends: [{ service: shop }] }'),
    "invalid-value 5:51",
  ],
  [
    "a header that is changed twice",
    ruleOf("{ filters: [{ requestHeaders: { set: { A: b }, remove: [a] } }], backends: [{ service: shop }] }"),
    "duplicate-name 5:65",
  ],
  [
    "a backend that redirects",
    ruleOf("{ backends: [{ service: shop, filters: [{ redirect: { hostname: a } }] }] }"),
    "unknown-key 5:51",
  ],
  [
    "a header of a backend that is changed twice",
    ruleOf("{ backends: [{ service: shop, filters: [{ requestHeaders: { add: { a: b }, remove: [A] } }] }] }"),
    "duplicate-name 5:93",
  ],
  ["an answer that is no status", ruleOf("{ filters: [{ respond: { status: 600 } }] }"), "invalid-value 5:42"],
  [
    "an answer that is longer than Envoy's",
    ruleOf(`{ filters: [{ respond: { status: 200, body: ${"ä".repeat(2_049)} } }] }`),
    "invalid-value 5:53",
  ],
];

export const policies: readonly WrongInput[] = [
  ["a part that is none", "policies:\n  p: { timeout: 3s }\n", "unknown-key 2:8"],
  [
    "a try that may take longer than the request",
    "policies: { p: { timeouts: { request: 1s, backendRequest: 2s } } }\n",
    "invalid-value 1:59",
  ],
  [
    "a header of a policy that is changed twice",
    "policies: { p: { requestHeaders: { set: { a: b }, remove: [A] } } }\n",
    "duplicate-name 1:60",
  ],
  [
    "a policy that is not defined",
    ruleOf("{ backends: [{ service: shop }], policies: [p] }"),
    "dangling-reference 5:53",
  ],
  [
    "policies of a route that hold the same part",
    "policies:\n  p: { timeouts: { request: 1s } }\n  q: { timeouts: { idle: 1s }, retry: { attempts: 1, on: [reset] } }\n" +
      `${shop}routes: { r: { policies: [p, q], rules: [{ backends: [{ service: shop }] }] } }\n`,
    "invalid-value 5:30",
  ],
  [
    "a policy that a gateway has twice",
    "policies: { p: {} }\ngateways: { g: { listeners: [{ name: a, port: 1 }], policies: [p, p] } }\n",
    "duplicate-name 2:67",
  ],
];
