/**
 * What a real Envoy refuses and takes of clusters and endpoints; `refusal-rows-listener.ts` says what a row is.
 */
import { assigned, assignment, cluster, clusterOf, endpoint, networkRbac, tlsUpstream } from "./refusal-forms.ts";
import type { Row } from "./refusal-rows-listener.ts";

const checkWith = (fields: string) =>
  clusterOf(
    "STATIC",
    `health_checks:\n  - { timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, ${fields} } # here`,
  );

export const clusters: readonly Row[] = [
  ["a check by gRPC over HTTP/1", checkWith("grpc_health_check: {}"), "must support HTTP/2 for gRPC", ""],
  [
    "EDS without a source",
    cluster("type: EDS").replace(/(@type.*)/, "$1 # here"),
    "without an EDS config",
    "missing-key",
  ],
  [
    "a source of endpoints without EDS",
    clusterOf("STATIC", "eds_cluster_config: { eds_config: { ads: {}, resource_api_version: V3 } } # here"),
    "eds_cluster_config set in a non-EDS cluster",
    "envoy-refused",
  ],
  [
    "a name in a STATIC cluster",
    clusterOf("STATIC", "", `${endpoint("shop.local")}] # here`).replace("# here]", "# here"),
    "malformed IP address: shop.local",
    "malformed-address",
  ],
  ["a name in a STRICT_DNS cluster", clusterOf("STRICT_DNS", "", endpoint("shop.invalid")), "", ""],
  [
    "an endpoint without an address",
    clusterOf("STATIC", "", "{ endpoint: {} }] # here").replace("# here]", "# here"),
    "Address must be set",
    "missing-key",
  ],
  [
    "two names in a LOGICAL_DNS cluster",
    clusterOf("LOGICAL_DNS", "", `${endpoint("a.invalid")}, ${endpoint("b.invalid")}`).replace(
      "load_assignment:",
      "load_assignment: # here",
    ),
    "must have a single",
    "envoy-refused",
  ],
  [
    "ORIGINAL_DST with a load balancer",
    cluster("type: ORIGINAL_DST").replace(/(@type.*)/, "$1 # here"),
    "is not valid for Cluster type ORIGINAL_DST",
    "envoy-refused",
  ],
  [
    "ORIGINAL_DST with endpoints",
    clusterOf("ORIGINAL_DST", "lb_policy: CLUSTER_PROVIDED").replace("load_assignment:", "load_assignment: # here"),
    "must have no load assignment",
    "envoy-refused",
  ],
  ["ORIGINAL_DST by itself", cluster("type: ORIGINAL_DST\nlb_policy: CLUSTER_PROVIDED"), "", ""],
  [
    "a load balancer that a STATIC cluster does not have",
    clusterOf("STATIC", "lb_policy: CLUSTER_PROVIDED # here"),
    "cluster provided LB specified",
    "envoy-refused",
  ],
  [
    "a ring that is too small for itself",
    clusterOf(
      "STATIC",
      "lb_policy: RING_HASH\nring_hash_lb_config: { minimum_ring_size: 100, maximum_ring_size: 10 } # here",
    ),
    "minimum_ring_size (100) > maximum_ring_size (10)",
    "envoy-refused",
  ],
  [
    "a largest ring below the default smallest",
    clusterOf("STATIC", "lb_policy: RING_HASH\nring_hash_lb_config: { maximum_ring_size: 10 } # here"),
    "minimum_ring_size (1024)",
    "envoy-refused",
  ],
  [
    "a ring that is not used",
    clusterOf("STATIC", "lb_policy: RANDOM\nring_hash_lb_config: { maximum_ring_size: 10 }"),
    "",
    "",
  ],
  [
    "a table of a size that is no prime",
    clusterOf("STATIC", "lb_policy: MAGLEV\nmaglev_lb_config: { table_size: 100 } # here"),
    "must be prime number",
    "envoy-refused",
  ],
  ["a table of a prime size", clusterOf("STATIC", "lb_policy: MAGLEV\nmaglev_lb_config: { table_size: 101 }"), "", ""],
  [
    "no policy where one is announced",
    clusterOf("STATIC", "lb_policy: LOAD_BALANCING_POLICY_CONFIG").replace(/(@type.*)/, "$1 # here"),
    "load_balancing_policy need to be set",
    "missing-key",
  ],
  [
    "a list of no policies",
    clusterOf("STATIC", "load_balancing_policy: {} # here"),
    "didn't find a registered load balancer factory",
    "missing-key",
  ],
  [
    "fallback keys that are no keys",
    clusterOf(
      "STATIC",
      "lb_subset_config:\n  subset_selectors:\n    - { keys: [a, b], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [c] } # here",
    ),
    "must be a subset of selector keys",
    "envoy-refused",
  ],
  [
    "fallback keys that are all keys",
    clusterOf(
      "STATIC",
      "lb_subset_config:\n  subset_selectors:\n    - { keys: [a], fallback_policy: KEYS_SUBSET, fallback_keys_subset: [a] } # here",
    ),
    "cannot be equal to keys",
    "envoy-refused",
  ],
  [
    "two health checks without names",
    clusterOf(
      "STATIC",
      "health_checks:\n  - { timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} } # here\n  - { timeout: 1s, interval: 1s, unhealthy_threshold: 1, healthy_threshold: 1, tcp_health_check: {} }",
    ),
    "is missing a name",
    "missing-key",
  ],
  [
    "statuses that end before they begin",
    checkWith("http_health_check: { path: /, expected_statuses: [{ start: 300, end: 200 }] }"),
    "expecting start < end",
    "envoy-refused",
  ],
  [
    "a status of 10",
    checkWith("http_health_check: { path: /, expected_statuses: [{ start: 10, end: 200 }] }"),
    "expecting start >= 100",
    "envoy-refused",
  ],
  [
    "all statuses",
    checkWith("http_health_check: { path: /, expected_statuses: [{ start: 100, end: 600 }] }").replace(" # here", ""),
    "",
    "",
  ],
  [
    "a payload that is not hexadecimal",
    checkWith("tcp_health_check: { send: { text: zz } }"),
    "invalid hex string",
    "envoy-refused",
  ],
  [
    "gRPC health checks over HTTP/1",
    checkWith("grpc_health_check: {}").replace(" # here", ""),
    "must support HTTP/2",
    "",
  ],
  [
    "ejections that end before they begin",
    clusterOf("STATIC", "outlier_detection: { base_ejection_time: 10s, max_ejection_time: 1s } # here"),
    "cannot be smaller than base_ejection_time",
    "envoy-refused",
  ],
  [
    "a source address that is a name",
    clusterOf("STATIC", "upstream_bind_config: { source_address: { address: nope, port_value: 0 } } # here"),
    "malformed IP address: nope",
    "malformed-address",
  ],
  [
    "circuit breakers twice",
    clusterOf("STATIC", "circuit_breakers: { thresholds: [{ max_connections: 1 }, { max_connections: 2 }] }"),
    "",
    "",
  ],
  [
    "a filter as transport socket",
    clusterOf("STATIC", `transport_socket: ${networkRbac} # here`),
    "Didn't find a registered implementation",
    "wrong-extension",
  ],
  [
    "a transport socket by name",
    clusterOf("STATIC", "transport_socket: { name: envoy.transport_sockets.tls } # here"),
    "Didn't find a registered implementation",
    "missing-key",
  ],
  [
    "a certificate that is none",
    tlsUpstream(
      "tls_certificates:\n  - certificate_chain: { inline_string: nope } # here\n    private_key: { filename: /etc/hostname }",
    ),
    "Failed to load certificate chain",
    "envoy-refused",
  ],
  [
    "an authority that is none",
    tlsUpstream("validation_context: { trusted_ca: { inline_string: nope } } # here"),
    "Failed to load trusted CA",
    "envoy-refused",
  ],
  [
    "names without an authority",
    tlsUpstream(
      "validation_context: { match_typed_subject_alt_names: [{ san_type: DNS, matcher: { exact: a } }] } # here",
    ),
    "without trusted CA is insecure",
    "envoy-refused",
  ],
  [
    "an authority in a file that is not there",
    tlsUpstream("validation_context: { trusted_ca: { filename: /nonexistent } }"),
    "Invalid path",
    "",
  ],
  [
    "a cipher that nobody knows",
    tlsUpstream("tls_params: { cipher_suites: [NOPE] }"),
    "Failed to initialize cipher suites",
    "",
  ],
];

