/**
 * The part of the intent about `secrets`: certificates, keys and authorities with their content.
 *
 * What is in here goes into SDS resources and nowhere else: no diagnostic, log or page quotes it.
 */
import type { Place } from "./diagnostic.ts";

/** Something that TLS needs, by name. */
export type Secret = { readonly name: string; readonly at: Place } & (
  | { readonly kind: "certificate"; readonly certificate: SecretText; readonly privateKey: SecretText }
  | { readonly kind: "ca"; readonly ca: SecretText }
);

/** PEM, or the path on the Envoy's own disk where it is. */
export type SecretText =
  | { readonly kind: "inline"; readonly pem: string }
  | { readonly kind: "nodeFile"; readonly path: string };
