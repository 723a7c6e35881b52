/**
 * A Secret: a certificate with its key, the authorities that certificates are checked against, or what a login is told.
 *
 * Secrets go by SDS and never inside a listener or cluster, so that a renewed certificate touches nothing
 * else: Envoy takes it for new connections, and those that are open stay.
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/security/secret
 */
import type { DataSourceJson } from "../gen/envoy/config/core/v3/base_pb.d.ts";
import type { SdsSecretConfigJson, SecretJson } from "../gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.d.ts";
import { cookieKeyName } from "../model/filter-oidc.ts";
import type { Secret, SecretText } from "../model/intent-secret.ts";
import { fromAds } from "./config-source.ts";
import type { EnvoyResource } from "./envoy-resource.ts";
import { envoyResource, envoyTypes } from "./envoy-resource.ts";

export function translateSecret(secret: Secret): readonly EnvoyResource[] {
  const { name, at } = secret;
  if (secret.kind === "clientSecret") {
    const generic = (key: string, inlineString: string): EnvoyResource =>
      envoyResource(envoyTypes.secret, key, { name: key, genericSecret: { secret: { inlineString } } }, at);
    return [generic(name, secret.clientSecret), generic(cookieKeyName(name), secret.cookieKey)];
  }
  const json: SecretJson =
    secret.kind === "ca"
      ? { name, validationContext: { trustedCa: dataSource(secret.ca) } }
      : {
          name,
          tlsCertificate: {
            certificateChain: dataSource(secret.certificate),
            privateKey: dataSource(secret.privateKey),
          },
        };
  return [envoyResource(envoyTypes.secret, name, json, at)];
}

/** How a TLS context names a secret. */
export function secretFromAds(name: string): SdsSecretConfigJson {
  return { name, sdsConfig: fromAds };
}

function dataSource(text: SecretText): DataSourceJson {
  switch (text.kind) {
    case "nodeFile":
      return { filename: text.path };
    case "inline":
      return { inlineString: text.pem };
    case "unread":
      // Of the form of what would be there, which is looked at.
      return { inlineString: `-----BEGIN ${text.place}-----` };
  }
}
