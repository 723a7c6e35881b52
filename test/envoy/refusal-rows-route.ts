/**
 * What a real Envoy refuses and takes of virtual hosts, routes and regular expressions; `refusal-rows-listener.ts`
 * says what a row is.
 */
import {
  answering,
  domains,
  filter,
  forwarding,
  httpFilters,
  match,
  route,
  router,
  routes,
  virtualHost,
  weighted,
} from "./refusal-forms.ts";
import type { Row } from "./refusal-rows-listener.ts";

const header = (key: string, value: string) =>
  answering(`request_headers_to_add:\n  - { header: { key: "${key}", value: "${value}" } } # here`);

export const hosts: readonly Row[] = [
  ["a domain of two virtual hosts", domains("a.b", "A.B # here"), "Only unique values for domains", "duplicate-domain"],
  [
    "a domain twice in a virtual host",
    domains("a.b, a.b # here"),
    "Only unique values for domains",
    "duplicate-domain",
  ],
  ["two virtual hosts for the rest", domains('"*"', '"*" # here'), "Only a single wildcard domain", "duplicate-domain"],
  ["a domain with and without port", domains("a.b", '"a.b:80"'), "", ""],
  ["wildcards on both ends", domains('"*.a", "a.*", "*foo*", "a*b"'), "", ""],
  ["two virtual hosts of one name", domains("a", "b").replace("h1", "h0"), "", ""],
  [
    "both routes and a matcher",
    virtualHost("routes: [{ match: { prefix: / }, direct_response: { status: 200 } }]\nmatcher: {} # here"),
    "cannot set both matcher and routes",
    "envoy-refused",
  ],
  [
    "a virtual cluster that matches nothing",
    virtualHost("virtual_clusters:\n  - { name: a } # here"),
    "must define 'headers'",
    "missing-key",
  ],
  [
    "a body over the limit",
    route(
      `match: { prefix: / }\ndirect_response:\n  status: 200\n  body: { inline_string: ${"a".repeat(4_097)} } # here`,
    ),
    "maximum is 4096",
    "envoy-refused",
  ],
  [
    "a body at the limit",
    route(`match: { prefix: / }\ndirect_response: { status: 200, body: { inline_string: ${"a".repeat(4_096)} } }`),
    "",
    "",
  ],
  [
    "a body under a raised limit",
    routes(
      `max_direct_response_body_size_bytes: 5000\nvirtual_hosts: [{ name: a, domains: [a], routes: [{ match: { prefix: / }, direct_response: { status: 200, body: { inline_string: ${"a".repeat(4_999)} } } }] }]`,
    ),
    "",
    "",
  ],
  [
    "a body in a file that is not there",
    route("match: { prefix: / }\ndirect_response: { status: 200, body: { filename: /nonexistent } }"),
    "does not exist",
    "",
  ],
  [":path as a header to add", header(":path", "a"), "may not be modified", "protected-header"],
  ["Host as a header to add", header("Host", "a"), "may not be modified", "protected-header"],
  [
    "host as a response header to add",
    answering("response_headers_to_add:\n  - { header: { key: host, value: a } } # here"),
    "may not be modified",
    "protected-header",
  ],
  [
    "host as a header to remove",
    answering("request_headers_to_remove: [host] # here"),
    "may not be removed",
    "protected-header",
  ],
  ["an odd name as a header to add", header("a(b", "a").replace(" # here", ""), "", ""],
  ["a percent sign in a header", header("a", "100%"), "Couldn't find valid command", "invalid-format"],
  ["a command in lower case", header("a", "%protocol%"), "Couldn't find valid command", "invalid-format"],
  ["a command that does not end", header("a", "%REQ(a"), "Couldn't find valid command", "invalid-format"],
  [
    "commands in a header",
    header("a", "%REQ(a?b):10% 100%% %DYNAMIC_METADATA(a:b)% %CEL(request.path)%").replace(" # here", ""),
    "",
    "",
  ],
  ["an unknown command in a header", header("a", "%NOPE%"), "Not supported field in StreamInfo", "invalid-format"],
  [
    "an override of no filter",
    answering(
      `typed_per_filter_config: { a: { "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig } } # here`,
    ),
    "Empty route/virtual host per filter configuration",
    "missing-key",
  ],
  [
    "an override that disables a filter",
    answering(
      `typed_per_filter_config: { a: { "@type": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true } }`,
    ),
    "",
    "",
  ],
];

