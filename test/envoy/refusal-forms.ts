/**
 * Config files around one part of an Envoy resource, for the table of what Envoy refuses.
 *
 * `NAME` becomes a name of its own for each row and `PORT` a port, so that one Envoy can be given all rows.
 */
const types = "type.googleapis.com/envoy";

/** A type of an extension. */
export const extension = (type: string) => `${types}.extensions.${type}`;

/** An extension as filters, sockets and loggers are written. */
export const filter = (name: string, type: string, rest = "") =>
  `{ name: ${name}, typed_config: { "@type": ${extension(type)}${rest} } }`;

export const router = filter("router", "filters.http.router.v3.Router");
export const cors = filter("cors", "filters.http.cors.v3.Cors");
export const networkRbac = filter("rbac", "filters.network.rbac.v3.RBAC", ", stat_prefix: x");
export const tcpProxy = filter("tcp", "filters.network.tcp_proxy.v3.TcpProxy", ", stat_prefix: x, cluster: x");

function resource(type: string, fields: string): string {
  return `resources:\n  - "@type": ${types}.config.${type}\n${indent(fields, 4)}\n`;
}

function indent(text: string, by: number): string {
  return text.replaceAll(/^/gm, " ".repeat(by));
}

export const cluster = (fields: string) => resource("cluster.v3.Cluster", `name: NAME\nconnect_timeout: 1s\n${fields}`);

/** A cluster of a type with one endpoint, or with those that are given. */
export const clusterOf = (type: string, fields: string, endpoints = endpoint("10.0.0.1")) =>
  cluster(
    `type: ${type}\nload_assignment:\n  cluster_name: NAME\n  endpoints:\n    - lb_endpoints: [${endpoints}]\n${fields}`,
  );

export const endpoint = (address: string) =>
  `{ endpoint: { address: { socket_address: { address: "${address}", port_value: 80 } } } }`;

export const assignment = (fields: string) =>
  resource("endpoint.v3.ClusterLoadAssignment", `cluster_name: NAME\n${fields}`);

export const assigned = (endpoints: string) => assignment(`endpoints:\n  - lb_endpoints: [${endpoints}]`);

export const listener = (fields: string) =>
  resource("listener.v3.Listener", `name: NAME\nbind_to_port: false\n${fields}`);

const anyPort = "address: { socket_address: { address: 127.0.0.1, port_value: PORT } }";

/** A listener with the fields of these filter chains. */
export const chains = (...fields: readonly string[]) =>
  listener(
    `${anyPort}\nfilter_chains:\n${fields.map((each) => `  - filters: [${tcpProxy}]\n${indent(each, 4)}`).join("\n")}`,
  );

export const filters = (...list: readonly string[]) =>
  listener(`${anyPort}\nfilter_chains:\n  - filters:\n${list.map((each) => `      - ${each}`).join("\n")}`);

export const onPort = (fields: string) => listener(`${anyPort}\n${fields}`);

/** A listener of UDP with these fields. */
export const onUdpPort = (fields: string) =>
  resource(
    "listener.v3.Listener",
    `name: NAME\naddress: { socket_address: { protocol: UDP, address: 127.0.0.1, port_value: PORT } }\n${fields}`,
  );

/** A listener with these fields in its HTTP connection manager. */
export const manager = (fields: string) =>
  onPort(`filter_chains:
  - filters:
      - name: http
        typed_config:
          "@type": ${extension("filters.network.http_connection_manager.v3.HttpConnectionManager")}
          stat_prefix: x
          route_config: { virtual_hosts: [{ name: a, domains: [a], routes: [{ match: { prefix: / }, direct_response: { status: 200 } }] }] }
${indent(fields, 10)}`);

export const httpFilters = (...list: readonly string[]) =>
  manager(`http_filters:\n${list.map((each) => `  - ${each}`).join("\n")}`);

export const logging = (format: string) =>
  manager(`access_log:
  - name: out
    typed_config:
      "@type": ${extension("access_loggers.stream.v3.StdoutAccessLog")}
      log_format: { ${format} }`);

export const routes = (fields: string) => resource("route.v3.RouteConfiguration", `name: NAME\n${fields}`);

/** A route configuration with virtual hosts of these domains. */
export const domains = (...lists: readonly string[]) =>
  routes(
    `virtual_hosts:\n${lists.map((list, index) => `  - name: h${index}\n    domains: [${list.replace(/( # here)?$/, "]$1")}`).join("\n")}`,
  );

export const virtualHost = (fields: string) =>
  routes(`virtual_hosts:\n  - name: a\n    domains: ["*"]\n${indent(fields, 4)}`);

export const route = (fields: string) => virtualHost(`routes:\n  - name: a\n${indent(fields, 4)}`);

export const match = (fields: string) => route(`direct_response: { status: 200 }\nmatch:\n${indent(fields, 2)}`);

export const answering = (fields: string) => route(`match: { prefix: / }\ndirect_response: { status: 200 }\n${fields}`);

export const forwarding = (fields: string) => route(`match: { prefix: / }\nroute:\n  cluster: x\n${indent(fields, 2)}`);

export const weighted = (fields: string) =>
  route(`match: { prefix: / }\nroute:\n  weighted_clusters:\n${indent(fields, 4)}`);

/** A cluster with TLS. */
export const tlsUpstream = (common: string) =>
  clusterOf(
    "STATIC",
    `transport_socket:
  name: tls
  typed_config:
    "@type": ${extension("transport_sockets.tls.v3.UpstreamTlsContext")}
    common_tls_context:
${indent(common, 6)}`,
  );
