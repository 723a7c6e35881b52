/**
 * Wrong inputs that fit Envoy's types and that Envoy refuses nevertheless: its constraints, and what it says
 * beyond them.
 */
import type { WrongInput } from "./row.ts";
import { rawCluster } from "./row.ts";

/** A raw cluster with one more line, the fourth. */
const cluster = (line: string) => `${rawCluster}    connect_timeout: 1s\n    ${line}\n`;
/** A raw listener whose filter chains stand on the fifth line. */
const listener = (chains: string) =>
  `resources:\n  - "@type": type.googleapis.com/envoy.config.listener.v3.Listener\n    name: raw\n    address: { socket_address: { address: 127.0.0.1, port_value: 9 } }\n    filter_chains: ${chains}\n`;
/** A raw route configuration whose virtual hosts stand on the fourth line. */
const hosts = (text: string) =>
  `resources:\n  - "@type": type.googleapis.com/envoy.config.route.v3.RouteConfiguration\n    name: raw\n    virtual_hosts: ${text}\n`;
/** One of its routes. */
const route = (text: string) => hosts(`[{ name: v, domains: ["*"], routes: [${text}] }]`);
/** A raw load assignment whose endpoints stand on the fourth line. */
const assignment = (text: string) =>
  `resources:\n  - "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment\n    cluster_name: raw\n    endpoints: ${text}\n`;
const tcp = `{ name: t, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: fairway_xds } }`;
const endpoint = (address: string) =>
  `{ endpoint: { address: { socket_address: { address: ${address}, port_value: 1 } } } }`;

export const envoyRefusals: readonly WrongInput[] = [
  ["a connect timeout of zero", `${rawCluster}    connect_timeout: 0s\n`, "envoy-constraint 4:22"],
  [
    "an ejection percentage of 101",
    cluster("outlier_detection: { max_ejection_percent: 101 }"),
    "envoy-constraint 5:48",
  ],
  [
    "a health check without thresholds",
    cluster("health_checks: [{ timeout: 1s, interval: 1s, tcp_health_check: {} }]"),
    "envoy-constraint 5:21",
    "envoy-constraint 5:21",
  ],
  ["an enum that is a number of nobody", cluster("lb_policy: 99"), "envoy-constraint 5:16"],
  ["a virtual host without domains", hosts("[{ name: v }]"), "envoy-constraint 4:21"],
  ["a virtual host without a name", hosts('[{ domains: ["*"] }]'), "envoy-constraint 4:21"],
  ["a route without a match", route("{ direct_response: { status: 200 } }"), "envoy-constraint 4:57"],
  ["a route without an action", route("{ match: { prefix: / } }"), "envoy-constraint 4:57"],
  [
    "an answer with a status of 99",
    route("{ match: { prefix: / }, direct_response: { status: 99 } }"),
    "envoy-constraint 4:108",
  ],
  [
    "a port beyond 65535",
    listener("[]").replace("port_value: 9", "port_value: 65536"),
    "envoy-constraint 4:66",
    "missing-key 5:20",
  ],
  [
    "a TCP proxy without a prefix",
    listener(`[{ filters: [${tcp.replace("stat_prefix: t, ", "")}] }]`),
    "envoy-constraint 5:44",
  ],
  [
    "a domain in two virtual hosts",
    hosts("[{ name: a, domains: [x.com] }, { name: b, domains: [X.com] }]"),
    "duplicate-domain 4:73",
  ],
  [
    "two virtual hosts for every domain",
    hosts('[{ name: a, domains: ["*"] }, { name: b, domains: ["*"] }]'),
    "duplicate-domain 4:71",
  ],
  [
    "a pattern that RE2 refuses",
    route('{ match: { safe_regex: { regex: "(?=a)" } }, direct_response: { status: 200 } }'),
    "invalid-regex 4:89",
  ],
  [
    "weights that sum to zero",
    route("{ match: { prefix: / }, route: { weighted_clusters: { clusters: [{ name: fairway_xds, weight: 0 }] } } }"),
    "invalid-weights 4:121",
  ],
  [
    "a host name among endpoints",
    assignment(`[{ lb_endpoints: [${endpoint("localhost")}] }]`),
    "malformed-address 4:86",
  ],
  [
    "an octet of 256 among endpoints",
    assignment(`[{ lb_endpoints: [${endpoint("1.1.1.256")}] }]`),
    "malformed-address 4:86",
  ],
  [
    "filter chains with the same match",
    listener(`[{ filters: [${tcp}] }, { filters: [${tcp}] }]`),
    "filter-chain-conflict 5:190",
  ],
  [
    "a network filter behind the last",
    listener(`[{ filters: [${tcp}, ${tcp.replace("name: t", "name: u")}] }]`),
    "filter-order 5:33",
  ],
  [
    "an HTTP filter among network filters",
    listener(
      '[{ filters: [{ name: r, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }] }]',
    ),
    "wrong-extension 5:69",
  ],
  [
    "a header that no route may change",
    route('{ match: { prefix: / }, direct_response: { status: 200 }, request_headers_to_remove: [":path"] }'),
    "protected-header 4:143",
  ],
  [
    "a format with a stray percent sign",
    route(
      '{ match: { prefix: / }, direct_response: { status: 200 }, response_headers_to_add: [{ header: { key: a, value: "50%" } }] }',
    ),
    "invalid-format 4:168",
  ],
];