export const endpoints: readonly Row[] = [
  [
    "a name as an endpoint",
    assigned(`${endpoint("shop.local")}] # here`).replace("# here]", "# here"),
    "malformed IP address: shop.local",
    "malformed-address",
  ],
  [
    "an address with a part of 256",
    assigned(`${endpoint("10.0.0.256")}] # here`).replace("# here]", "# here"),
    "malformed IP address: 10.0.0.256",
    "malformed-address",
  ],
  [
    "an address with a leading zero",
    assigned(`${endpoint("10.0.0.01")}] # here`).replace("# here]", "# here"),
    "malformed IP address: 10.0.0.01",
    "malformed-address",
  ],
  [
    "brackets around an address",
    assigned(`${endpoint("[::1]")}] # here`).replace("# here]", "# here"),
    "malformed IP address: [::1]",
    "malformed-address",
  ],
  [
    "an endpoint without address",
    assigned("{}] # here").replace("# here]", "# here"),
    "Address must be set",
    "missing-key",
  ],
  [
    "two categories of overload",
    assignment(
      "policy:\n  drop_overloads:\n    - { category: a, drop_percentage: { numerator: 1 } }\n    - { category: b, drop_percentage: { numerator: 1 } } # here",
    ),
    "Envoy only support one",
    "envoy-refused",
  ],
  [
    "addresses of all kinds",
    assigned(["::1", "fe80::1%lo", "::ffff:1.2.3.4", "10.0.0.1", "10.0.0.1"].map(endpoint).join(", ")),
    "",
    "",
  ],
  [
    "a gap between priorities",
    assignment(`endpoints: [{ priority: 2, lb_endpoints: [${endpoint("10.0.0.1")}] }]`),
    "",
    "",
  ],
  [
    "weights of endpoints beyond 32 bits",
    assignment(
      `endpoints: [{ lb_endpoints: [{ load_balancing_weight: 4294967295, ${endpoint("10.0.0.1").slice(2)}, { load_balancing_weight: 2, ${endpoint("10.0.0.2").slice(2)}] }]`,
    ),
    "",
    "",
  ],
];
