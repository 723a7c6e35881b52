/**
 * The part of the intent about `secrets`: certificates, keys and authorities with their content.
 *
 * What is in here goes into SDS resources and nowhere else: no diagnostic, log or page quotes it.
 */
import type { Place } from "./diagnostic.ts";

/** Something that TLS needs, or a filter, by name. */
export type Secret = { readonly name: string; readonly at: Place } & (
  | { readonly kind: "certificate"; readonly certificate: SecretText; readonly privateKey: SecretText }
  | { readonly kind: "ca"; readonly ca: SecretText }
  /** What a login is told, and the key of its cookies, which is made from that. */
  | { readonly kind: "clientSecret"; readonly clientSecret: string; readonly cookieKey: string }
);

/** Who may come in, by name; filters are told, and no SDS delivers it. */
export interface CredentialList {
  readonly name: string;
  readonly kind: "users" | "apiKeys";
  readonly entries: readonly Credential[];
}

/** A name, and the password's hash or the key that proves it. */
export interface Credential {
  readonly name: string;
  readonly secret: string;
}

/** PEM, the path on the Envoy's own disk where it is, or the key of etcd that nobody has read: then nothing is served. */
export type SecretText =
  | { readonly kind: "inline"; readonly pem: string }
  | { readonly kind: "nodeFile"; readonly path: string }
  | { readonly kind: "unread"; readonly place: string };
