/**
 * What a real Envoy refuses and takes of listeners and routes, and what is told about it before it is served.
 *
 * A row is a config file, a part of what Envoy answers ("" when it takes it), and the code with which it is
 * refused here ("" when nothing is said). `# here` marks the line that must be named. Rows with words and
 * without a code are mistakes that `fairway check --envoy` is for: they depend on the build or the machine,
 * or they are too rare.
 */
import {
  chains,
  cors,
  extension,
  filter,
  filters,
  httpFilters,
  listener,
  logging,
  manager,
  networkRbac,
  onPort,
  router,
  tcpProxy,
} from "./refusal-forms.ts";

/** Title, config, Envoy's words, our code. */
export type Row = readonly [title: string, config: string, envoy: string, code: string];

export const listeners: readonly Row[] = [
  [
    "a name as the address of a listener",
    listener(
      `address: { socket_address: { address: localhost, port_value: PORT } } # here\nfilter_chains: [{ filters: [${tcpProxy}] }]`,
    ),
    "malformed IP address: localhost",
    "malformed-address",
  ],
  [
    "brackets around the address of a listener",
    listener(
      `address: { socket_address: { address: "[::1]", port_value: PORT } } # here\nfilter_chains: [{ filters: [${tcpProxy}] }]`,
    ),
    "malformed IP address: [::1]",
    "malformed-address",
  ],
  [
    "the name of a port",
    listener(
      `address: { socket_address: { address: 127.0.0.1, named_port: http } } # here\nfilter_chains: [{ filters: [${tcpProxy}] }]`,
    ),
    "can't handle port specifier type",
    "envoy-refused",
  ],
  [
    "no address",
    listener(`filter_chains: [{ filters: [${tcpProxy}] }]`).replace(/(@type.*)/, "$1 # here"),
    "address is necessary",
    "missing-key",
  ],
  ["no filter chain", onPort("").replace(/(@type.*)/, "$1 # here"), "no filter chains specified", "missing-key"],
  ["a default filter chain only", onPort(`default_filter_chain: { filters: [${tcpProxy}] }`), "", ""],
  ["an empty filter chain", onPort("filter_chains: [{}]"), "", ""],
  [
    "two filter chains without a match",
    chains("name: a", "name: b").replace(/(- filters.*)\n(\s+name: b)/, "$1 # here\n$2"),
    "has the same matching rules",
    "filter-chain-conflict",
  ],
  [
    "server names that overlap",
    chains("filter_chain_match: { server_names: [a.b, c.d] }", "filter_chain_match: { server_names: [C.D] }").replace(
      /(- filters[^\n]*)(\n[^\n]*C\.D)/,
      "$1 # here$2",
    ),
    "overlapping matching rules",
    "filter-chain-conflict",
  ],
  [
    "a server name twice",
    chains("filter_chain_match: { server_names: [a.b, a.b] }").replace(/(- filters[^\n]*)/, "$1 # here"),
    "overlapping matching rules",
    "filter-chain-conflict",
  ],
  [
    "ranges that are one",
    chains(
      "filter_chain_match: { prefix_ranges: [{ address_prefix: 10.0.0.1, prefix_len: 8 }] }",
      "filter_chain_match: { prefix_ranges: [{ address_prefix: 10.0.0.2, prefix_len: 8 }] }",
    ).replace(/(- filters[^\n]*)(\n[^\n]*10.0.0.2)/, "$1 # here$2"),
    "overlapping matching rules",
    "filter-chain-conflict",
  ],
  [
    "ranges inside each other",
    chains(
      "filter_chain_match: { prefix_ranges: [{ address_prefix: 10.0.0.1, prefix_len: 8 }] }",
      "filter_chain_match: { prefix_ranges: [{ address_prefix: 10.0.0.2, prefix_len: 16 }] }",
    ),
    "",
    "",
  ],
  [
    "a server name and its wildcard",
    chains(
      "filter_chain_match: { server_names: [a.b] }",
      "filter_chain_match: { server_names: ['*.b'] }",
      "name: rest",
    ),
    "",
    "",
  ],
  [
    "one server name on two ports",
    chains(
      "filter_chain_match: { server_names: [a.b], destination_port: 1 }",
      "filter_chain_match: { server_names: [a.b], destination_port: 2 }",
    ),
    "",
    "",
  ],
  [
    "one server name in two protocols",
    chains(
      "filter_chain_match: { server_names: [a.b], application_protocols: [h2] }",
      "filter_chain_match: { server_names: [a.b] }",
    ),
    "",
    "",
  ],
  [
    "two filter chains of one name",
    chains(
      "name: a\nfilter_chain_match: { server_names: [a.b] }",
      "name: a\nfilter_chain_match: { server_names: [c.d] }",
    ),
    "",
    "",
  ],
  [
    "a wildcard inside a label",
    chains("filter_chain_match: { server_names: ['a*.b'] } # here"),
    "partial wildcards are not supported",
    "envoy-refused",
  ],
  [
    "a suffix of addresses",
    chains("filter_chain_match: { suffix_len: 8 } # here"),
    "unimplemented fields",
    "envoy-refused",
  ],
  [
    "a range that is none",
    chains("filter_chain_match: { prefix_ranges: [{ address_prefix: nope, prefix_len: 8 }] } # here"),
    "malformed IP address: nope",
    "malformed-address",
  ],
  [
    "a range that is narrower than an address",
    chains("filter_chain_match: { prefix_ranges: [{ address_prefix: 10.0.0.0, prefix_len: 33 }] }"),
    "",
    "",
  ],
  ["a TCP proxy before another", filters(`${tcpProxy} # here`, tcpProxy), "must be the last filter", "filter-order"],
  [
    "a chain that ends with RBAC",
    filters(`${networkRbac} # here`),
    "is the last filter in a network filter chain",
    "filter-order",
  ],
  [
    "a network filter without a config",
    filters("{ name: envoy.filters.network.tcp_proxy } # here"),
    "Didn't find a registered implementation",
    "missing-key",
  ],
  [
    "an HTTP filter among network filters",
    filters(`${router} # here`),
    "Didn't find a registered implementation",
    "wrong-extension",
  ],
  [
    "a network filter among listener filters",
    onPort(`filter_chains: [{ filters: [${tcpProxy}] }]\nlistener_filters:\n  - ${networkRbac} # here`),
    "Didn't find a registered implementation",
    "wrong-extension",
  ],
  [
    "a listener filter twice",
    onPort(
      `filter_chains: [{ filters: [${tcpProxy}] }]\nlistener_filters: [${filter("a", "filters.listener.tls_inspector.v3.TlsInspector")}, ${filter("a", "filters.listener.tls_inspector.v3.TlsInspector")}]`,
    ),
    "",
    "",
  ],
  [
    "TLS of clients on a listener",
    chains(`transport_socket: ${filter("t", "transport_sockets.tls.v3.UpstreamTlsContext")}`),
    "Didn't find a registered implementation",
    "",
  ],
  [
    "TLS without a certificate",
    chains(
      `transport_socket: # here\n  name: t\n  typed_config: { "@type": ${extension("transport_sockets.tls.v3.DownstreamTlsContext")}, common_tls_context: {} } # here`,
    ).replace("transport_socket: # here", "transport_socket:"),
    "No TLS certificates found",
    "envoy-refused",
  ],
];

