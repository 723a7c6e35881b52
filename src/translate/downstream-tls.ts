/**
 * The TLS of a listener: a transport socket that shows certificates, and may demand one.
 */
import type { TransportSocketJson } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type {
  CommonTlsContextJson,
  DownstreamTlsContextJson,
} from "../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.d.ts";
import type { ListenerTls } from "../model/intent-gateway.ts";
import { packAny } from "./pack-any.ts";
import { secretFromAds } from "./secret.ts";
import { matchSubjectAltName } from "./subject-alt-name.ts";

const sockets = "envoy.extensions.transport_sockets";
/** What Envoy takes for a server by itself, written out so that a reader sees what is in force. */
const defaults = { minVersion: "TLSv1_2", maxVersion: "TLSv1_3" } as const;
/** HTTP/2 for those who can. */
const alpn = ["h2", "http/1.1"];

export function translateDownstreamTls(tls: ListenerTls): TransportSocketJson {
  return {
    name: "envoy.transport_sockets.tls",
    typedConfig: packAny(`${sockets}.tls.v3.DownstreamTlsContext`, contextOf(tls)),
  };
}

/** The same over QUIC, which knows no older version and offers nothing but HTTP/3. */
export function translateQuicTls(tls: ListenerTls): TransportSocketJson {
  const downstreamTlsContext = contextOf({ ...tls, minVersion: "TLSv1_3", maxVersion: "TLSv1_3", alpn: ["h3"] });
  return {
    name: "envoy.transport_sockets.quic",
    typedConfig: packAny(`${sockets}.quic.v3.QuicDownstreamTransport`, { downstreamTlsContext }),
  };
}

function contextOf(tls: ListenerTls): DownstreamTlsContextJson {
  return {
    commonTlsContext: {
      tlsParams: {
        tlsMinimumProtocolVersion: tls.minVersion ?? defaults.minVersion,
        tlsMaximumProtocolVersion: tls.maxVersion ?? defaults.maxVersion,
      },
      tlsCertificateSdsSecretConfigs: tls.certificates.map(secretFromAds),
      ...verification(tls),
      ...(tls.alpn?.length === 0 ? {} : { alpnProtocols: [...(tls.alpn ?? alpn)] }),
    },
    requireClientCertificate: tls.clientCa !== undefined,
  };
}

function verification({ clientCa, clientSubjectAltNames: names }: ListenerTls): CommonTlsContextJson {
  if (clientCa === undefined) return {};
  const authorities = secretFromAds(clientCa);
  if (names === undefined) return { validationContextSdsSecretConfig: authorities };
  const own = { matchTypedSubjectAltNames: names.map(matchSubjectAltName) };
  return {
    combinedValidationContext: { defaultValidationContext: own, validationContextSdsSecretConfig: authorities },
  };
}
