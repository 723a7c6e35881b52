/**
 * What a real Envoy refuses and takes of QUIC; `refusal-rows-listener.ts` says what a row is.
 *
 * A health check in HTTP/3 is not among them, because it ends the Envoy: `wrong-http3.test.ts` has it.
 */
import { certificatesDir } from "../support/certificates.ts";
import { clusterOf, extension, onUdpPort, router, tcpProxy } from "./refusal-forms.ts";
import type { Row } from "./refusal-rows-listener.ts";

const quicOptions = "udp_listener_config: { quic_options: {} }";
const http = `{ name: http, typed_config: { "@type": ${extension("filters.network.http_connection_manager.v3.HttpConnectionManager")}, stat_prefix: x, codec_type: HTTP3, route_config: {}, http_filters: [${router}] } }`;
const certificate = `{ certificate_chain: { filename: ${certificatesDir}/one.pem }, private_key: { filename: ${certificatesDir}/one.key } }`;
const context = `{ common_tls_context: { tls_certificates: [${certificate}] } }`;
const quic = `{ name: quic, typed_config: { "@type": ${extension("transport_sockets.quic.v3.QuicDownstreamTransport")}, downstream_tls_context: ${context} } }`;
const tls = `{ name: tls, typed_config: { "@type": ${extension("transport_sockets.tls.v3.DownstreamTlsContext")}, common_tls_context: { tls_certificates: [${certificate}] } } }`;

const chain = (filters: string, socket: string, more = quicOptions) =>
  onUdpPort(
    `${more}\nfilter_chains:\n  - filters: [${filters}] # here\n${socket === "" ? "" : `    transport_socket: ${socket}\n`}`,
  );

const spoken = (options: string) =>
  clusterOf(
    "STATIC",
    `transport_socket:
  name: envoy.transport_sockets.quic
  typed_config:
    "@type": ${extension("transport_sockets.quic.v3.QuicUpstreamTransport")}
    upstream_tls_context: { sni: a.test }
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": ${extension("upstreams.http.v3.HttpProtocolOptions")}
    ${options}`,
  );

export const quics: readonly Row[] = [
  ["HTTP/3", chain(http, quic).replace(" # here", ""), "", ""],
  [
    "filter chains on UDP without QUIC",
    onUdpPort(`filter_chains: # here\n  - filters: [${http}]\n    transport_socket: ${quic}`),
    "connection-less UDP listener",
    "envoy-refused",
  ],
  ["QUIC without TLS", chain(http, ""), "no transport socket specified", "envoy-refused"],
  ["TLS of TCP over QUIC", chain(http, tls), "wrong transport socket config", "envoy-refused"],
  ["a TCP proxy over QUIC", chain(tcpProxy, quic), "requires http_connection_manager", "envoy-refused"],
  ["a cluster of HTTP/3", spoken("explicit_http_config: { http3_protocol_options: {} }"), "", ""],
  [
    "HTTP/3 beside others without a memory of which",
    spoken("auto_config: { http3_protocol_options: {} } # here"),
    "alternate protocols cache must be configured",
    "envoy-refused",
  ],
];
