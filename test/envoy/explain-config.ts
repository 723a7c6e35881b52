/**
 * A config with every kind of match, and requests made from a seed: for the comparison of what `explain`
 * says with what a real Envoy does.
 */
import type { Random } from "../support/random.ts";

/** The ports of the listeners, and the addresses of as many backends as there are services. */
export interface ExplainScene {
  readonly port: number;
  readonly plainPort: number;
  readonly strictPort: number;
  readonly backends: readonly string[];
}

/** A request as it is sent. */
export interface SentRequest {
  readonly port: number;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** Every rule has a service of its own, so that the backend that answers tells the rule: `s1` is the first backend. */
export function explainConfig(scene: ExplainScene): string {
  const services = scene.backends.map(
    (address, index) => `  s${index + 1}: { endpoints: ["${address}"], subsets: { only: { labels: {} } } }`,
  );
  return `${["services:", ...services].join("\n")}
gateways:
  public: { listeners: [{ name: http, port: ${scene.port}, address: 127.0.0.1 }] }
splits:
  all: { backends: { a: { service: s11 }, b: { service: s12 } }, default: { a: 100, b: 0 } }
routes:
  shop:
    hostnames: [shop.example.com]
    rules:
      - { name: exact, matches: [{ path: { exact: /cart } }, { path: { exact: /a/b } }], backends: [{ service: s1 }] }
      - name: canary
        matches: [{ path: /cart, headers: { x-canary: always } }, { path: /cart, headers: { x-team: { prefix: qa- } } }]
        backends: [{ service: s2 }]
      - { name: write, matches: [{ path: /cart, method: POST }], backends: [{ service: s3 }] }
      - { name: cart, matches: [{ path: /cart }], backends: [{ service: s4 }] }
      - { name: regex, matches: [{ path: { regex: "/[a-c]+/[0-9]+" } }], backends: [{ service: s5 }] }
      - name: debug
        matches:
          - { path: /a, queryParams: { debug: { present: true } } }
          - { path: /a, queryParams: { v: "2", x: { regex: "[a-z]+" } } }
        backends: [{ service: s6 }]
      - { name: session, matches: [{ path: /a/b, headers: { x-id: { regex: "[0-9]{1,3}" } } }], backends: [{ service: s7 }] }
      - { name: tie-b, matches: [{ path: /tie }], backends: [{ service: s8 }] }
      - { name: tie-a, matches: [{ path: /tie }], backends: [{ service: s9 }] }
      - { name: split, matches: [{ path: /split }], split: all }
      - name: mixed
        matches: [{ path: /mixed }]
        backends: [{ service: s13, weight: 50 }, { service: s14, weight: 50 }, { service: s15, weight: 0 }]
  any-shop:
    hostnames: ["*.example.com", "*.shop.example.com"]
    rules: [{ backends: [{ service: s10 }] }]
  deep:
    hostnames: ["*.deep.shop.example.com"]
    rules: [{ matches: [{ path: /only }], backends: [{ service: s15 }] }]
resources:
${rawListener("plain", scene.plainPort, "merge_slashes: true, upgrade_configs: [{ upgrade_type: CONNECT }]")}
${rawListener("strict", scene.strictPort, "normalize_path: true, path_with_escaped_slashes_action: UNESCAPE_AND_FORWARD, strip_matching_host_port: true, strip_trailing_host_dot: true, use_remote_address: true")}
`;
}

function rawListener(name: string, port: number, options: string): string {
  return `  - "@type": type.googleapis.com/envoy.config.listener.v3.Listener
    name: ${name}
    address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
    filter_chains:
      - filters:
          - name: hcm
            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager, stat_prefix: ${name}, ${options}, rds: { route_config_name: ${name}, config_source: { ads: {}, resource_api_version: V3 } }, http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }] }
  - "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration
    name: ${name}
    ignore_path_parameters_in_path_matching: ${name === "plain"}
    virtual_hosts:
${virtualHosts}`;
}

/** Kinds that only Envoy's own words have. Each route says its name in \`x-route\`. */
const virtualHosts = [
  `      - name: prefixed`,
  `        domains: ["static.*", "static.example.*"]`,
  `        response_headers_to_add: [{ header: { key: x-route, value: "%ROUTE_NAME%" } }]`,
  `        routes:`,
  route("folded", `{ prefix: /CASE, case_sensitive: false }`, `direct_response: { status: 201 }`),
  route(
    "range",
    `{ prefix: /, headers: [{ name: x-id, range_match: { start: -5, end: 100 } }] }`,
    `direct_response: { status: 202 }`,
  ),
  route(
    "inverted",
    `{ prefix: /, headers: [{ name: x-team, string_match: { exact: qa-1 }, invert_match: true }] }`,
    `direct_response: { status: 203 }`,
  ),
  route(
    "empty",
    `{ prefix: /, headers: [{ name: x-team, string_match: { exact: "" }, treat_missing_header_as_empty: true }, { name: x-canary, present_match: true, invert_match: true }] }`,
    `direct_response: { status: 209 }`,
  ),
  route(
    "suffix",
    `{ prefix: /, headers: [{ name: x-canary, string_match: { suffix: AYS, ignore_case: true } }] }`,
    `direct_response: { status: 206 }`,
  ),
  route("tunnel", `{ connect_matcher: {} }`, `direct_response: { status: 215 }`),
  `      - name: rest`,
  `        domains: ["*"]`,
  `        response_headers_to_add: [{ header: { key: x-route, value: "%ROUTE_NAME%" } }]`,
  `        routes:`,
  route(
    "cookie",
    `{ prefix: /a, cookies: [{ name: user, string_match: { prefix: a } }] }`,
    `direct_response: { status: 210 }`,
  ),
  route(
    "no-cookie",
    `{ path: /a/b, cookies: [{ name: user, string_match: { contains: b }, invert_match: true }] }`,
    `direct_response: { status: 211 }`,
  ),
  route(
    "never",
    `{ prefix: /, runtime_fraction: { default_value: { numerator: 0 } } }`,
    `direct_response: { status: 212 }`,
  ),
  route("grpc", `{ prefix: /, grpc: {} }`, `direct_response: { status: 213 }`),
  route(
    "absent",
    `{ prefix: /cart, headers: [{ name: x-canary, present_match: false }], query_parameters: [{ name: debug, present_match: true }] }`,
    `direct_response: { status: 214 }`,
  ),
  route(
    "contains",
    `{ prefix: /cart, headers: [{ name: x-canary, string_match: { contains: way } }, { name: ":method", string_match: { safe_regex: { regex: "GET|PUT" } } }] }`,
    `route: { cluster: s1, prefix_rewrite: /basket }`,
  ),
  route(
    "authority",
    `{ prefix: /, headers: [{ name: ":authority", string_match: { prefix: other } }] }`,
    `route: { cluster: s2, host_rewrite_literal: "internal.example" }`,
  ),
  route(
    "path-header",
    `{ prefix: /mixed, headers: [{ name: ":path", string_match: { suffix: "?v=2" } }] }`,
    `route: { cluster: s3, regex_rewrite: { pattern: { regex: "/([a-z]+)" }, substitution: "/x-\\\\1" } }`,
  ),
  route("stem", `{ path_separated_prefix: /cart }`, `route: { cluster: s4, prefix_rewrite: /c }`),
  route("to-https", `{ prefix: /tie }`, `redirect: { https_redirect: true }`),
  route(
    "to-host",
    `{ prefix: /split }`,
    `redirect: { host_redirect: new.example, prefix_rewrite: /parts, strip_query: true, response_code: FOUND }`,
  ),
  route(
    "to-port",
    `{ prefix: /only }`,
    `redirect: { port_redirect: 8443, path_redirect: "/moved", response_code: PERMANENT_REDIRECT }`,
  ),
  route(
    "to-path",
    `{ prefix: /case }`,
    `redirect: { path_redirect: "/moved?x=1", scheme_redirect: ftp, response_code: SEE_OTHER }`,
  ),
  route(
    "regex-redirect",
    `{ safe_regex: { regex: "/a.*" } }`,
    `redirect: { regex_rewrite: { pattern: { regex: "^/a(.*)" }, substitution: "/z\\\\1" }, response_code: TEMPORARY_REDIRECT }`,
  ),
  route(
    "by-header",
    `{ prefix: /b, headers: [{ name: x-id }] }`,
    `route: { cluster_header: x-cluster, cluster_not_found_response_code: NOT_FOUND }`,
  ),
  route(
    "weighted",
    `{ prefix: /b }`,
    `route: { weighted_clusters: { clusters: [{ name: s5, weight: 0 }, { name: s6, weight: 3 }] } }`,
  ),
].join("\n");

function route(name: string, match: string, action: string): string {
  return `          - { name: ${name}, match: ${match}, ${action} }`;
}

const hosts = [
  "shop.example.com",
  "SHOP.Example.com",
  "shop.example.com:8080",
  "shop.example.com:80",
  "shop.example.com:443",
  "shop.example.com.",
  "www.example.com",
  "a.shop.example.com",
  "x.deep.shop.example.com",
  ".shop.example.com",
  "example.com",
  "other.example",
  "static.example.org",
  "static.example.com:99",
  "Static.x",
  "static.",
  "[::1]:8080",
];

const segments = [
  "cart",
  "a",
  "b",
  "c",
  "12",
  "tie",
  "split",
  "mixed",
  "only",
  "case",
  "CASE",
  "Cart",
  "carts",
  "a;v=1",
];
const odd = [
  "..",
  ".",
  "",
  "%2e%2e",
  "%2E",
  "a%2Fb",
  "%63art",
  "%5c",
  "a\\b",
  "a|b",
  "{x}",
  "%zz",
  "%",
  "~%7e",
  "a+b",
  "<>",
  "%00",
  "*",
];
const queries = [
  "",
  "",
  "",
  "?",
  "?debug",
  "?debug=1&v=2",
  "?v=2",
  "?v=2&x=abc",
  "?v=1&v=2&x=a",
  "?x=A1&v=2",
  "?%76=2",
  "?x=/../y//z",
  "??v=2",
];

/** A request that is near enough to the rules that many match and many miss by a hair. */
export function randomRequest(random: Random, ports: readonly number[]): SentRequest {
  const { pick, chance, int } = random;
  const parts = Array.from({ length: 1 + int(3) }, () => (chance(0.25) ? pick(odd) : pick(segments)));
  const near = chance(0.15) ? pick(["/a/12", "/b/7", "/a/b/c", "/a/b", "/a;v=1/b"]) : `/${parts.join("/")}`;
  const path = `${near}${chance(0.15) ? "/" : ""}${chance(0.01) ? "#part" : ""}${pick(queries)}`;
  const headers: (readonly [string, string])[] = [];
  if (chance(0.4)) headers.push(["x-canary", pick(["always", "never", "ALWAYS", "", "always, never"])]);
  if (chance(0.1)) headers.push(["x-canary", "always"]);
  if (chance(0.4)) headers.push(["x-team", pick(["qa-1", "qa-", "dev", ""])]);
  if (chance(0.4))
    headers.push(["X-Id", pick(["7", "100", "-5", "-6", "1000", "7a", " 42", "+7", "99999999999999999999"])]);
  if (chance(0.3))
    headers.push(["cookie", pick(["user=abc", "x=1; user=b", 'user="ab"', "user", "users=ab", "a=user=a; user = a"])]);
  if (chance(0.05))
    headers.push(["content-type", pick(["application/grpc", "application/grpc+proto", "application/grpcx"])]);
  if (chance(0.2)) headers.push(["x-cluster", pick(["s7", "nowhere", ""])]);
  if (chance(0.1)) headers.push(["x-forwarded-proto", pick(["https", "http"])]);
  return {
    port: pick(ports),
    ...methodAndHost(random),
    path,
    headers,
  };
}

function methodAndHost({ pick, chance }: Random): Pick<SentRequest, "method" | "host"> {
  // Whoever sends CONNECT names a port.
  if (chance(0.03))
    return { method: "CONNECT", host: pick(["shop.example.com:80", "static.x:443", "other.example:8080"]) };
  return {
    method: chance(0.02)
      ? pick(["post", "Get", "PURGE", "QUERY"])
      : pick(["GET", "GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]),
    host: chance(0.4) ? "shop.example.com" : pick(hosts),
  };
}
