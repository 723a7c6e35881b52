/**
 * Wrong inputs about raw resources and patches.
 */
import type { WrongInput } from "./row.ts";
import { rawCluster, shop } from "./row.ts";

/** A patch of a cluster that is there; its change stands on the fourth line. */
const patch = (change: string) => `${shop}patches:\n  - target: { type: Cluster, name: shop }\n    ${change}\n`;
const raw = (type: string, fields: string) =>
  `resources:\n  - "@type": type.googleapis.com/envoy.config.${type}\n    ${fields}\n`;

export const resources: readonly WrongInput[] = [
  ["resources that are a map", "resources: { a: 1 }\n", "wrong-type 1:12"],
  ["a resource that is a text", "resources: [a]\n", "wrong-type 1:13"],
  ["a type that is a number", 'resources: [{ "@type": 1 }]\n', "wrong-type 1:24"],
  ["a type that is a typo", raw("cluster.v3.Clusterr", "name: a"), "unknown-envoy-type 2:14"],
  [
    "a type of the old API",
    'resources: [{ "@type": type.googleapis.com/envoy.api.v2.Cluster, name: a }]\n',
    "unsupported-resource-type 1:24",
  ],
  ["a name that is a number", raw("cluster.v3.Cluster", "name: 1"), "invalid-envoy-resource 3:11"],
  ["a name that is empty", raw("cluster.v3.Cluster", 'name: ""'), "missing-key 3:5"],
  ["a time to live that is a number", `${rawCluster}    ttl: 60\n`, "wrong-type 4:10"],
  [
    "a time to live of endpoints",
    raw("endpoint.v3.ClusterLoadAssignment", "cluster_name: a\n    ttl: 60s"),
    "invalid-value 4:10",
  ],
  ["a time to live that is too short", `${rawCluster}    ttl: 100ms\n`, "invalid-value 4:10"],
  ["a list where a map is meant", `${rawCluster}    load_assignment: []\n`, "invalid-envoy-resource 4:22"],
  ["a map where a list is meant", `${rawCluster}    health_checks: {}\n`, "invalid-envoy-resource 4:20"],
  [
    "a text where a number is meant",
    `${rawCluster}    per_connection_buffer_limit_bytes: lots\n`,
    "invalid-envoy-resource 4:40",
  ],
  [
    "a number beyond 32 bits",
    `${rawCluster}    per_connection_buffer_limit_bytes: 4294967296\n`,
    "invalid-envoy-resource 4:40",
  ],
  ["a negative number", `${rawCluster}    per_connection_buffer_limit_bytes: -1\n`, "invalid-envoy-resource 4:40"],
  ["a fraction", `${rawCluster}    per_connection_buffer_limit_bytes: 1.5\n`, "invalid-envoy-resource 4:40"],
  ["a duration in minutes", `${rawCluster}    connect_timeout: 5m\n`, "invalid-envoy-resource 4:22"],
  ["a duration in words", `${rawCluster}    connect_timeout: soon\n`, "invalid-envoy-resource 4:22"],
  ["a boolean in words", `${rawCluster}    ignore_health_on_host_removal: maybe\n`, "invalid-envoy-resource 4:36"],
  ["an enum in lower case", `${rawCluster}    lb_policy: random\n`, "invalid-envoy-resource 4:16"],
  ["two alternatives", `${rawCluster}    type: STATIC\n    cluster_type: { name: x }\n`, "invalid-envoy-resource 2:5"],
  [
    "an extension without a type",
    `${rawCluster}    transport_socket: { name: tls, typed_config: { sni: a } }\n`,
    "invalid-envoy-resource 4:36",
  ],
  [
    "an extension of no type",
    `${rawCluster}    transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/a.B } }\n`,
    "unknown-envoy-type 4:61",
  ],
  [
    "a typo in an extension",
    `${rawCluster}    transport_socket: { name: tls, typed_config: { "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, snii: a } }\n`,
    "invalid-envoy-resource 4:143",
  ],
  ["a group that is no text", `${rawCluster}    nodes: 5\n`, "wrong-type 4:12"],
  [
    "a cluster that a raw route misses",
    raw(
      "route.v3.RouteConfiguration",
      'name: r\n    virtual_hosts: [{ name: v, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: ghost } }] }]',
    ),
    "dangling-reference 2:5",
  ],
  ["patches that are a map", "patches: {}\n", "wrong-type 1:10"],
  ["a patch without a target", "patches: [{ merge: {} }]\n", "missing-key 1:11"],
  ["a patch without a change", `${shop}patches: [{ target: { type: Cluster, name: shop } }]\n`, "missing-key 2:11"],
  [
    "a patch of a type that is a typo",
    `${shop}patches: [{ target: { type: Clusters, name: shop }, merge: {} }]\n`,
    "invalid-value 2:29",
  ],
  ["a patch without a name", `${shop}patches: [{ target: { type: Cluster }, merge: {} }]\n`, "missing-key 2:13"],
  [
    "a patch of what is not there",
    `${shop}patches: [{ target: { type: Cluster, name: ship }, merge: {} }]\n`,
    "unmatched-patch 2:44",
  ],
  [
    "a patch of a group that is not there",
    `${shop}patches: [{ target: { type: Cluster, name: shop }, nodes: edge, merge: {} }]\n`,
    "dangling-reference 2:59",
  ],
  ["a patch in two ways", patch("merge: {}\n    jsonPatch: [{ op: remove, path: /a }]"), "invalid-value 5:16"],
  ["a patch with a typo", patch("merge: { conect_timeout: 1s }"), "invalid-patch 4:14"],
  ["a patch with a wrong value", patch("merge: { connect_timeout: soon }"), "invalid-envoy-resource 4:14"],
  ["a patch that renames", patch("merge: { name: other }"), "invalid-patch 3:5"],
  ["a patch with an unknown operation", patch("jsonPatch: [{ op: set, path: /a }]"), "invalid-value 4:23"],
  ["a patch with a path without slash", patch("jsonPatch: [{ op: remove, path: a }]"), "invalid-value 4:37"],
  ["a patch that adds nothing", patch("jsonPatch: [{ op: add, path: /a }]"), "missing-key 4:17"],
  [
    "a patch that removes with a value",
    patch("jsonPatch: [{ op: remove, path: /connect_timeout, value: 1 }]"),
    "invalid-value 4:62",
  ],
  [
    "a patch that removes what is not there",
    patch("jsonPatch: [{ op: remove, path: /health_checks/0 }]"),
    "invalid-patch 4:17",
  ],
  ["a patch that moves from nowhere", patch("jsonPatch: [{ op: move, path: /alt_stat_name }]"), "missing-key 4:17"],
];
