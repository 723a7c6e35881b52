/**
 * TLS contexts that cannot work: certificates that are none, too many or too few of them.
 *
 * No value is quoted, since these messages hold secrets.
 */
import type { DataSource } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type {
  CertificateValidationContext,
  TlsCertificate,
} from "../gen/envoy/extensions/transport_sockets/tls/v3/common_pb.d.ts";
import type {
  CommonTlsContext,
  DownstreamTlsContext,
  UpstreamTlsContext,
} from "../gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.d.ts";
import type { EnvoyProblem } from "./envoy-problem.ts";
import { refused, ruleFor, when } from "./refusal-rule.ts";
import type { RuleTable } from "./refusal-rule.ts";

const tls = "envoy.extensions.transport_sockets.tls.v3";

export const tlsRules: RuleTable = {
  [`${tls}.TlsCertificate`]: ruleFor<TlsCertificate>(({ certificateChain, privateKey }) => [
    ...pemProblems("certificate_chain", certificateChain),
    ...pemProblems("private_key", privateKey),
  ]),
  [`${tls}.CertificateValidationContext`]: ruleFor<CertificateValidationContext>(({ trustedCa }) =>
    pemProblems("trusted_ca", trustedCa),
  ),
  [`${tls}.CommonTlsContext`]: ruleFor<CommonTlsContext>(({ validationContextType }) =>
    // With another kind of validation context the certificates may come from elsewhere.
    validationContextType.case === "validationContext" ? trustProblems(validationContextType.value) : [],
  ),
  [`${tls}.UpstreamTlsContext`]: ruleFor<UpstreamTlsContext>(({ commonTlsContext: common }) =>
    when((common?.tlsCertificates.length ?? 0) + (common?.tlsCertificateSdsSecretConfigs.length ?? 0) > 1, () =>
      refused(["common_tls_context"], "a client presents one certificate, but there are several"),
    ),
  ),
  [`${tls}.DownstreamTlsContext`]: ruleFor<DownstreamTlsContext>(({ commonTlsContext: common }) =>
    when(common !== undefined && hasNoCertificate(common), () =>
      refused(["common_tls_context"], "a server needs a certificate", "write tls_certificate_sds_secret_configs"),
    ),
  ),
};

function pemProblems(field: string, source: DataSource | undefined): readonly EnvoyProblem[] {
  const specifier = source?.specifier;
  if (specifier?.case !== "inlineString" && specifier?.case !== "inlineBytes") return [];
  const text = Buffer.from(specifier.value).toString("latin1");
  const at = specifier.case === "inlineString" ? "inline_string" : "inline_bytes";
  return when(text !== "" && !text.includes("-----BEGIN "), () =>
    refused([field, at], "is not PEM: it has no -----BEGIN … line"),
  );
}

function trustProblems(context: CertificateValidationContext): readonly EnvoyProblem[] {
  const { trustedCa, caCertificateProviderInstance, systemRootCerts, customValidatorConfig } = context;
  if (trustedCa ?? caCertificateProviderInstance ?? systemRootCerts ?? customValidatorConfig) return [];
  const fields = [
    ["match_typed_subject_alt_names", context.matchTypedSubjectAltNames.length > 0],
    ["crl", context.crl !== undefined],
  ] as const;
  return fields.flatMap(([field, isSet]) =>
    when(isSet, () => refused(["validation_context", field], "is of no use without `trusted_ca`", "add `trusted_ca`")),
  );
}

function hasNoCertificate(common: CommonTlsContext): boolean {
  return (
    common.tlsCertificates.length === 0 &&
    common.tlsCertificateSdsSecretConfigs.length === 0 &&
    common.tlsCertificateProviderInstance === undefined &&
    common.customTlsCertificateSelector === undefined &&
    common.customHandshaker === undefined
  );
}
