/**
 * The TLS of a cluster: a transport socket that verifies the endpoints, and may show a certificate to them.
 *
 * The name that Envoy asks for (SNI) is the one that is written, else the name that DNS found the endpoints
 * by, else the host of each request; and the certificate must have that name, unless others are written.
 */
import type { TransportSocketJson } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type { UpstreamHttpProtocolOptionsJson } from "../gen/envoy/config/core/v3/protocol_pb.d.ts";
import type { CertificateValidationContextJson } from "../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.d.ts";
import type {
  CommonTlsContextJson,
  UpstreamTlsContextJson,
} from "../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.d.ts";
import type { DnsDiscovery, ServiceTls } from "../model/intent-service.ts";
import { packAny } from "./pack-any.ts";
import { secretFromAds } from "./secret.ts";
import { matchSubjectAltName } from "./subject-alt-name.ts";

/** The same as for listeners, written out so that a reader sees what is in force. */
const defaults = { minVersion: "TLSv1_2", maxVersion: "TLSv1_3" } as const;

/** The TLS of endpoints that DNS finds: they are called what they were looked up by. */
export function namedByDns(tls: ServiceTls | undefined, dns: DnsDiscovery | undefined): ServiceTls | undefined {
  return tls === undefined || dns === undefined ? tls : { sni: dns.name, ...tls };
}

const sockets = "envoy.extensions.transport_sockets";

export function translateUpstreamTls(tls: ServiceTls): TransportSocketJson {
  return {
    name: "envoy.transport_sockets.tls",
    typedConfig: packAny(`${sockets}.tls.v3.UpstreamTlsContext`, contextOf(tls)),
  };
}

/**
 * The same over QUIC, which knows no older version; by this name alone Envoy knows it. With `auto` Envoy makes the
 * connections over TCP of it too, and these may be older.
 */
export function translateUpstreamQuic(tls: ServiceTls, protocol: "http3" | "auto"): TransportSocketJson {
  const upstreamTlsContext = contextOf(
    protocol === "auto" ? tls : { ...tls, minVersion: "TLSv1_3", maxVersion: "TLSv1_3" },
  );
  return {
    name: "envoy.transport_sockets.quic",
    typedConfig: packAny(`${sockets}.quic.v3.QuicUpstreamTransport`, { upstreamTlsContext }),
  };
}

function contextOf(tls: ServiceTls): UpstreamTlsContextJson {
  return {
    commonTlsContext: {
      tlsParams: {
        tlsMinimumProtocolVersion: tls.minVersion ?? defaults.minVersion,
        tlsMaximumProtocolVersion: tls.maxVersion ?? defaults.maxVersion,
      },
      ...(tls.clientCertificate === undefined
        ? {}
        : { tlsCertificateSdsSecretConfigs: [secretFromAds(tls.clientCertificate)] }),
      ...verification(tls),
    },
    ...(tls.sni === undefined ? {} : { sni: tls.sni }),
  };
}

/** What the cluster's HTTP options need; undefined when the name is the same for all requests. */
export function nameFromRequest(tls: ServiceTls): UpstreamHttpProtocolOptionsJson | undefined {
  if (tls.sni !== undefined) return undefined;
  return { autoSni: true, autoSanValidation: tls.ca !== undefined && tls.subjectAltNames === undefined };
}

function verification({ ca, sni, subjectAltNames }: ServiceTls): CommonTlsContextJson {
  if (ca === undefined) return {};
  const names = subjectAltNames ?? (sni === undefined ? [] : [sni]);
  const own: CertificateValidationContextJson =
    names.length === 0 ? {} : { matchTypedSubjectAltNames: names.map(matchSubjectAltName) };
  return {
    combinedValidationContext: { defaultValidationContext: own, validationContextSdsSecretConfig: secretFromAds(ca) },
  };
}
