/**
 * The transport socket of a bootstrap with TLS: how an Envoy checks the control plane, and shows who it is.
 */
import { isIP } from "node:net";
import type { JsonObject } from "./bootstrap-node.ts";
import type { BootstrapTls, HostPort } from "./bootstrap-options.ts";

const UPSTREAM_TLS = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";

/**
 * The certificate must have the name, or else the host that Envoy connects to. Of several replicas each has its own; one
 * that has another's has been given it by the same authority, and is believed.
 */
export function tlsTransportSocket({ caFile, name, own }: BootstrapTls, replicas: readonly HostPort[]): JsonObject {
  const expected = name === undefined ? [...new Set(replicas.map(({ host }) => host))] : [name];
  const [first] = expected;
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `type.googleapis.com/${UPSTREAM_TLS}`,
      // Addresses are not allowed there (RFC 6066).
      ...(expected.length === 1 && first !== undefined && isIP(first) === 0 ? { sni: first } : {}),
      ...(expected.length > 1 && expected.some((host) => isIP(host) === 0) ? { auto_host_sni: true } : {}),
      common_tls_context: {
        alpn_protocols: ["h2"],
        tls_params: { tls_minimum_protocol_version: "TLSv1_2" },
        ...(own === undefined
          ? {}
          : {
              tls_certificates: [
                { certificate_chain: { filename: own.certFile }, private_key: { filename: own.keyFile } },
              ],
            }),
        validation_context: {
          trusted_ca: { filename: caFile },
          match_typed_subject_alt_names: expected.map((host) => ({
            san_type: isIP(host) === 0 ? "DNS" : "IP_ADDRESS",
            matcher: { exact: host },
          })),
        },
      },
    },
  };
}