export const actions: readonly Row[] = [
  [
    "weights of zero",
    weighted("clusters: # here\n  - { name: a, weight: 0 }\n  - { name: b, weight: 0 }"),
    "must be greater than 0",
    "invalid-weights",
  ],
  [
    "no weight",
    weighted("clusters:\n  - { name: a } # here\n  - { name: b, weight: 1 }"),
    "Field 'weight' is missing",
    "invalid-weights",
  ],
  [
    "weights beyond 32 bits",
    weighted("clusters: # here\n  - { name: a, weight: 4294967295 }\n  - { name: b, weight: 1 }"),
    "exceeds 4294967295",
    "invalid-weights",
  ],
  ["weights of just 32 bits", weighted("clusters: [{ name: a, weight: 4294967294 }, { name: b, weight: 1 }]"), "", ""],
  ["one weight of zero", weighted("clusters: [{ name: a, weight: 0 }, { name: b, weight: 1 }]"), "", ""],
  ["a cluster twice", weighted("clusters: [{ name: a, weight: 1 }, { name: a, weight: 1 }]"), "", ""],
  [
    "a weight of nothing",
    weighted("clusters:\n  - { weight: 1 } # here"),
    "At least one of name or cluster_header",
    "envoy-refused",
  ],
  [
    "two rewrites of the path",
    forwarding("prefix_rewrite: /b\nregex_rewrite: { pattern: { regex: a }, substitution: b } # here"),
    "Specify only one of",
    "envoy-refused",
  ],
  [
    "a mirror of nothing",
    forwarding("request_mirror_policies:\n  - {} # here"),
    "need to be specified",
    "envoy-refused",
  ],
  [
    "an upgrade of a route twice",
    forwarding("upgrade_configs:\n  - { upgrade_type: websocket }\n  - { upgrade_type: WebSocket } # here"),
    "Duplicate upgrade",
    "duplicate-name",
  ],
  [
    "CONNECT settings of a web socket",
    forwarding("upgrade_configs:\n  - { upgrade_type: websocket, connect_config: {} } # here"),
    "Non-CONNECT upgrade type",
    "envoy-refused",
  ],
  ["a negative timeout", forwarding("timeout: -1s # here"), "Expected positive duration", "envoy-refused"],
  [
    "a negative timeout of a try",
    forwarding("retry_policy: { per_try_timeout: -1s } # here"),
    "Expected positive duration",
    "envoy-refused",
  ],
  [
    "a backoff that shrinks",
    forwarding("retry_policy: { retry_back_off: { base_interval: 2s, max_interval: 1s } } # here"),
    "max_interval must",
    "envoy-refused",
  ],
  [
    "a negative age of a cookie",
    forwarding("hash_policy:\n  - { cookie: { name: a, ttl: -1s } } # here"),
    "Expected positive duration",
    "envoy-refused",
  ],
  [
    "a plugin that is not there",
    route("match: { prefix: / }\nroute: { cluster_specifier_plugin: nobody } # here"),
    "Unknown cluster specifier plugin",
    "dangling-reference",
  ],
  ["an unknown reason for retries", forwarding("retry_policy: { retry_on: nope }"), "", ""],
];

export const regexes: readonly Row[] = [
  ["the path of a route", match('safe_regex: { regex: "(" } # here'), "missing ): (", "invalid-regex"],
  [
    "a header",
    match('prefix: /\nheaders: [{ name: a, string_match: { safe_regex: { regex: "(?!a)b" } } }] # here'),
    "invalid perl operator",
    "invalid-regex",
  ],
  [
    "a query parameter",
    match('prefix: /\nquery_parameters: [{ name: a, string_match: { safe_regex: { regex: "[" } } }] # here'),
    "missing ]: [",
    "invalid-regex",
  ],
  [
    "a hash policy",
    forwarding(
      'hash_policy:\n  - { header: { header_name: a, regex_rewrite: { pattern: { regex: "(" }, substitution: x } } } # here',
    ),
    "missing ): (",
    "invalid-regex",
  ],
  [
    "a rewrite",
    forwarding('regex_rewrite: { pattern: { regex: "(a)\\\\1" }, substitution: x } # here'),
    "invalid escape sequence",
    "invalid-regex",
  ],
  [
    "a redirect",
    route('match: { prefix: / }\nredirect: { regex_rewrite: { pattern: { regex: "a**" }, substitution: x } } # here'),
    "bad repetition operator",
    "invalid-regex",
  ],
  [
    "a retriable header",
    forwarding(
      'retry_policy: { retriable_headers: [{ name: a, string_match: { safe_regex: { regex: ")" } } }] } # here',
    ),
    "unexpected ): )",
    "invalid-regex",
  ],
  [
    "a virtual cluster",
    virtualHost(
      'virtual_clusters:\n  - { name: a, headers: [{ name: ":path", string_match: { safe_regex: { regex: "(" } } }] } # here',
    ),
    "missing ): (",
    "invalid-regex",
  ],
  [
    "a filter inside an Any",
    httpFilters(
      `${filter("rbac", "filters.http.rbac.v3.RBAC", ', rules: { policies: { a: { permissions: [{ url_path: { path: { safe_regex: { regex: "(" } } } }], principals: [{ any: true }] } } }')} # here`,
      router,
    ),
    "missing ): (",
    "invalid-regex",
  ],
  ["more than Envoy's limit for a program", match('safe_regex: { regex: "[^/]{98}" }'), "max program size of 100", ""],
];