export const managers: readonly Row[] = [
  ["no router", httpFilters(`${cors} # here`), "is the last filter in a http filter chain", "filter-order"],
  ["a router that is not last", httpFilters(`${router} # here`, cors), "must be the last filter", "filter-order"],
  ["two routers", httpFilters(`${router} # here`, router), "must be the last filter", "filter-order"],
  ["no HTTP filters", manager(""), "", ""],
  ["one filter twice", httpFilters(cors, cors, router), "", ""],
  [
    "a router that is disabled",
    httpFilters(`${router.replace("router,", "router, disabled: true,")} # here`),
    "cannot be disabled by default",
    "envoy-refused",
  ],
  [
    "an HTTP filter without a config",
    httpFilters("{ name: envoy.filters.http.cors } # here", router),
    "Didn't find a registered implementation",
    "missing-key",
  ],
  [
    "a network filter among HTTP filters",
    httpFilters(`${networkRbac} # here`, router),
    "Didn't find a registered implementation",
    "wrong-extension",
  ],
  [
    "an optional filter that is none",
    httpFilters(networkRbac.replace("rbac,", "rbac, is_optional: true,"), router),
    "",
    "",
  ],
  [
    "an upgrade without a router",
    manager(`http_filters: [${router}]\nupgrade_configs:\n  - { upgrade_type: websocket, filters: [${cors}] } # here`),
    "http upgrade filter chain",
    "filter-order",
  ],
  [
    "an upgrade twice",
    manager(
      `http_filters: [${router}]\nupgrade_configs:\n  - { upgrade_type: websocket }\n  - { upgrade_type: WebSocket } # here`,
    ),
    "multiple upgrade configs",
    "duplicate-name",
  ],
  [
    "a negative idle timeout of streams",
    manager("stream_idle_timeout: -1s # here"),
    "Expected positive duration",
    "envoy-refused",
  ],
  [
    "a negative idle timeout of connections",
    manager("common_http_protocol_options: { idle_timeout: -1s } # here"),
    "Expected positive duration",
    "envoy-refused",
  ],
  ["a timeout of zero", manager("request_timeout: 0s"), "", ""],
  [
    "two ways to the client's address",
    manager(
      `use_remote_address: true\noriginal_ip_detection_extensions:\n  - ${filter("x", "http.original_ip_detection.xff.v3.XffConfig", ", xff_num_trusted_hops: 1")} # here`,
    ),
    "may not be mixed",
    "envoy-refused",
  ],
  [
    "two ways to strip the port",
    manager("strip_matching_host_port: true\nstrip_any_host_port: true # here"),
    "Only one of",
    "envoy-refused",
  ],
  ["HTTP/3 over TCP", manager("codec_type: HTTP3"), "HTTP/3 codec configured on non-QUIC listener", ""],
  [
    "a percent sign in a log format",
    logging('text_format_source: { inline_string: "100% of" }').replace(/(log_format.*)/, "$1 # here"),
    "Couldn't find valid command",
    "invalid-format",
  ],
  [
    "a percent sign in a log format in JSON",
    logging('json_format: { a: { b: "100% of" } }').replace(/(log_format.*)/, "$1 # here"),
    "Couldn't find valid command",
    "invalid-format",
  ],
  [
    "two percent signs in a log format",
    logging('text_format_source: { inline_string: "100%% of %PROTOCOL% %START_TIME(%s.%3f)% %REQ(a?b):10%" }'),
    "",
    "",
  ],
  [
    "an unknown command in a log format",
    logging('text_format_source: { inline_string: "%NOPE%" }').replace(/(log_format.*)/, "$1 # here"),
    "Not supported field in StreamInfo",
    "invalid-format",
  ],
  [
    "a log file that cannot be written",
    manager(`access_log: [${filter("f", "access_loggers.file.v3.FileAccessLog", ", path: /nonexistent/log")}]`),
    "unable to open file",
    "",
  ],
];
